//! Zipkin's read API: `/api/v2/…`, and what its page asks for.

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    Table,
    answer::{Failure, Plain},
    lookup::{self, MOST, Traces, UNREAD},
    params::{Params, Wrong, ordered},
};
use crate::{
    export::zipkin::{has_word, short_id, spans},
    ids::TraceId,
    store::{Calls, Search, Store, Whole},
};

/// A search, and words that some span must have as well.
struct Wanted {
    search: Search,
    words: Vec<String>,
}

/// Each path twice: Zipkin's page and its own server have them below `/zipkin`, libraries ask without.
pub(super) fn table() -> Table {
    let table = [
        ("/api/v2/services", get(services)),
        ("/api/v2/spans", get(names)),
        ("/api/v2/remoteServices", get(remote)),
        ("/api/v2/traces", get(search)),
        ("/api/v2/trace/{traceId}", get(by_id)),
        ("/api/v2/traceMany", get(many)),
        ("/api/v2/dependencies", get(dependencies)),
        ("/api/v2/autocompleteKeys", get(keys)),
        ("/api/v2/autocompleteValues", get(values)),
    ];
    let below = table
        .clone()
        .map(|(path, answer)| (format!("/zipkin{path}"), answer));
    let mut table: Table = table.map(|(path, answer)| (path.to_owned(), answer)).into();
    table.extend(below);
    table.push(("/zipkin/config.json".to_owned(), get(config)));
    table
}

async fn config() -> Json<Value> {
    Json(json!({
        "environment": "",
        "queryLimit": 10,
        "defaultLookback": 900_000,
        "searchEnabled": true,
        "dependency": { "enabled": true, "lowErrorRate": 0.5, "highErrorRate": 0.75 },
    }))
}

async fn services(State(store): State<Store>) -> Result<Response, Plain> {
    let names = store.services().await?;
    Ok(store.aside(move || Json(names).into_response()).await?)
}

async fn names(State(store): State<Store>, params: Params) -> Result<Response, Plain> {
    let service = required(&params, "serviceName")?;
    let names = lookup::names(&store, service.to_owned()).await?;
    Ok(store.aside(move || Json(names).into_response()).await?)
}

async fn remote(State(store): State<Store>, params: Params) -> Result<Response, Plain> {
    let service = required(&params, "serviceName")?.to_owned();
    let (from, to) = params.window()?;
    let calls = store.calls(from, to).await?;
    let answer = move || {
        let called = calls.iter().filter(|call| *call.parent == *service);
        Json(called.map(|call| &*call.child).collect::<Vec<_>>()).into_response()
    };
    Ok(store.aside(answer).await?)
}

async fn search(State(store): State<Store>, params: Params) -> Result<Response, Plain> {
    let Wanted { search, words } = wanted(&params)?;
    let Traces { found, turn, .. } = if words.is_empty() {
        lookup::search(&store, search).await?
    } else {
        let has_words = move |whole: &Whole| words.iter().all(|word| has_word(&whole.spans, word));
        lookup::sift(&store, search, has_words).await?
    };
    Ok(turn.make(move || lists(&found)).await?)
}

fn wanted(params: &Params) -> Result<Wanted, Plain> {
    // Nothing is asked for by a zero.
    for name in ["endTs", "lookback", "minDuration"] {
        if params.number(name)? == Some(0) {
            return Err(Wrong(format!("{name} must be greater than 0")).into());
        }
    }
    let (from, to) = params.window()?;
    let named = |name| params.text(name).filter(|value| *value != "all");
    let mut search = Search {
        service: named("serviceName").map(str::to_owned),
        operation: named("spanName").map(str::to_owned),
        shortest: params.micros("minDuration")?,
        longest: params.micros("maxDuration")?,
        from: Some(from),
        to: Some(to),
        limit: params.positive("limit", 10, MOST)?,
        ..Search::default()
    };
    if search.shortest.is_none() && search.longest.is_some() {
        return Err(Failure::bad("maxDuration is only valid with minDuration").into());
    }
    ordered(
        "minDuration",
        search.shortest,
        "maxDuration",
        search.longest,
    )?;
    let mut words = Vec::new();
    let query = params.text("annotationQuery").unwrap_or_default();
    for part in query.split(" and ").map(str::trim) {
        match part.split_once('=') {
            Some((key, value)) => search.tags.push((key.to_owned(), value.to_owned())),
            None if part == "error" => search.errors_only = true,
            None if part.is_empty() => {}
            None => words.push(part.to_owned()),
        }
    }
    Ok(Wanted { search, words })
}

async fn by_id(State(store): State<Store>, Path(text): Path<String>) -> Result<Response, Plain> {
    let id = TraceId::of("traceId", &text)?;
    let turn = store.turn().await?;
    let whole = lookup::trace(&store, id)
        .await?
        .ok_or_else(|| Failure::not_found(&format!("{} not found", short_id(id))))?;
    if whole.spans.is_empty() {
        return Err(Failure::not_found(UNREAD).into());
    }
    let answer = move || Json(spans(id, &whole)).into_response();
    Ok(turn.make(answer).await?)
}

async fn many(State(store): State<Store>, params: Params) -> Result<Response, Plain> {
    let list = required(&params, "traceIds")?;
    let mut ids = Vec::new();
    let mut known = BTreeSet::new();
    for text in list.split(',').take(MOST as usize) {
        let id = TraceId::of("traceIds", text)?;
        if !known.insert(id) {
            return Err(Wrong(format!("traceIds has {text} twice")).into());
        }
        ids.push(id);
    }
    if ids.len() == 1 {
        return Err(Failure::bad("one trace is asked for by /api/v2/trace/{traceId}").into());
    }
    let Traces { found, turn, .. } = lookup::traces(&store, ids).await?;
    Ok(turn.make(move || lists(&found)).await?)
}

fn lists(found: &[(TraceId, Whole)]) -> Response {
    // A trace without spans is none here, if none of them could be read.
    let all: Vec<_> = found
        .iter()
        .map(|(id, whole)| spans(*id, whole))
        .filter(|spans| !spans.is_empty())
        .collect();
    Json(all).into_response()
}

async fn dependencies(State(store): State<Store>, params: Params) -> Result<Response, Plain> {
    required(&params, "endTs")?;
    let (from, to) = params.window()?;
    let calls = store.calls(from, to).await?;
    let answer = move || Json(calls.iter().map(link).collect::<Vec<_>>()).into_response();
    Ok(store.aside(answer).await?)
}

fn link(call: &Calls) -> Value {
    let mut link = json!({ "parent": *call.parent, "child": *call.child, "callCount": call.count });
    // Zipkin says nothing of no errors.
    if let (Some(link), true) = (link.as_object_mut(), call.errors > 0) {
        link.insert("errorCount".to_owned(), Value::from(call.errors));
    }
    link
}

/// No key is offered: all of them can be searched by.
async fn keys() -> Json<Vec<String>> {
    Json(Vec::new())
}

async fn values(params: Params) -> Result<Json<Vec<String>>, Plain> {
    required(&params, "key")?;
    Ok(Json(Vec::new()))
}

fn required<'p>(params: &'p Params, name: &str) -> Result<&'p str, Wrong> {
    params
        .text(name)
        .ok_or_else(|| Wrong(format!("{name} is missing")))
}
