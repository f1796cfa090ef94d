//! The first page: what there is, and what is looked for.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::{
    colours::Colours,
    failed, format,
    query::{Form, all, wanted},
    scatter::Scatter,
    show,
};
use crate::{
    api::params::{Params, Wrong},
    store::{Found, Store, StoreError, Tally},
};

#[derive(Template)]
#[template(path = "search.html")]
struct Page {
    services: Vec<String>,
    operations: Vec<String>,
    form: Form,
    /// The store's number before it was asked.
    stored: u64,
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

pub(super) async fn page(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let stored = *store.changes().borrow();
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
        stored,
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

impl Results {
    fn of(found: &[Found], colours: &Colours, wrong: Option<String>, is_filtered: bool) -> Self {
        let longest = found
            .iter()
            .map(|trace| trace.finish.saturating_sub(trace.start))
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
        let length = trace.finish.saturating_sub(trace.start);
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
            name: format::short(&trace.root.1),
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
