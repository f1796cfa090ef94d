//! What tells series apart, borrowed for a look and owned to be kept.

use std::borrow::Cow;

use super::labels::{Kept, Labels};
use crate::semconv::{measure::Facts, method};

/// The attributes of a measurement before they are written: a series that was seen before is found by it, and nothing is
/// copied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) labels: &'a Labels,
}

/// A key that is kept.
#[derive(Debug)]
pub(super) struct Owned {
    method: Cow<'static, str>,
    scheme: &'static str,
    host: Option<Box<str>>,
    port: Option<u16>,
    target: Option<Box<str>>,
    version: Option<&'static str>,
    status: Option<u16>,
    code: Option<&'static str>,
    error_type: Option<Box<str>>,
    labels: Labels,
}

impl Key<'_> {
    /// A quick one: of text a few bytes, and nothing of what is nearly always the same. Two keys are compared when their
    /// hashes are the same, so that all a poor hash costs is time.
    #[inline]
    pub(super) fn hash(&self) -> u64 {
        let facts = self.facts;
        let mut hash = begun(facts) ^ u64::from(facts.status.unwrap_or(0));
        for text in [facts.error_type, facts.code].into_iter().flatten() {
            hash = mix(hash, sample(text));
        }
        self.labels.iter().fold(hash, |hash, label| {
            let value = match &label.value {
                Kept::Static(text) => sample(text),
                Kept::Shared(text) => sample(text),
                Kept::Number(number) => number.cast_unsigned(),
                Kept::Flag(flag) => u64::from(*flag),
            };
            mix(mix(hash, sample(&label.name)), value)
        })
    }
}

impl Owned {
    pub(super) fn of(key: &Key<'_>) -> Self {
        let Facts {
            method,
            scheme,
            host,
            port,
            target,
            version,
            status,
            code,
            error_type,
        } = *key.facts;
        Self {
            // That of a request is a constant, and then the very same.
            method: match method::known(method) {
                Some(known) => Cow::Borrowed(known),
                None => Cow::Owned(method.to_owned()),
            },
            scheme,
            host: host.map(Into::into),
            port,
            target: target.map(Into::into),
            version,
            status,
            code,
            error_type: error_type.map(Into::into),
            labels: key.labels.clone(),
        }
    }

    /// What is kept, but for the labels.
    pub(super) fn facts(&self) -> Facts<'_> {
        Facts {
            method: &self.method,
            scheme: self.scheme,
            host: self.host.as_deref(),
            port: self.port,
            target: self.target.as_deref(),
            version: self.version,
            status: self.status,
            code: self.code,
            error_type: self.error_type.as_deref(),
        }
    }

    /// Whether it is the same but for what the end adds.
    #[inline(always)]
    pub(super) fn begins_like(&self, facts: &Facts<'_>) -> bool {
        self.port == facts.port
            && is(self.scheme, facts.scheme)
            && same(self.version, facts.version)
            && same(self.host.as_deref(), facts.host)
            && is(&self.method, facts.method)
            && same(self.target.as_deref(), facts.target)
    }

    #[inline]
    pub(super) fn is(&self, key: &Key<'_>) -> bool {
        let facts = key.facts;
        self.status == facts.status
            && same(self.code, facts.code)
            && same(self.error_type.as_deref(), facts.error_type)
            && self.begins_like(facts)
            && (key.labels.is_empty() && self.labels.is_empty() || self.labels == *key.labels)
    }
}

/// The hash of what is known before the end.
#[inline(always)]
pub(super) fn begun(facts: &Facts<'_>) -> u64 {
    let hash = mix(
        u64::from(facts.port.unwrap_or(0)) << 48,
        sample(facts.method),
    );
    let hash = match facts.target {
        Some(target) => mix(hash, sample(target)),
        None => hash,
    };
    match facts.host {
        Some(host) => mix(!hash, sample(host)),
        None => hash,
    }
}

/// Constants are nearly always the very same.
#[inline(always)]
pub(super) fn same(kept: Option<&str>, other: Option<&str>) -> bool {
    match (kept, other) {
        (Some(kept), Some(other)) => is(kept, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[inline(always)]
fn is(kept: &str, other: &str) -> bool {
    kept.len() == other.len() && (kept.as_ptr() == other.as_ptr() || kept == other)
}

/// The length, the beginning, the middle and the end: of a short text, all of it.
#[inline]
fn sample(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let length = bytes.len();
    let at = |start: usize| match bytes.get(start..start + 8) {
        Some(word) => word.try_into().map_or(0, u64::from_le_bytes),
        None => 0,
    };
    let half = |start: usize| match bytes.get(start..start + 4) {
        Some(word) => word.try_into().map_or(0, u32::from_le_bytes).into(),
        None => 0_u64,
    };
    let one = |start: usize| bytes.get(start).copied().map_or(0, u64::from);
    match length {
        0 => 0,
        1..4 => one(0) << 24 | one(length / 2) << 16 | one(length - 1) << 8 | length as u64,
        4..8 => half(0) | half(length - 4) << 32,
        8.. => {
            at(0)
                ^ at(length / 2 - 4).rotate_left(21)
                ^ at(length - 8).rotate_left(42)
                ^ length as u64
        }
    }
}

#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    let hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_that_differ_are_not_the_same_and_rarely_of_one_hash() {
        let labels: Vec<Labels> = (0..3)
            .map(|number| {
                let mut labels = Labels::default();
                if number > 0 {
                    labels.set("tier".into(), number.into());
                }
                labels
            })
            .collect();
        let mut keys = Vec::new();
        for target in [
            None,
            Some("/a"),
            Some("/orders/{id}"),
            Some("/orders/{id}/x"),
        ] {
            for status in [None, Some(200), Some(404), Some(500)] {
                for error_type in [None, Some("500"), Some("panic")] {
                    for method in ["GET", "PUT", "_OTHER"] {
                        for labels in &labels {
                            let facts = Facts {
                                method,
                                scheme: "http",
                                target,
                                status,
                                error_type,
                                ..Facts::default()
                            };
                            keys.push((facts, labels));
                        }
                    }
                }
            }
        }
        let keys: Vec<_> = keys
            .iter()
            .map(|(facts, labels)| Key { facts, labels })
            .collect();
        let hashes: HashSet<_> = keys.iter().map(Key::hash).collect();
        assert!(
            hashes.len() > keys.len() - 3,
            "{} of {}",
            hashes.len(),
            keys.len()
        );
        for (at, key) in keys.iter().enumerate() {
            let owned = Owned::of(key);
            for (other_at, other) in keys.iter().enumerate() {
                assert_eq!(owned.is(other), at == other_at, "{key:?} {other:?}");
            }
        }
    }
}
