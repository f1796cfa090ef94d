//! The attributes by which a span, or its resource, is found.

use opentelemetry_proto::tonic::{common::v1::KeyValue, trace::v1::Span};

use super::search::Search;
use crate::batch::{LONGEST_NAME, LONGEST_TAG, cut, text_of};

/// What of a search has been found in a trace so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    tags: Vec<bool>,
    text: bool,
}

/// Each attribute of the span and of its events, and the words of its status.
pub(super) fn each(span: &Span, mut tell: impl FnMut(&str, &str)) {
    of(&span.attributes, &mut tell);
    for event in &span.events {
        of(&event.attributes, &mut tell);
    }
    if let Some(status) = &span.status
        && !status.message.is_empty()
    {
        tell("otel.status_description", cut(&status.message, LONGEST_TAG));
    }
}

pub(super) fn of(attributes: &[KeyValue], tell: &mut impl FnMut(&str, &str)) {
    for attribute in attributes {
        if let Some(value) = &attribute.value {
            let value = text_of(value);
            tell(cut(&attribute.key, LONGEST_TAG), cut(&value, LONGEST_TAG));
        }
    }
}

/// A name as it is told apart.
pub(super) fn name(name: &str) -> &str {
    cut(name, LONGEST_NAME)
}

impl Missing {
    pub(super) fn of(search: &Search) -> Self {
        Self {
            tags: vec![true; search.tags.len()],
            text: search.text.is_some(),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        !self.text && !self.tags.contains(&true)
    }

    pub(super) fn lacks_tag(&self, index: usize) -> bool {
        self.tags.get(index).copied().unwrap_or(true)
    }

    pub(super) fn lacks_text(&self) -> bool {
        self.text
    }

    /// Crosses out what a span or a resource has.
    pub(super) fn find(&mut self, search: &Search, key: &str, value: &str) {
        for (missing, (wanted, like)) in self.tags.iter_mut().zip(&search.tags) {
            if *missing && wanted == key && cut(like, LONGEST_TAG) == value {
                *missing = false;
            }
        }
        self.find_text(search, value);
    }

    pub(super) fn find_text(&mut self, search: &Search, value: &str) {
        if self.text
            && let Some(text) = &search.text
        {
            self.text = !contains(value, text);
        }
    }

    /// What neither has found.
    pub(super) fn and(&mut self, other: &Self) {
        for (missing, others) in self.tags.iter_mut().zip(&other.tags) {
            *missing &= others;
        }
        self.text &= other.text;
    }
}

/// In any case of ASCII's letters.
pub(super) fn contains(text: &str, part: &str) -> bool {
    part.is_empty()
        || text
            .as_bytes()
            .windows(part.len())
            .any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}
