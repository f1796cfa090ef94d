//! Jaeger's query API, the third: `/api/v3/…`.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    answer::{Failure, V3},
    jaeger::kind_name,
    params::{Params, Wrong, now},
};
use crate::{
    export::otlp::traces_data,
    ids::TraceId,
    store::{Search, Store, Whole},
};

/// Traces in an answer at most.
const MOST: i64 = 1500;

pub(super) fn routes(store: &Store) -> Router {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", get(search))
        .route("/api/v3/traces/{id}", get(by_id))
        .route("/api/v3/trace-summaries", get(summaries))
        .route("/api/v3/dependencies", get(dependencies))
        .with_state(store.clone())
}

async fn services(State(store): State<Store>) -> Result<Response, V3> {
    Ok(Json(json!({ "services": store.services().await? })).into_response())
}

async fn operations(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, V3> {
    let params = Params::of(pairs);
    let service = params
        .text("service")
        .ok_or_else(|| Failure::bad("missing parameter service"))?;
    let kind = params.any(&["spanKind", "span_kind"]).map(|(_, kind)| kind);
    let operations: Vec<_> = store
        .operations(service.to_owned())
        .await?
        .into_iter()
        .map(|(name, number)| {
            let kind = match kind_name(number) {
                "" => "internal",
                kind => kind,
            };
            (name, kind)
        })
        .filter(|(_, name)| kind.is_none_or(|kind| kind == *name))
        .map(|(name, kind)| json!({ "name": name, "spanKind": kind }))
        .collect();
    Ok(Json(json!({ "operations": operations })).into_response())
}

async fn search(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, V3> {
    let found = store.search(wanted(&Params::of(pairs))?).await?;
    let mut all = Vec::new();
    for found in found {
        all.extend(store.trace(found.id).await?);
    }
    result(&all)
}

async fn by_id(State(store): State<Store>, Path(text): Path<String>) -> Result<Response, V3> {
    let id = TraceId::parse(&text)
        .or_else(|| TraceId::from_slice(&BASE64_STANDARD.decode(&text).ok()?))
        .ok_or_else(|| Wrong(format!("malformed parameter trace_id: {text:?}")))?;
    let whole: Vec<_> = store.trace(id).await?.into_iter().collect();
    result(&whole)
}

/// OTLP in an envelope; nothing found is an error.
fn result(all: &[Whole]) -> Result<Response, V3> {
    let data = traces_data(all.iter().flat_map(|whole| &whole.spans));
    if data.resource_spans.is_empty() {
        return Err(Failure::not_found("No traces found").into());
    }
    Ok(Json(json!({ "result": data })).into_response())
}

async fn summaries(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, V3> {
    let found = store.search(wanted(&Params::of(pairs))?).await?;
    let summaries: Vec<Value> = found
        .into_iter()
        .map(|found| {
            let services: Vec<_> = found
                .services
                .iter()
                .map(|part| {
                    json!({
                        "name": part.service,
                        "spanCount": part.spans,
                        "errorSpanCount": part.errors,
                    })
                })
                .collect();
            json!({
                "traceId": found.id.to_string(),
                "rootServiceName": found.root.0,
                "rootOperationName": found.root.1,
                "minStartTimeUnixNano": found.start.to_string(),
                "maxEndTimeUnixNano": found.finish.to_string(),
                "spanCount": found.spans,
                "errorSpanCount": found.errors,
                "orphanSpanCount": found.orphans,
                "services": services,
            })
        })
        .collect();
    Ok(Json(json!({ "summaries": summaries })).into_response())
}

fn wanted(params: &Params) -> Result<Search, V3> {
    let from = params.time(&["query.startTimeMin", "query.start_time_min"])?;
    let to = params.time(&["query.startTimeMax", "query.start_time_max"])?;
    if from.is_none() || to.is_none() {
        let message = "query.startTimeMin and query.startTimeMax are required";
        return Err(Failure::bad(message).into());
    }
    let text = |names| params.any(names).map(|(_, value)| value.to_owned());
    let limit = match params.any(&[
        "query.searchDepth",
        "query.search_depth",
        "query.num_traces",
    ]) {
        Some((name, _)) => params.limit(name, 100, MOST)?,
        None => 100,
    };
    Ok(Search {
        service: text(&["query.serviceName", "query.service_name"]),
        operation: text(&["query.operationName", "query.operation_name"]),
        tags: match params.any(&["query.attributes"]) {
            Some((name, value)) => attributes(name, value)?,
            None => Vec::new(),
        },
        shortest: params.duration(&["query.durationMin", "query.duration_min"])?,
        longest: params.duration(&["query.durationMax", "query.duration_max"])?,
        from,
        to,
        limit,
        ..Search::default()
    })
}

fn attributes(name: &str, text: &str) -> Result<Vec<(String, String)>, V3> {
    let members: serde_json::Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| Wrong(format!("malformed parameter {name}: {error}")))?;
    let pair = |(key, value): (String, Value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (key, value)
    };
    Ok(members.into_iter().map(pair).collect())
}

async fn dependencies(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, V3> {
    const DAY: i64 = 86_400_000_000_000;
    let params = Params::of(pairs);
    let to = params.time(&["endTime", "end_time"])?.unwrap_or_else(now);
    let from = params
        .time(&["startTime", "start_time"])?
        .unwrap_or_else(|| to.saturating_sub(DAY));
    let dependencies: Vec<_> = store
        .calls(from, to)
        .await?
        .into_iter()
        .map(|call| {
            json!({
                "parent": *call.parent,
                "child": *call.child,
                "callCount": call.count.to_string(),
            })
        })
        .collect();
    Ok(Json(json!({ "dependencies": dependencies })).into_response())
}
