//! Jaeger's query API, the third: `/api/v3/…`.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    Table,
    answer::{Failure, V3},
    lookup::{self, MOST, Traces, UNREAD},
    params::{Params, Wrong, ordered},
};
use crate::{
    export::{jaeger::kind_name, otlp::traces_data},
    ids::TraceId,
    store::{Calls, Found, Search, Store, Whole},
};

pub(super) fn table() -> Table {
    [
        ("/api/v3/services", get(services)),
        ("/api/v3/operations", get(operations)),
        ("/api/v3/traces", get(search)),
        ("/api/v3/traces/{traceId}", get(by_id)),
        ("/api/v3/trace-summaries", get(summaries)),
        ("/api/v3/dependencies", get(dependencies)),
    ]
    .map(|(path, answer)| (path.to_owned(), answer))
    .into()
}

async fn services(State(store): State<Store>) -> Result<Response, V3> {
    let services = store.services().await?;
    let answer = move || Json(json!({ "services": services })).into_response();
    Ok(store.aside(answer).await?)
}

async fn operations(State(store): State<Store>, params: Params) -> Result<Response, V3> {
    let service = params
        .text("service")
        .ok_or_else(|| Failure::bad("missing required parameter: service"))?;
    let found = store.operations(service.to_owned()).await?;
    let answer = move || {
        let kind = params.any(&["spanKind", "span_kind"]).map(|(_, kind)| kind);
        let operations: Vec<_> = found
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
        Json(json!({ "operations": operations })).into_response()
    };
    Ok(store.aside(answer).await?)
}

async fn search(State(store): State<Store>, params: Params) -> Result<Response, V3> {
    const PAGES: [&str; 2] = ["query.pagination.pageSize", "query.pagination.pageToken"];
    if let Some((name, _)) = params.any(&PAGES) {
        return Err(Wrong(format!("{name}: traces do not come in pages")).into());
    }
    params.bool(&["query.rawTraces", "query.raw_traces"])?;
    let Traces { found, turn, .. } = lookup::search(&store, wanted(&params)?).await?;
    let answer = move || result(found.iter().map(|(_, whole)| whole));
    turn.make(answer).await?
}

async fn by_id(
    State(store): State<Store>,
    Path(text): Path<String>,
    params: Params,
) -> Result<Response, V3> {
    params.bool(&["rawTraces", "raw_traces"])?;
    // A hint for stores that are cut by time. It must be well-formed all the same.
    params.time(&["startTime", "start_time"])?;
    params.time(&["endTime", "end_time"])?;
    let id = match BASE64_STANDARD.decode(&text) {
        // Base64 of 16 bytes has 24 characters: no id in digits has.
        Ok(bytes) if text.len() == 24 => TraceId::from_slice(&bytes),
        _ => None,
    };
    let id = match id {
        Some(id) => id,
        None => TraceId::of("traceId", &text)?,
    };
    let turn = store.turn().await?;
    let whole = lookup::trace(&store, id).await?;
    if whole.as_ref().is_some_and(|whole| whole.spans.is_empty()) {
        return Err(Failure::not_found(UNREAD).into());
    }
    turn.make(move || result(whole.iter())).await?
}

/// OTLP in an envelope; nothing found is an error.
fn result<'w>(all: impl Iterator<Item = &'w Whole>) -> Result<Response, V3> {
    let resource_spans: Vec<_> = all
        .flat_map(|whole| traces_data(&whole.spans).resource_spans)
        .collect();
    if resource_spans.is_empty() {
        return Err(Failure::not_found("No traces found").into());
    }
    Ok(Json(json!({ "result": { "resourceSpans": resource_spans } })).into_response())
}

