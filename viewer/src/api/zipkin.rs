//! Zipkin's read API: `/api/v2/…`, and what its page asks for.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    answer::{Failure, Plain},
    params::{Params, Wrong, now},
};
use crate::{
    export::zipkin::spans,
    ids::TraceId,
    store::{Search, Store},
};

/// Traces in an answer at most.
const MOST: i64 = 1500;
/// Milliseconds of a day: as far back as is looked unless said.
const DAY: i64 = 86_400_000;

pub(super) fn routes(store: &Store) -> Router {
    let all = Router::new()
        .route("/api/v2/services", get(services))
        .route("/api/v2/spans", get(names))
        .route("/api/v2/remoteServices", get(remote))
        .route("/api/v2/traces", get(search))
        .route("/api/v2/trace/{id}", get(by_id))
        .route("/api/v2/traceMany", get(many))
        .route("/api/v2/dependencies", get(dependencies))
        .route("/api/v2/autocompleteKeys", get(keys))
        .route("/api/v2/autocompleteValues", get(keys))
        .with_state(store.clone());
    Router::new()
        .nest("/zipkin", all.clone())
        .merge(all)
        .route("/zipkin/config.json", get(config))
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
    Ok(Json(store.services().await?).into_response())
}

async fn names(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Plain> {
    let params = Params::of(pairs);
    let service = params
        .text("serviceName")
        .ok_or_else(|| Failure::bad("serviceName is missing"))?;
    let found = store.operations(service.to_owned()).await?;
    let mut names: Vec<_> = found.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    Ok(Json(names).into_response())
}

async fn remote(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Plain> {
    let params = Params::of(pairs);
    let service = params
        .text("serviceName")
        .ok_or_else(|| Failure::bad("serviceName is missing"))?;
    let now = now();
    let calls = store
        .calls(now.saturating_sub(DAY * 1_000_000), now)
        .await?;
    let names: Vec<_> = calls
        .iter()
        .filter(|call| &*call.parent == service && call.child != call.parent)
        .map(|call| &*call.child)
        .collect();
    Ok(Json(names).into_response())
}

async fn search(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Plain> {
    let found = store.search(wanted(&Params::of(pairs))?).await?;
    let mut all = Vec::new();
    for found in found {
        if let Some(whole) = store.trace(found.id).await? {
            all.push(spans(found.id, &whole));
        }
    }
    Ok(Json(all).into_response())
}

fn wanted(params: &Params) -> Result<Search, Plain> {
    let to = match params.number("endTs")? {
        Some(millis) => millis,
        None => now() / 1_000_000,
    };
    let lookback = params.number("lookback")?.unwrap_or(DAY);
    let micros = |name| -> Result<Option<i64>, Wrong> {
        Ok(params
            .number(name)?
            .map(|micros| micros.saturating_mul(1000)))
    };
    let mut search = Search {
        service: params.text("serviceName").map(str::to_owned),
        operation: params
            .text("spanName")
            .filter(|name| *name != "all")
            .map(str::to_owned),
        shortest: micros("minDuration")?,
        longest: micros("maxDuration")?,
        from: Some(to.saturating_sub(lookback).saturating_mul(1_000_000)),
        to: Some(to.saturating_mul(1_000_000)),
        limit: params.limit("limit", 10, MOST)?,
        ..Search::default()
    };
    for part in params
        .text("annotationQuery")
        .unwrap_or_default()
        .split(" and ")
    {
        match part.trim().split_once('=') {
            Some((key, value)) => search.tags.push((key.to_owned(), value.to_owned())),
            None if part.trim() == "error" => search.errors_only = true,
            None if part.trim().is_empty() => {}
            None => search.text = Some(part.trim().to_owned()),
        }
    }
    Ok(search)
}

async fn by_id(State(store): State<Store>, Path(text): Path<String>) -> Result<Response, Plain> {
    let id = id(&text)?;
    let whole = store
        .trace(id)
        .await?
        .ok_or_else(|| Failure::not_found(&format!("trace {text} not found")))?;
    Ok(Json(spans(id, &whole)).into_response())
}

async fn many(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Plain> {
    let params = Params::of(pairs);
    let list = params
        .text("traceIds")
        .ok_or_else(|| Failure::bad("traceIds is missing"))?;
    let mut all = Vec::new();
    for text in list.split(',') {
        let id = id(text)?;
        if let Some(whole) = store.trace(id).await? {
            all.push(spans(id, &whole));
        }
    }
    Ok(Json(all).into_response())
}

async fn dependencies(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Plain> {
    let params = Params::of(pairs);
    let to = params
        .number("endTs")?
        .ok_or_else(|| Failure::bad("endTs is missing"))?;
    let lookback = params.number("lookback")?.unwrap_or(DAY);
    let from = to.saturating_sub(lookback).saturating_mul(1_000_000);
    let links: Vec<_> = store
        .calls(from, to.saturating_mul(1_000_000))
        .await?
        .into_iter()
        .map(|call| {
            json!({
                "parent": *call.parent,
                "child": *call.child,
                "callCount": call.count,
                "errorCount": call.errors,
            })
        })
        .collect();
    Ok(Json(links).into_response())
}

/// No key is offered: all of them can be searched by.
async fn keys() -> Json<Vec<String>> {
    Json(Vec::new())
}

fn id(text: &str) -> Result<TraceId, Wrong> {
    TraceId::parse(text.trim()).ok_or_else(|| Wrong(format!("{text:?} is no trace id")))
}
