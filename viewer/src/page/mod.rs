//! The pages: HTML and SVG from the server, and small scripts that make them quick to use.

mod assets;
mod chart;
mod colours;
mod compare;
mod difference;
mod example;
mod format;
mod layers;
mod layout;
mod live;
mod map;
mod minimap;
mod overview;
mod query;
mod row;
mod scatter;
mod search;
mod span;
mod takeaway;
mod trace;
mod waterfall;

use std::net::SocketAddr;

use askama::Template;
use axum::{
    Extension, Router,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use tokio::sync::watch;

use crate::{
    api,
    store::{Store, StoreError},
};

/// What went wrong, for people.
#[derive(Template)]
#[template(path = "error.html")]
struct Failed {
    title: &'static str,
    message: String,
    /// The trace that is shown when it comes.
    awaited: String,
}

/// The first page says where OTLP comes in over HTTP. What tells of news ends when it is told to stop.
pub(crate) fn routes(
    store: &Store,
    http: Option<SocketAddr>,
    stop: watch::Receiver<bool>,
) -> Router {
    Router::new()
        .route("/", get(search::page))
        .route("/results", get(search::results))
        .route("/trace/{id}", get(trace::page))
        .route("/trace/{id}/span/{span}", get(trace::span))
        .route("/trace/{id}/live", get(live::of_trace))
        .route("/trace/{id}/find", get(takeaway::find))
        .route("/trace/{id}/otlp.json", get(takeaway::otlp_json))
        .route("/trace/{id}/jaeger.json", get(takeaway::jaeger_json))
        .route("/trace/{id}/offline.html", get(takeaway::offline))
        .route("/map", get(map::page))
        .route("/overview", get(overview::page))
        .route("/example", get(example::of))
        .route("/compare", get(compare::page))
        .route("/live", get(live::events))
        .route("/clear", post(live::clear))
        .route("/assets/{name}", get(assets::get))
        .layer(Extension(live::Stop(stop)))
        .layer(Extension(search::TakesAt(http)))
        .with_state(store.clone())
        .merge(api::routes(store))
        .fallback(nothing)
}

async fn nothing() -> Response {
    failed(
        StatusCode::NOT_FOUND,
        "There is no such page",
        String::new(),
    )
}

/// A page, or why it cannot be shown.
fn show(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn failed(status: StatusCode, title: &'static str, message: String) -> Response {
    let page = Failed {
        title,
        message,
        awaited: String::new(),
    };
    (status, show(&page)).into_response()
}

impl IntoResponse for StoreError {
    fn into_response(self) -> Response {
        failed(self.status(), "That did not work", self.to_string())
    }
}