/// Pages are answered as by a store that has none: the first, and no token for another.
async fn summaries(State(store): State<Store>, params: Params) -> Result<Response, V3> {
    let mut search = wanted(&params)?;
    if params.text("query.pagination.pageToken").is_some() {
        return Err(Failure::bad("query.pagination.pageToken: no page has a next one").into());
    }
    const SIZE: &str = "query.pagination.pageSize";
    if params.text(SIZE).is_some() {
        if params.any(&DEPTH).is_some() {
            let why = "query.pagination.pageSize and query.searchDepth exclude each other";
            return Err(Failure::bad(why).into());
        }
        search.limit = params.positive(SIZE, 0, MOST)?;
    }
    let found = store.search(search).await?;
    let answer = move || {
        let summaries: Vec<_> = found.iter().map(summary).collect();
        Json(json!({ "summaries": summaries })).into_response()
    };
    Ok(store.aside(answer).await?)
}

fn summary(found: &Found) -> Value {
    let services: Vec<_> = found
        .services
        .iter()
        .map(|part| {
            json!({ "name": part.service, "spanCount": part.spans, "errorSpanCount": part.errors })
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
}

const DEPTH: [&str; 3] = [
    "query.searchDepth",
    "query.search_depth",
    "query.num_traces",
];

/// The names with underscores are older; both are understood.
fn wanted(params: &Params) -> Result<Search, V3> {
    if params.text("query.filter").is_some() {
        // To leave it out would answer with more than was asked for.
        return Err(Failure::bad("query.filter: filters are not understood").into());
    }
    let from = params.time(&["query.startTimeMin", "query.start_time_min"])?;
    let to = params.time(&["query.startTimeMax", "query.start_time_max"])?;
    let (Some(from), Some(to)) = (from, to) else {
        let message = "query.startTimeMin and query.startTimeMax are required";
        return Err(Failure::bad(message).into());
    };
    ordered(
        "query.startTimeMin",
        Some(from),
        "query.startTimeMax",
        Some(to),
    )?;
    let text = |names: [&'static str; 2]| params.any(&names).map(|(_, value)| value.to_owned());
    let (tags, errors_only) = match params.text("query.attributes") {
        Some(value) => attributes(value)?,
        None => Default::default(),
    };
    // No depth is what zero says in protobuf.
    let depth = match params.any(&DEPTH) {
        Some((name, _)) => params.limit(name, 0, MOST)?,
        None => 0,
    };
    Ok(Search {
        service: text(["query.serviceName", "query.service_name"]),
        operation: text(["query.operationName", "query.operation_name"]),
        tags,
        errors_only,
        shortest: params.duration(&["query.durationMin", "query.duration_min"])?,
        longest: params.duration(&["query.durationMax", "query.duration_max"])?,
        from: Some(from),
        // The end is not within.
        to: Some(to.saturating_sub(1)),
        limit: if depth == 0 { 100 } else { depth },
        ..Search::default()
    })
}

fn attributes(text: &str) -> Result<(Vec<(String, String)>, bool), Wrong> {
    const NAME: &str = "query.attributes";
    let members = serde_json::from_str(text)
        .map_err(|error| Wrong(format!("malformed parameter {NAME}: {error}")))?;
    lookup::attributes(NAME, members)
}

async fn dependencies(State(store): State<Store>, params: Params) -> Result<Response, V3> {
    let time = |names: [&'static str; 2]| -> Result<i64, Wrong> {
        let [name, _] = names;
        params
            .time(&names)?
            .ok_or_else(|| Wrong(format!("missing required parameter: {name}")))
    };
    let from = time(["startTime", "start_time"])?;
    let to = time(["endTime", "end_time"])?;
    if to <= from {
        return Err(Failure::bad("endTime must be after startTime").into());
    }
    let calls = store.calls(from, to).await?;
    let answer = move || {
        let dependency = |call: &Calls| {
            json!({
                "parent": *call.parent,
                "child": *call.child,
                "callCount": call.count.to_string(),
            })
        };
        let dependencies: Vec<_> = calls.iter().map(dependency).collect();
        Json(json!({ "dependencies": dependencies })).into_response()
    };
    Ok(store.aside(answer).await?)
}
