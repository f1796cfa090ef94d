//! What is looked for: as it was typed, and what it means.

use time::{PrimitiveDateTime, macros::format_description};

use crate::{
    api::params::{Params, Wrong, duration, now},
    store::Search,
};

/// What the form says, as it was typed.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) service: String,
    pub(super) operation: String,
    pub(super) tags: String,
    pub(super) text: String,
    pub(super) min: String,
    pub(super) max: String,
    pub(super) errors: bool,
    pub(super) of_request: bool,
    pub(super) back: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) limit: String,
}

/// A time that is looked at, from now backwards.
pub(super) struct Window {
    pub(super) name: String,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// How far back one may look: name, words, nanoseconds.
const BACK: [(&str, &str, i64); 6] = [
    ("5m", "5 minutes", 300),
    ("15m", "15 minutes", 900),
    ("1h", "hour", 3600),
    ("6h", "6 hours", 21_600),
    ("24h", "24 hours", 86_400),
    ("7d", "7 days", 604_800),
];
const LIMIT: i64 = 100;
const MOST: i64 = 1000;

/// All there is, as many as a page shows.
pub(super) fn all() -> Search {
    Search {
        limit: LIMIT as usize,
        ..Search::default()
    }
}

pub(super) fn wanted(params: &Params) -> Result<Search, Wrong> {
    let text = |name| params.text(name).map(str::to_owned);
    let back = match params.text("back") {
        None => None,
        Some(name) => Some(
            BACK.iter()
                .find(|(known, ..)| *known == name)
                .map(|(.., seconds)| now().saturating_sub(seconds * 1_000_000_000))
                .ok_or_else(|| Wrong(format!("“{name}” is no time to look back")))?,
        ),
    };
    let length = |name| match params.text(name) {
        None => Ok(None),
        Some(text) => duration(text)
            .map(Some)
            .ok_or_else(|| Wrong(format!("“{text}” is no duration such as 1.2ms or 3s"))),
    };
    let time = |name| match params.text(name) {
        None => Ok(None),
        Some(text) => nanos(text)
            .map(Some)
            .ok_or_else(|| Wrong(format!("“{text}” is no time such as 2026-11-22 04:13:32"))),
    };
    Ok(Search {
        service: text("service"),
        operation: text("operation"),
        tags: tags(params.text("tags").unwrap_or_default())?,
        text: text("text"),
        shortest: length("min")?,
        longest: length("max")?,
        errors_only: params.text("errors").is_some(),
        of_request: params.text("of") == Some("request"),
        from: time("from")?.or(back),
        to: time("to")?,
        limit: params.limit("limit", LIMIT, MOST)?,
    })
}

/// `key=value key="a value with spaces"`.
fn tags(text: &str) -> Result<Vec<(String, String)>, Wrong> {
    let mut tags = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, tail) = rest
            .split_once('=')
            .ok_or_else(|| Wrong(format!("“{rest}” is no attribute such as http.route=/cart")))?;
        let (value, tail) = match tail.strip_prefix('"') {
            Some(quoted) => unquote(quoted)
                .ok_or_else(|| Wrong(format!("a quotation mark is missing after “{key}=”")))?,
            None => {
                let (value, tail) = tail.split_once(char::is_whitespace).unwrap_or((tail, ""));
                (value.to_owned(), tail)
            }
        };
        tags.push((key.trim().to_owned(), value));
        rest = tail.trim_start();
    }
    Ok(tags)
}

/// Up to the next quotation mark, and what follows it. `\\"` and `\\\\` stand for themselves.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            '"' => return Some((value, rest.as_str())),
            '\\' => value.push(rest.next()?),
            other => value.push(other),
        }
    }
}

/// Nanoseconds since 1970 from a number of them, or from a day and a time of UTC.
fn nanos(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.len() > 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let written = format_description!(
        version = 2,
        "[year]-[month]-[day][first [ ][T]][hour]:[minute][optional [:[second][optional [.[subsecond]]]]]"
    );
    let time = PrimitiveDateTime::parse(text.trim_end_matches('Z'), written).ok()?;
    i64::try_from(time.assume_utc().unix_timestamp_nanos()).ok()
}

impl Window {
    /// All of time where nothing, or nothing known, is said.
    pub(super) fn of(params: &Params) -> Self {
        let to = now();
        let found = params
            .text("back")
            .and_then(|name| BACK.iter().find(|(known, ..)| *known == name));
        match found {
            Some((name, _, seconds)) => Self {
                name: (*name).to_owned(),
                from: to.saturating_sub(seconds * 1_000_000_000),
                to,
            },
            None => Self {
                name: String::new(),
                from: 0,
                to,
            },
        }
    }
}

impl Form {
    pub(super) fn of(params: &Params) -> Self {
        let text = |name| params.text(name).unwrap_or_default().to_owned();
        Self {
            service: text("service"),
            operation: text("operation"),
            tags: text("tags"),
            text: text("text"),
            min: text("min"),
            max: text("max"),
            errors: params.text("errors").is_some(),
            of_request: params.text("of") == Some("request"),
            back: text("back"),
            from: text("from"),
            to: text("to"),
            limit: text("limit"),
        }
    }

    pub(super) fn backs(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        backs(&self.back)
    }
}

/// Name, words, and whether it is chosen.
pub(super) fn backs(chosen: &str) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    BACK.iter()
        .map(move |(name, words, _)| (*name, *words, *name == chosen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_may_have_spaces_in_quotes() {
        let found = tags(r#"a=1 b.c="x y" d=/e?f=g"#).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            found,
            [pair("a", "1"), pair("b.c", "x y"), pair("d", "/e?f=g")]
        );
        assert!(tags("nothing").is_err());
        assert!(tags("a=\"b").is_err());
    }

    #[test]
    fn quotation_marks_may_be_in_quotes() {
        let found = tags(r#"a="say \"x\"" b="c:\\d""#).unwrap();
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(found, [pair("a", "say \"x\""), pair("b", "c:\\d")]);
    }

    #[test]
    fn times_are_a_day_and_a_time() {
        const NEW_YEAR: i64 = 1_767_225_600_000_000_000;
        for (text, nanos_of_2026) in [
            ("2026-01-01 00:00", Some(0)),
            ("2026-01-01T00:00:02", Some(2_000_000_000)),
            ("2026-01-01 00:00:00.250Z", Some(250_000_000)),
            ("1767225600000000007", Some(7)),
            ("2026-01-01", None),
            ("yesterday", None),
            ("12", None),
        ] {
            let wanted = nanos_of_2026.map(|nanos: i64| NEW_YEAR + nanos);
            assert_eq!(nanos(text), wanted, "{text}");
        }
    }
}
