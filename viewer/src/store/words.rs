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

/// Each attribute of the span and of its events, and the words of its status; whole.
pub(super) fn each(span: &Span, mut tell: impl FnMut(&str, &str)) {
    of(&span.attributes, &mut tell);
    for event in &span.events {
        of(&event.attributes, &mut tell);
    }
    if let Some(status) = &span.status
        && !status.message.is_empty()
    {
        tell("otel.status_description", &status.message);
    }
}

pub(super) fn of(attributes: &[KeyValue], tell: &mut impl FnMut(&str, &str)) {
    for attribute in attributes {
        if let Some(value) = &attribute.value {
            tell(&attribute.key, &text_of(value));
        }
    }
}

/// A name as it is told apart.
pub(super) fn name(name: &str) -> &str {
    cut(name, LONGEST_NAME)
}

/// What filters know of a key or a value, and where texts are looked for: its beginning.
pub(super) fn beginning(text: &str) -> &str {
    cut(text, LONGEST_TAG)
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

    pub(super) fn is_text_alone(&self) -> bool {
        self.text && !self.tags.contains(&true)
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
            if *missing && wanted == key && like == value {
                *missing = false;
            }
        }
        self.find_text(search, beginning(value));
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

/// Whether a text can be looked for in protobuf as it is: then a value that has it is there letter by letter. Numbers,
/// flags, bytes and lists are written otherwise; none of these has one of the letters below, or has it among these marks.
pub(super) fn is_raw(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes
        .iter()
        .any(|byte| b"ghjkmopqvwxyz".contains(&byte.to_ascii_lowercase()))
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b" -_./".contains(byte))
}

/// Whether these bytes have the text in them, in any case of ASCII's letters.
pub(super) fn has_raw(bytes: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    // The letter that English uses least.
    let rank = |byte: &u8| {
        b"zqxjkvbywgpfmucdlhrsnioate"
            .iter()
            .position(|known| *known == byte.to_ascii_lowercase())
    };
    let rarest = text
        .iter()
        .enumerate()
        .min_by_key(|(_, byte)| rank(byte).unwrap_or(usize::MAX));
    let Some((offset, rarest)) = rarest else {
        return true;
    };
    memchr::memchr2_iter(
        rarest.to_ascii_lowercase(),
        rarest.to_ascii_uppercase(),
        bytes,
    )
    .any(|at| {
        at.checked_sub(offset)
            .and_then(|start| bytes.get(start..start + text.len()))
            .is_some_and(|window| window.eq_ignore_ascii_case(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_any_case_and_anywhere() {
        for (text, part, is_there) in [
            ("Price list", "PRICE", true),
            ("Price list", "list", true),
            ("Price list", "ce li", true),
            ("Price list", "lists", false),
            ("zzq", "zq", true),
            ("", "q", false),
            ("kö", "KÖ", false),
        ] {
            assert_eq!(contains(text, part), is_there, "{text} {part}");
            assert_eq!(has_raw(text.as_bytes(), part), is_there, "{text} {part}");
        }
        for text in ["8080", "true", "cafe", "\"key", "a,b", "ö"] {
            assert!(!is_raw(text), "{text}");
        }
        assert!(is_raw("/checkout"));
    }
}
