//! The environment: the one place that reads it, and the rules of its values.
//!
//! An empty value is as good as none. A wrong value is reported with the variable, the value and what is used instead,
//! and then ignored.

use std::{fmt, sync::Arc, time::Duration};

use percent_encoding::percent_decode_str;

use super::report::Report;

/// Where a variable is looked up.
pub(super) type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Variables by name, and where what is wrong with them is told.
#[derive(Clone)]
pub(super) struct Env {
    lookup: Arc<Lookup>,
    report: Report,
}

/// What the SDK reads by itself, and what it uses where it cannot read it. It does not say so.
const SDK_NUMBERS: [(&str, u32); 6] = [
    ("OTEL_BSP_SCHEDULE_DELAY", 5000),
    ("OTEL_BSP_MAX_QUEUE_SIZE", 2048),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", 128),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", 128),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", 128),
];

/// What stands in a list of pairs, or why it cannot be read.
pub(super) enum Pair {
    Good(String, String),
    /// The reason; it holds nothing of the value.
    Bad(&'static str),
}

impl Env {
    pub(super) fn new(lookup: Arc<Lookup>, report: Report) -> Self {
        Self { lookup, report }
    }

    pub(super) fn warn(&self, text: &str) {
        self.report.warn(text);
    }

    /// Says that a value is wrong and what is used instead.
    pub(super) fn wrong(&self, name: &str, value: &str, why: &str, instead: &str) {
        self.warn(&format!("{name}={value:?} {why}; {instead}"));
    }

    /// A variable's text without the spaces around it.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Says which of the SDK's numbers are set and none, and what is used instead.
    pub(super) fn check_sdk_numbers(&self) {
        for (name, default) in SDK_NUMBERS {
            if let Some(value) = self.text(name)
                && value.parse::<u32>().is_err()
            {
                let instead = format!("{default} is used instead");
                self.wrong(name, &value, "is not a whole number", &instead);
            }
        }
    }

    /// The first of these that is set, with its name.
    #[allow(dead_code, reason = "only exporters have variables per signal")]
    pub(super) fn first(&self, names: [&'static str; 2]) -> Option<(&'static str, String)> {
        names
            .into_iter()
            .find_map(|name| self.text(name).map(|value| (name, value)))
    }

    /// `true`, in any case, is true.
    pub(super) fn flag(&self, name: &str) -> bool {
        match self.text(name) {
            None => false,
            Some(value) if value.eq_ignore_ascii_case("true") => true,
            Some(value) => {
                if !value.eq_ignore_ascii_case("false") {
                    self.wrong(name, &value, "is neither true nor false", "taken as false");
                }
                false
            }
        }
    }

    /// Words between commas, each once. `None` where there are none.
    pub(super) fn list(&self, name: &str) -> Option<Vec<String>> {
        let mut words = Vec::new();
        for word in self.text(name)?.split(',').map(str::trim) {
            if !word.is_empty() && !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        (!words.is_empty()).then_some(words)
    }

    /// Whole milliseconds, of which zero means no limit.
    #[allow(dead_code, reason = "only exporters have a limit")]
    pub(super) fn limit(&self, names: [&'static str; 2], default: Duration) -> Option<Duration> {
        for name in names {
            let Some(value) = self.text(name) else {
                continue;
            };
            match value.parse::<u64>() {
                Ok(0) => return None,
                Ok(millis) => return Some(Duration::from_millis(millis)),
                Err(_) => {
                    let [_, general] = names;
                    let instead = if name == general {
                        format!("{} is used instead", default.as_millis())
                    } else {
                        format!("{general} is used instead")
                    };
                    self.wrong(
                        name,
                        &value,
                        "is not a whole number of milliseconds",
                        &instead,
                    );
                }
            }
        }
        Some(default)
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

/// The process's own variable.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub(super) fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// `key=value` between commas, percent-encoded. Empty members are skipped.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = Pair> {
    text.split(',')
        .map(str::trim)
        .filter(|member| !member.is_empty())
        .map(pair)
}

fn pair(member: &str) -> Pair {
    let Some((key, value)) = member.split_once('=') else {
        return Pair::Bad("has no =");
    };
    match (decode(key.trim()), decode(value.trim())) {
        (Some(key), _) if key.is_empty() => Pair::Bad("has no key"),
        (Some(key), Some(value)) => Pair::Good(key, value),
        _ => Pair::Bad("is wrongly percent-encoded"),
    }
}

/// Percent-decoding, which forgives nothing.
fn decode(text: &str) -> Option<String> {
    let well_formed = text.split('%').skip(1).all(|after| {
        after
            .as_bytes()
            .first_chunk::<2>()
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !well_formed {
        return None;
    }
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_forgives_nothing() {
        assert_eq!(decode("a%20b%C3%A9").as_deref(), Some("a bé"));
        for wrong in ["%", "a%2", "%zz", "%ff", "100%,"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
