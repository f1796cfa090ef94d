//! What stands in a query, and what is wrong with it.

use std::{
    collections::HashMap,
    convert::Infallible,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::extract::FromRequestParts;
use http::request::Parts;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::ids::TraceId;

/// Parameters by name. An empty one is none. Where one comes twice, all its values.
#[derive(Debug, Default)]
pub(crate) struct Params(HashMap<String, Vec<String>>);

/// What is wrong with a parameter, in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) String);

/// Milliseconds of a day: as far back as is looked where nothing is said.
const DAY: i64 = 86_400_000;

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        Ok(Self::of(pairs.into_owned().collect()))
    }
}

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

    /// As [`limit`](Self::limit), where none of nothing is asked for.
    pub(crate) fn positive(&self, name: &str, fallback: i64, most: i64) -> Result<usize, Wrong> {
        match self.limit(name, fallback, most)? {
            0 => Err(Wrong(format!("{name} must be greater than 0"))),
            limit => Ok(limit),
        }
    }

    /// Nanoseconds from microseconds.
    pub(crate) fn micros(&self, name: &str) -> Result<Option<i64>, Wrong> {
        let micros = self.number(name)?;
        Ok(micros.map(|micros| micros.saturating_mul(1000)))
    }

    /// From `endTs` less `lookback` to `endTs`, both in milliseconds, as nanoseconds since 1970. Unless said: a day, now.
    pub(crate) fn window(&self) -> Result<(i64, i64), Wrong> {
        let to = match self.number("endTs")? {
            Some(millis) => millis,
            None => now() / 1_000_000,
        };
        let lookback = self.number("lookback")?.unwrap_or(DAY);
        let nanos = |millis: i64| millis.saturating_mul(1_000_000);
        Ok((nanos(to.saturating_sub(lookback)), nanos(to)))
    }

    /// As Go reads what is true; false where nothing is said.
    pub(crate) fn bool(&self, names: &[&'static str]) -> Result<bool, Wrong> {
        match self.any(names) {
            None => Ok(false),
            Some((_, "1" | "t" | "T" | "TRUE" | "true" | "True")) => Ok(true),
            Some((_, "0" | "f" | "F" | "FALSE" | "false" | "False")) => Ok(false),
            Some((name, value)) => Err(Wrong(format!("{name}={value:?} is not true or false"))),
        }
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

    /// Nanoseconds since 1970 from RFC 3339. What is centuries away is as far as nanoseconds go.
    pub(crate) fn time(&self, names: &[&'static str]) -> Result<Option<i64>, Wrong> {
        let Some((name, value)) = self.any(names) else {
            return Ok(None);
        };
        OffsetDateTime::parse(value, &Rfc3339)
            .map(|time| time.unix_timestamp_nanos())
            .map(|nanos| nanos.clamp(i64::MIN.into(), i64::MAX.into()))
            .map(|nanos| i64::try_from(nanos).ok())
            .map_err(|_| Wrong(format!("{name}={value:?} is no time of RFC 3339")))
    }
}

impl TraceId {
    /// What a parameter names.
    pub(crate) fn of(name: &str, text: &str) -> Result<Self, Wrong> {
        Self::parse(text.trim()).ok_or_else(|| {
            Wrong(format!(
                "malformed parameter {name}: {text:?} is no trace id"
            ))
        })
    }
}

/// Where both are said, the second may not be less.
pub(crate) fn ordered(
    low: &str,
    from: Option<i64>,
    high: &str,
    to: Option<i64>,
) -> Result<(), Wrong> {
    match (from, to) {
        (Some(from), Some(to)) if to < from => Err(Wrong(format!("{high} is less than {low}"))),
        _ => Ok(()),
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
    (sum.is_finite() && sum < 9.2e18).then_some(sum.round() as i64)
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
    use proptest::prelude::*;

    use super::*;

    fn params(name: &str, value: &str) -> Params {
        Params::of(vec![(name.to_owned(), value.to_owned())])
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(value in "[-+.0-9a-zµ:TZ ]{0,40}|\\PC{0,20}") {
            let params = params("a", &value);
            for numbers in [params.number("a"), params.micros("a"), params.duration(&["a"])] {
                prop_assert!(numbers.is_err() || numbers.unwrap().unwrap_or_default() >= 0);
            }
            params.time(&["a"]).ok();
            params.bool(&["a"]).ok();
            TraceId::of("a", &value).ok();
        }

        #[test]
        fn no_more_is_given_than_there_may_be(asked in any::<u64>(), most in 1..5000_i64) {
            let params = params("limit", &asked.to_string());
            let limit = params.limit("limit", 10, most).unwrap_or_default();
            prop_assert!(limit as i64 <= most);
            prop_assert_eq!(params.positive("limit", 10, most).is_err(), asked == 0 || asked > i64::MAX as u64);
        }

        #[test]
        fn a_window_ends_where_it_is_said_however_far(end in 0..i64::MAX, lookback in 0..i64::MAX) {
            let pairs = [("endTs", end), ("lookback", lookback)];
            let params = Params::of(pairs.map(|(name, value)| (name.to_owned(), value.to_string())).into());
            let (from, to) = params.window().unwrap();
            prop_assert!(from <= to);
            prop_assert_eq!(to, end.saturating_mul(1_000_000));
        }

        #[test]
        fn a_duration_is_what_was_written(nanos in 0..1_000_000_000_000_i64) {
            let micros = format!("{}.{:03}us", nanos / 1000, nanos % 1000);
            prop_assert_eq!(duration(&micros), Some(nanos));
            prop_assert_eq!(duration(&format!("{}s{}ns", nanos / 1_000_000_000, nanos % 1_000_000_000)), Some(nanos));
        }
    }

    #[test]
    fn centuries_away_is_as_far_as_nanoseconds_go() {
        let time = |value| params("a", value).time(&["a"]);
        assert_eq!(time("0001-01-01T00:00:00Z"), Ok(Some(i64::MIN)));
        assert_eq!(time("9999-12-31T23:59:59Z"), Ok(Some(i64::MAX)));
        assert_eq!(
            time("1970-01-01T00:00:01.000000001Z"),
            Ok(Some(1_000_000_001))
        );
        assert!(time("1970-01-01").is_err());
    }

    #[test]
    fn an_empty_parameter_is_none() {
        assert_eq!(params("a", "").text("a"), None);
        assert_eq!(params("a", "").number("a"), Ok(None));
    }

    #[test]
    fn durations_are_as_go_writes_them() {
        for (text, nanos) in [
            ("1.2ms", Some(1_200_000)),
            ("1.001ms", Some(1_001_000)),
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
