//! Each key once, with its last value: the specification's "Set Attributes". The SDK keeps all that was set.

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;

/// Leaves out what was set anew.
pub(super) fn keep_last(span: &mut SpanData) {
    last_of(&mut span.attributes);
    for event in &mut span.events.events {
        last_of(&mut event.attributes);
    }
    for link in &mut span.links.links {
        last_of(&mut link.attributes);
    }
}

/// A key stays where it was first. Sets are small, and nearly all of them have each key once.
fn last_of(attributes: &mut Vec<KeyValue>) {
    let is_known = |(at, new): (usize, &KeyValue)| attributes.iter().take(at).any(is_of(new));
    if !attributes.iter().enumerate().any(is_known) {
        return;
    }
    let mut kept: Vec<KeyValue> = Vec::with_capacity(attributes.len());
    for new in attributes.drain(..) {
        match kept.iter_mut().find(|known| is_of(&new)(known)) {
            Some(known) => known.value = new.value,
            None => kept.push(new),
        }
    }
    *attributes = kept;
}

fn is_of(new: &KeyValue) -> impl Fn(&KeyValue) -> bool {
    |known| known.key == new.key
}
