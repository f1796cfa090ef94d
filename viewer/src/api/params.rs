//! What stands in a query, and what is wrong with it.

use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Parameters by name. Where one comes twice, all its values.
#[derive(Debug, Default)]
pub(crate) struct Params(HashMap<String, Vec<String>>);

/// What is wrong with a parameter, in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) String);

impl Params {
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        let mut all: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in pairs {
            if !value.is_empty() {
                all.entry(name).or_default().push(value);
            }
        }
        Self(all)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }

    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The first of these that is there: names change, clients stay.
    pub(crate) fn any(&self, names: &[&'static str]) -> Option<(&'static str, &str)> {
        names
            .iter()
            .find_map(|name| self.text(name).map(|value| (*name, value)))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Wrong> {
        let Some(value) = self.text(name) else {
            return Ok(None);
        };
        match value.parse() {
            Ok(number) if number >= 0 => Ok(Some(number)),
            _ => Err(Wrong(format!("{name}={value:?} is not a whole number"))),
        }
    }

    /// `fallback` where nothing is said; never more than `most`.
    pub(crate) fn limit(&self, name: &str, fallback: i64, most: i64) -> Result<usize, Wrong> {
        let limit = self.number(name)?.unwrap_or(fallback).min(most);
        Ok(usize::try_from(limit).unwrap_or_default())
    }

    /// Nanoseconds from text such as `1.2ms` or `1h30m`.
    pub(crate) fn duration(&self, names: &[&'static str]) -> Result<Option<i64>, Wrong> {
        let Some((name, value)) = self.any(names) else {
            return Ok(None);
        };
        duration(value).map(Some).ok_or_else(|| {
            Wrong(format!(
                "{name}={value:?} is no duration such as 1.2ms or 3s"
            ))
        })
    }

    /// Nanoseconds since 1970 from RFC 3339.
    pub(crate) fn time(&self, names: &[&'static str]) -> Result<Option<i64>, Wrong> {
        let Some((name, value)) = self.any(names) else {
            return Ok(None);
        };
        OffsetDateTime::parse(value, &Rfc3339)
            .ok()
            .and_then(|time| i64::try_from(time.unix_timestamp_nanos()).ok())
            .map(Some)
            .ok_or_else(|| Wrong(format!("{name}={value:?} is no time of RFC 3339")))
    }
}

/// Go's way to write durations.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut sum = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let factor = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    (sum.is_finite() && sum < 9.2e18).then_some(sum as i64)
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_go_writes_them() {
        for (text, nanos) in [
            ("1.2ms", Some(1_200_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("3s", Some(3_000_000_000)),
            ("250µs", Some(250_000)),
            ("", None),
            ("5", None),
            ("ms", None),
            ("1.2.3s", None),
            ("-1s", None),
            ("9999999999999h", None),
        ] {
            assert_eq!(duration(text), nanos, "{text}");
        }
    }
}
