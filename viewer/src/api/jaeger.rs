//! Jaeger's query API, the first: `/api/…`.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{
    answer::{Failure, V1, v1},
    params::{Params, Wrong, now},
};
use crate::{
    export::jaeger::trace,
    ids::TraceId,
    store::{Search, Store},
};

/// Traces in an answer at most.
const MOST: i64 = 1500;

pub(super) fn routes(store: &Store) -> Router {
    Router::new()
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(names))
        .route("/api/operations", get(operations))
        .route("/api/traces", get(search))
        .route("/api/traces/{id}", get(by_id))
        .route("/api/dependencies", get(dependencies))
        .with_state(store.clone())
}

async fn services(State(store): State<Store>) -> Result<Response, V1> {
    let names = store.services().await?;
    Ok(v1(names.into_iter().map(Value::from).collect()))
}

async fn names(State(store): State<Store>, Path(service): Path<String>) -> Result<Response, V1> {
    let mut names: Vec<_> = store
        .operations(service)
        .await?
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.dedup();
    Ok(v1(names.into_iter().map(Value::from).collect()))
}

async fn operations(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, V1> {
    let params = Params::of(pairs);
    let service = params
        .text("service")
        .ok_or_else(|| Failure::bad("parameter 'service' is required"))?;
    let kind = params.text("spanKind");
    let found = store.operations(service.to_owned()).await?;
    let data = found
        .into_iter()
        .map(|(name, number)| (name, kind_name(number)))
        .filter(|(_, name)| kind.is_none_or(|kind| kind == *name))
        .map(|(name, kind)| json!({ "name": name, "spanKind": kind }))
        .collect();
    Ok(v1(data))
}

async fn search(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, V1> {
    let params = Params::of(pairs);
    let mut ids = Vec::new();
    for text in params.all("traceID") {
        ids.push(id(text)?);
    }
    if ids.is_empty() {
        let search = wanted(&params)?;
        ids = store
            .search(search)
            .await?
            .iter()
            .map(|found| found.id)
            .collect();
    }
    let mut data = Vec::new();
    for id in ids {
        if let Some(whole) = store.trace(id).await? {
            data.push(trace(id, &whole));
        }
    }
    Ok(v1(data))
}

fn wanted(params: &Params) -> Result<Search, V1> {
    let service = params
        .text("service")
        .ok_or_else(|| Failure::bad("parameter 'service' is required"))?;
    let micros = |name| -> Result<Option<i64>, Wrong> {
        Ok(params
            .number(name)?
            .map(|micros| micros.saturating_mul(1000)))
    };
    Ok(Search {
        service: Some(service.to_owned()),
        operation: params
            .text("operation")
            .filter(|name| *name != "all")
            .map(str::to_owned),
        tags: tags(params)?,
        shortest: params.duration(&["minDuration"])?,
        longest: params.duration(&["maxDuration"])?,
        from: micros("start")?,
        to: micros("end")?,
        limit: params.limit("limit", 100, MOST)?,
        ..Search::default()
    })
}

/// `tags={"k":"v"}` and `tag=k:v`. `error=true` asks for traces with errors, as Jaeger's page writes it.
fn tags(params: &Params) -> Result<Vec<(String, String)>, V1> {
    let mut tags = Vec::new();
    for text in params.all("tags") {
        let members: serde_json::Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| Wrong(format!("malformed 'tags' parameter: {error}")))?;
        for (key, value) in members {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            tags.push((key, value));
        }
    }
    for text in params.all("tag") {
        let (key, value) = text.split_once(':').ok_or_else(|| {
            Wrong(format!(
                "malformed 'tag' parameter, expecting key:value, received: {text}"
            ))
        })?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    Ok(tags)
}

async fn by_id(State(store): State<Store>, Path(text): Path<String>) -> Result<Response, V1> {
    let id = id(&text)?;
    let whole = store
        .trace(id)
        .await?
        .ok_or_else(|| Failure::not_found("trace not found"))?;
    Ok(v1(vec![trace(id, &whole)]))
}

async fn dependencies(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, V1> {
    const DAY: i64 = 86_400_000;
    let params = Params::of(pairs);
    let end = params.number("endTs")?.unwrap_or_else(|| now() / 1_000_000);
    let lookback = params.number("lookback")?.unwrap_or(DAY);
    let from = end.saturating_sub(lookback).saturating_mul(1_000_000);
    let calls = store
        .calls(from, end.saturating_mul(1_000_000))
        .await?
        .into_iter()
        .map(
            |call| json!({ "parent": *call.parent, "child": *call.child, "callCount": call.count }),
        )
        .collect::<Vec<_>>();
    // This one has no total: so Jaeger sends it.
    Ok(
        Json(json!({ "data": calls, "total": 0, "limit": 0, "offset": 0, "errors": null }))
            .into_response(),
    )
}

fn id(text: &str) -> Result<TraceId, Wrong> {
    TraceId::parse(text).ok_or_else(|| Wrong(format!("{text:?} is no trace id")))
}

/// As Jaeger names kinds.
pub(super) fn kind_name(kind: i32) -> &'static str {
    match kind {
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "",
    }
}
