//! Baggage of several formats in one.

use std::borrow::Cow;

use opentelemetry::{
    Context,
    baggage::{Baggage, BaggageExt},
    propagation::Extractor,
};

/// Entries on their way into the baggage of a context.
pub(crate) struct Merge {
    context: Context,
    /// `None` until there is one more.
    baggage: Option<Baggage>,
}

impl Merge {
    pub(crate) fn onto(context: Context) -> Self {
        Self {
            context,
            baggage: None,
        }
    }

    /// `context` with this baggage, and with what it had before under other keys.
    pub(crate) fn under(mut baggage: Baggage, context: &Context) -> Context {
        for (key, (value, metadata)) in context.baggage() {
            if baggage.get(key).is_none() && !has(&baggage, key.as_str(), value.as_str()) {
                baggage.insert_with_metadata(key.clone(), value.clone(), metadata.clone());
            }
        }
        context.with_baggage(baggage)
    }

    /// An entry over one of the same key. It is left out where the same entry is there under a key in another case:
    /// names of headers lose theirs, and the other format knows better.
    pub(crate) fn add(&mut self, key: &str, value: Cow<'_, str>) {
        let before = self.context.baggage();
        let known = self.baggage.as_ref().unwrap_or(before);
        if !has(known, key, &value) {
            let baggage = self.baggage.get_or_insert_with(|| copy(before));
            // Refuses a key that is no token and what goes beyond the limits, and keeps the others.
            baggage.insert(key.to_owned(), value.into_owned());
        }
    }

    /// Each header that begins so is an entry; the rest of its name is the key, in lower case. The name of a variable has
    /// `_` for `-`.
    pub(crate) fn add_prefixed(
        &mut self,
        extractor: &dyn Extractor,
        prefix: &str,
        decode: fn(&str) -> Cow<'_, str>,
    ) {
        for name in extractor.keys() {
            let Some((start, key)) = name.split_at_checked(prefix.len()) else {
                continue;
            };
            if is_prefix(start, prefix)
                && let Some(value) = extractor.get(name)
            {
                self.add(&key.to_ascii_lowercase(), decode(value.trim()));
            }
        }
    }

    pub(crate) fn finish(self) -> Context {
        match self.baggage {
            Some(baggage) => self.context.with_baggage(baggage),
            None => self.context,
        }
    }
}

fn is_prefix(start: &str, prefix: &str) -> bool {
    let same =
        |(had, want): (u8, u8)| had.eq_ignore_ascii_case(&want) || (had, want) == (b'_', b'-');
    start.bytes().zip(prefix.bytes()).all(same)
}

fn copy(baggage: &Baggage) -> Baggage {
    let entries = baggage.iter();
    entries
        .map(|(key, entry)| (key.clone(), entry.clone()))
        .collect()
}

fn has(baggage: &Baggage, key: &str, value: &str) -> bool {
    let is_it = |known: &str| known.eq_ignore_ascii_case(key);
    baggage
        .iter()
        .any(|(known, (held, _))| held.as_str() == value && is_it(known.as_str()))
}
