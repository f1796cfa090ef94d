//! A trace to keep, to send, to open elsewhere.

use std::hash::{BuildHasher, Hasher, RandomState};

use askama::Template;
use axum::{
    Json,
    extract::{Path, Query, State},
    response::{Html, IntoResponse, Response},
};
use http::{StatusCode, header::CONTENT_DISPOSITION};
use serde_json::json;

use super::{assets, colours::Colours, row, trace::unknown, waterfall::Waterfall};
use crate::{
    api::params::Params,
    batch::text,
    export::{jaeger, otlp},
    ids::TraceId,
    store::{Store, StoreError, Stored, Whole},
    trace::Tree,
};

/// A page without a server: style and script are in it.
#[derive(Template)]
#[template(path = "offline.html")]
struct Offline {
    waterfall: Waterfall,
    style: &'static str,
    script: String,
    nonce: String,
    /// The attributes of each span, by its id and its turn, as HTML that the script shows.
    details: String,
}

/// The nodes that have a row and whose span says the text somewhere, as numbers.
pub(super) async fn find(
    State(store): State<Store>,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let wanted = Params::of(pairs)
        .text("text")
        .unwrap_or_default()
        .to_lowercase();
    of(&store, &id, move |_, whole| {
        let nodes: Vec<_> = Tree::of(&whole.spans)
            .nodes
            .iter()
            .enumerate()
            .take(row::MOST)
            .filter(|(_, node)| {
                whole
                    .spans
                    .get(node.span)
                    .is_some_and(|stored| says(stored, &wanted))
            })
            .map(|(index, _)| index)
            .collect();
        Json(nodes).into_response()
    })
    .await
}

/// In names, attributes and events; `key=value` as well.
fn says(stored: &Stored, wanted: &str) -> bool {
    let span = &stored.span;
    let holds = |text: &str| text.to_lowercase().contains(wanted);
    holds(&span.name)
        || holds(&stored.service)
        || span
            .status
            .as_ref()
            .is_some_and(|status| holds(&status.message))
        || span
            .attributes
            .iter()
            .chain(span.events.iter().flat_map(|event| &event.attributes))
            .any(|attribute| {
                let value = attribute.value.as_ref().map(text).unwrap_or_default();
                holds(&format!("{}={value}", attribute.key))
            })
        || span.events.iter().any(|event| holds(&event.name))
}

pub(super) async fn otlp_json(
    State(store): State<Store>,
    Path(id): Path<String>,
) -> Result<Response, StoreError> {
    of(&store, &id, |id, whole| {
        download(
            &format!("{id}.otlp.json"),
            Json(otlp::traces_data(&whole.spans)).into_response(),
        )
    })
    .await
}

pub(super) async fn jaeger_json(
    State(store): State<Store>,
    Path(id): Path<String>,
) -> Result<Response, StoreError> {
    of(&store, &id, |id, whole| {
        let file = json!({ "data": [jaeger::trace(id, whole)] });
        download(&format!("{id}.jaeger.json"), Json(file).into_response())
    })
    .await
}

pub(super) async fn offline(
    State(store): State<Store>,
    Path(id): Path<String>,
) -> Result<Response, StoreError> {
    let colours = Colours::of(&store).await?;
    of(&store, &id, move |id, whole| {
        match page(id, whole, &colours) {
            Ok(text) => download(&format!("{id}.html"), Html(text).into_response()),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    })
    .await
}

fn page(id: TraceId, whole: &Whole, colours: &Colours) -> askama::Result<String> {
    let details = super::span::all(whole, colours)?;
    // Within a script only this could end it.
    let details = serde_json::to_string(&details)
        .unwrap_or_default()
        .replace('<', "\\u003c");
    Offline {
        waterfall: Waterfall::of(id, whole, colours),
        style: assets::text("style.css").map_or("", |(_, text)| text),
        script: assets::one_module(&["common.js", "rows.js", "zoom.js", "trace.js"]),
        nonce: nonce(),
        details,
    }
    .render()
}

/// What nobody could know who wrote what is in the page: only our own script and style may say it.
fn nonce() -> String {
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}

async fn of(
    store: &Store,
    text: &str,
    answer: impl FnOnce(TraceId, &Whole) -> Response + Send + 'static,
) -> Result<Response, StoreError> {
    let Some(id) = TraceId::parse(text) else {
        return Ok(unknown(text));
    };
    let turn = store.turn().await?;
    match store.trace(id).await? {
        Some(whole) => turn.make(move || answer(id, &whole)).await,
        None => Ok(unknown(text)),
    }
}

fn download(name: &str, response: Response) -> Response {
    let mut response = response;
    let disposition = format!("attachment; filename=\"{name}\"");
    if let Ok(value) = disposition.try_into() {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}
