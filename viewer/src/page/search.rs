//! The first page: what there is, and what is looked for.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::{colours::Colours, failed, format, scatter::Scatter, show};
use crate::{
    api::params::{Params, Wrong, duration, now},
    store::{Found, Search, Store, StoreError, Tally},
};

/// What the form says, as it was typed.
#[derive(Debug, Default)]
struct Form {
    service: String,
    operation: String,
    tags: String,
    text: String,
    min: String,
    max: String,
    errors: bool,
    back: String,
    limit: String,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Page {
    services: Vec<String>,
    operations: Vec<String>,
    form: Form,
    results: Results,
}

/// The part that is new when there is news.
#[derive(Template)]
#[template(path = "results.html")]
struct Results {
    rows: Vec<Line>,
    scatter: Option<Scatter>,
    /// With their colours.
    tallies: Vec<(Tally, usize)>,
    spans: i64,
    errors: i64,
    wrong: Option<String>,
    is_filtered: bool,
}

/// A trace in the list.
struct Line {
    id: String,
    service: String,
    name: String,
    colour: usize,
    time: String,
    duration: String,
    /// In thousandths of the longest one.
    share: i64,
    spans: i64,
    errors: i64,
    orphans: i64,
    parts: Vec<(String, i64, usize)>,
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

pub(super) async fn page(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let params = Params::of(pairs);
    let form = Form::of(&params);
    let mut operations = if form.service.is_empty() {
        Vec::new()
    } else {
        let found = store.operations(form.service.clone()).await?;
        found.into_iter().map(|(name, _)| name).collect()
    };
    operations.dedup();
    let page = Page {
        services: store.services().await?,
        operations,
        results: look(&store, &params).await?,
        form,
    };
    Ok(show(&page))
}

pub(super) async fn results(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let results = look(&store, &Params::of(pairs)).await?;
    if let Some(wrong) = results.wrong {
        return Ok(failed(
            StatusCode::BAD_REQUEST,
            "That cannot be looked for",
            wrong,
        ));
    }
    Ok(show(&results).into_response())
}

async fn look(store: &Store, params: &Params) -> Result<Results, StoreError> {
    let (search, wrong) = match wanted(params) {
        Ok(search) => (search, None),
        Err(Wrong(why)) => (all(), Some(why)),
    };
    let is_filtered = search != all();
    let found = if wrong.is_some() {
        Vec::new()
    } else {
        store.search(search).await?
    };
    let colours = Colours::of(store).await?;
    Ok(Results::of(&found, &colours, wrong, is_filtered))
}

fn all() -> Search {
    Search {
        limit: LIMIT as usize,
        ..Search::default()
    }
}

fn wanted(params: &Params) -> Result<Search, Wrong> {
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
    Ok(Search {
        service: text("service"),
        operation: text("operation"),
        tags: tags(params.text("tags").unwrap_or_default())?,
        text: text("text"),
        shortest: length("min")?,
        longest: length("max")?,
        errors_only: params.text("errors").is_some(),
        from: params.number("from")?.or(back),
        to: params.number("to")?,
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
            Some(quoted) => quoted
                .split_once('"')
                .ok_or_else(|| Wrong(format!("a quotation mark is missing after “{key}=”")))?,
            None => tail.split_once(char::is_whitespace).unwrap_or((tail, "")),
        };
        tags.push((key.trim().to_owned(), value.to_owned()));
        rest = tail.trim_start();
    }
    Ok(tags)
}

/// A time that is looked at, from now backwards.
pub(super) struct Window {
    pub(super) name: String,
    pub(super) from: i64,
    pub(super) to: i64,
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

/// Name, words, and whether it is chosen.
pub(super) fn backs(chosen: &str) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
    BACK.iter()
        .map(move |(name, words, _)| (*name, *words, *name == chosen))
}

impl Form {
    fn of(params: &Params) -> Self {
        let text = |name| params.text(name).unwrap_or_default().to_owned();
        Self {
            service: text("service"),
            operation: text("operation"),
            tags: text("tags"),
            text: text("text"),
            min: text("min"),
            max: text("max"),
            errors: params.text("errors").is_some(),
            back: text("back"),
            limit: text("limit"),
        }
    }

    fn backs(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        backs(&self.back)
    }
}

impl Results {
    fn of(found: &[Found], colours: &Colours, wrong: Option<String>, is_filtered: bool) -> Self {
        let longest = found
            .iter()
            .map(|trace| trace.finish - trace.start)
            .max()
            .unwrap_or_default()
            .max(1);
        let mut tallies: Vec<(Tally, usize)> = Vec::new();
        for part in found.iter().flat_map(|trace| &trace.services) {
            match tallies
                .iter_mut()
                .find(|(sum, _)| sum.service == part.service)
            {
                Some((sum, _)) => {
                    sum.spans += part.spans;
                    sum.errors += part.errors;
                }
                None => tallies.push((part.clone(), colours.of_service(&part.service))),
            }
        }
        tallies.sort_by_key(|(tally, _)| std::cmp::Reverse(tally.spans));
        Self {
            rows: found
                .iter()
                .map(|trace| Line::of(trace, longest, colours))
                .collect(),
            scatter: Scatter::of(found),
            spans: found.iter().map(|trace| trace.spans).sum(),
            errors: found.iter().filter(|trace| trace.errors > 0).count() as i64,
            tallies,
            wrong,
            is_filtered,
        }
    }
}

impl Line {
    fn of(trace: &Found, longest: i64, colours: &Colours) -> Self {
        let length = trace.finish - trace.start;
        let part = |part: &Tally| {
            (
                part.service.clone(),
                part.spans,
                colours.of_service(&part.service),
            )
        };
        Self {
            id: trace.id.to_string(),
            colour: colours.of_service(&trace.root.0),
            service: trace.root.0.clone(),
            name: trace.root.1.clone(),
            time: format::time(trace.start),
            duration: format::duration(length.cast_unsigned()),
            share: (length as i128 * 1000 / i128::from(longest)) as i64,
            spans: trace.spans,
            errors: trace.errors,
            orphans: trace.orphans,
            parts: trace.services.iter().map(part).collect(),
        }
    }
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
}
