//! What a text stands for.

use std::{num::IntErrorKind, time::Duration};

use percent_encoding::percent_decode_str;

/// Words with a meaning.
pub(in crate::setup) struct Words<T: 'static> {
    pub(in crate::setup) known: &'static [(&'static str, T)],
    /// Words that others know.
    pub(in crate::setup) unsupported: &'static [&'static str],
    /// What is wrong with any other.
    pub(in crate::setup) unknown: &'static str,
    /// What is used where none is right.
    pub(in crate::setup) default: &'static str,
    /// What `none` means.
    pub(in crate::setup) nothing: &'static str,
}

/// What stands in a list of pairs, or why it cannot be read.
pub(in crate::setup) enum Pair {
    Good(String, String),
    /// The reason; it holds nothing of the value.
    Bad(&'static str),
}

impl<T: Copy + PartialEq> Words<T> {
    /// The first word for this.
    pub(in crate::setup) fn word(&self, value: T) -> &'static str {
        let mut known = self.known.iter();
        known
            .find(|(_, is)| *is == value)
            .map_or("?", |(word, _)| word)
    }
}

impl<T: Copy> Words<T> {
    /// Where nothing is used instead.
    #[allow(dead_code, reason = "files are a feature")]
    pub(in crate::setup) const fn of(
        unknown: &'static str,
        known: &'static [(&'static str, T)],
    ) -> Self {
        Self {
            known,
            unsupported: &[],
            unknown,
            default: "",
            nothing: "",
        }
    }

    /// What a word stands for, in any case, or what is wrong with it.
    pub(in crate::setup) fn find(&self, word: &str) -> Result<T, &'static str> {
        let is = |known: &str| known.eq_ignore_ascii_case(word);
        match self.known.iter().find(|(known, _)| is(known)) {
            Some((_, value)) => Ok(*value),
            None if self.unsupported.iter().any(|known| is(known)) => Err("is not supported"),
            None => Err(self.unknown),
        }
    }
}

pub(super) fn number(text: &str) -> Result<u32, &'static str> {
    whole(text, 0, "is not a whole number")
}

pub(super) fn size(text: &str) -> Result<usize, &'static str> {
    let size = whole(text, 1, "is not a whole number above 0")?;
    size.try_into().map_err(|_| TOO_MUCH)
}

pub(super) fn millis(text: &str) -> Result<Duration, &'static str> {
    let millis = whole(text, 0, "is not a whole number of milliseconds")?;
    Ok(Duration::from_millis(millis.into()))
}

/// Of what is done again and again.
pub(super) fn interval(text: &str) -> Result<Duration, &'static str> {
    let millis = whole(text, 1, "is not a whole number of milliseconds above 0")?;
    Ok(Duration::from_millis(millis.into()))
}

pub(super) fn ratio(text: &str) -> Result<f64, &'static str> {
    match text.parse() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err("is not a number from 0 to 1"),
    }
}

/// A number from this on, or what is wrong with the text.
fn whole(text: &str, least: u32, wrong: &'static str) -> Result<u32, &'static str> {
    match text.parse::<u32>() {
        Ok(number) if number >= least => Ok(number),
        Ok(_) => Err(wrong),
        Err(error) => Err(match error.kind() {
            IntErrorKind::PosOverflow => TOO_MUCH,
            _ => wrong,
        }),
    }
}

const TOO_MUCH: &str = "is more than 4294967295";

/// What is between commas, each once.
pub(in crate::setup) fn list(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(',').map(str::trim) {
        if !word.is_empty() && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

/// `key=value` between commas, percent-encoded. Empty members are skipped.
pub(in crate::setup) fn pairs(text: &str) -> impl Iterator<Item = Pair> {
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
    fn a_number_that_is_too_large_is_called_so() {
        for (text, want) in [
            ("4294967295", Ok(u32::MAX)),
            ("4294967296", Err(TOO_MUCH)),
            ("-1", Err("is not a whole number")),
            ("", Err("is not a whole number")),
        ] {
            assert_eq!(number(text), want, "{text}");
        }
        assert_eq!(size("99999999999"), Err(TOO_MUCH));
        assert_eq!(millis("99999999999"), Err(TOO_MUCH));
        assert_eq!(interval("99999999999"), Err(TOO_MUCH));
    }

    #[test]
    fn decoding_forgives_nothing() {
        assert_eq!(decode("a%20b%C3%A9").as_deref(), Some("a bé"));
        for wrong in ["%", "a%2", "%zz", "%ff", "100%,"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
