//! Jaeger's query API, the first: `/api/…`.

use axum::{
    extract::{Path, State},
    response::Response,
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{
    Table,
    answer::{Failure, V1, v1, v1_names},
    lookup::{self, MOST, Traces},
    params::{Params, Wrong, ordered},
};
use crate::{
    export::jaeger::{kind_name, raw_trace, trace},
    ids::TraceId,
    store::{Calls, Search, Store},
};

pub(super) fn table() -> Table {
    [
        ("/api/services", get(services)),
        ("/api/services/{service}/operations", get(names)),
        ("/api/operations", get(operations)),
        ("/api/traces", get(search)),
        ("/api/traces/{traceId}", get(by_id)),
        ("/api/dependencies", get(dependencies)),
    ]
    .map(|(path, answer)| (path.to_owned(), answer))
    .into()
}

async fn services(State(store): State<Store>, params: Params) -> Result<Response, V1> {
    let names = store.services().await?;
    let answer = move || v1_names(&params, names.into_iter().map(Value::from).collect());
    Ok(store.aside(answer).await?)
}

async fn names(
    State(store): State<Store>,
    Path(service): Path<String>,
    params: Params,
) -> Result<Response, V1> {
    let names = lookup::names(&store, service).await?;
    let answer = move || v1_names(&params, names.into_iter().map(Value::from).collect());
    Ok(store.aside(answer).await?)
}

async fn operations(State(store): State<Store>, params: Params) -> Result<Response, V1> {
    let service = service(&params)?;
    let found = store.operations(service).await?;
    let answer = move || {
        let kind = params.text("spanKind");
        let data = found
            .into_iter()
            .map(|(name, number)| (name, kind_name(number)))
            .filter(|(_, name)| kind.is_none_or(|kind| kind == *name))
            .map(|(name, kind)| json!({ "name": name, "spanKind": kind }))
            .collect();
        v1_names(&params, data)
    };
    Ok(store.aside(answer).await?)
}

async fn search(State(store): State<Store>, params: Params) -> Result<Response, V1> {
    let convert = conversion(&params)?;
    let ids = params
        .all("traceID")
        .iter()
        .take(MOST as usize)
        .map(|text| TraceId::of("traceID", text))
        .collect::<Result<Vec<_>, _>>()?;
    let Traces {
        found,
        missing,
        turn,
    } = if ids.is_empty() {
        lookup::search(&store, wanted(&params)?).await?
    } else {
        lookup::traces(&store, ids).await?
    };
    let answer = move || {
        let data = found
            .iter()
            .map(|(id, whole)| convert(*id, whole))
            .collect();
        let errors: Vec<_> = missing
            .iter()
            .map(|id| json!({ "msg": "trace not found", "traceID": id.to_string() }))
            .collect();
        v1(&params, data, (!errors.is_empty()).then_some(errors))
    };
    Ok(turn.make(answer).await?)
}

async fn by_id(
    State(store): State<Store>,
    Path(text): Path<String>,
    params: Params,
) -> Result<Response, V1> {
    let convert = conversion(&params)?;
    // A hint for stores that are cut by time. It must be well-formed all the same.
    params.micros("start")?;
    params.micros("end")?;
    let id = TraceId::of("traceID", &text)?;
    let turn = store.turn().await?;
    let whole = lookup::trace(&store, id)
        .await?
        .ok_or_else(|| Failure::not_found("trace not found"))?;
    let answer = move || v1(&params, vec![convert(id, &whole)], None);
    Ok(turn.make(answer).await?)
}

/// With `raw`, nothing is added to what was sent.
fn conversion(params: &Params) -> Result<fn(TraceId, &crate::store::Whole) -> Value, Wrong> {
    Ok(if params.bool(&["raw"])? {
        raw_trace
    } else {
        trace
    })
}

fn wanted(params: &Params) -> Result<Search, V1> {
    let (tags, errors_only) = tags(params)?;
    let search = Search {
        service: Some(service(params)?),
        operation: params
            .text("operation")
            .filter(|name| *name != "all")
            .map(str::to_owned),
        tags,
        errors_only,
        shortest: params.duration(&["minDuration"])?,
        longest: params.duration(&["maxDuration"])?,
        from: params.micros("start")?,
        to: params.micros("end")?,
        limit: params.positive("limit", 100, MOST)?,
        ..Search::default()
    };
    ordered("start", search.from, "end", search.to)?;
    ordered(
        "minDuration",
        search.shortest,
        "maxDuration",
        search.longest,
    )?;
    Ok(search)
}

/// `tags={"k":"v"}` and `tag=k:v`, and whether the trace must have failed: Jaeger's pages ask for that by `error=true`,
/// and by the tag that tells it of a span.
fn tags(params: &Params) -> Result<(Vec<(String, String)>, bool), Wrong> {
    let mut tags = Map::new();
    for text in params.all("tag") {
        let (key, value) = text.split_once(':').ok_or_else(|| {
            Wrong(format!(
                "malformed 'tag' parameter, expecting key:value, received: {text}"
            ))
        })?;
        tags.insert(key.to_owned(), Value::from(value));
    }
    for text in params.all("tags") {
        let members: Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| Wrong(format!("malformed 'tags' parameter: {error}")))?;
        tags.extend(members);
    }
    lookup::attributes("tags", tags)
}

async fn dependencies(State(store): State<Store>, params: Params) -> Result<Response, V1> {
    let (from, to) = params.window()?;
    let calls = store.calls(from, to).await?;
    let answer = move || {
        let service = params.text("service");
        let is_asked = |call: &&Calls| {
            service.is_none_or(|service| *call.parent == *service || *call.child == *service)
        };
        let link = |call: &Calls| json!({ "parent": *call.parent, "child": *call.child, "callCount": call.count });
        let links = calls.iter().filter(is_asked).map(link).collect();
        v1(&params, links, None)
    };
    Ok(store.aside(answer).await?)
}

fn service(params: &Params) -> Result<String, Failure> {
    params
        .text("service")
        .map(str::to_owned)
        .ok_or_else(|| Failure::bad("parameter 'service' is required"))
}
