//! `init()`: the globals. One test, for there is one set of them in a process.

mod collector;

use axum::{Router, body::Body, routing::get};
use collector::Collector;
use http::{HeaderMap, Request};
use opentelemetry::{
    global,
    trace::{Tracer, TracerProvider},
};
use throughline::{ServerLayer, Setup};
use tower::ServiceExt;

#[tokio::test]
async fn init_is_for_the_whole_process() {
    let collector = Collector::start();
    // Built before there is a pipeline, and used before.
    let app = Router::new()
        .route("/", get(|| async { global_headers() }))
        .layer(ServerLayer::new());
    let request = || Request::get("/").body(Body::empty()).unwrap();
    app.clone().oneshot(request()).await.unwrap();

    let telemetry = Setup::new()
        // What the layers know from the installed pipeline, and could not from OpenTelemetry's globals.
        .lookup(|name| name.ends_with("KNOWN_METHODS").then(|| "BREW".to_owned()))
        .endpoint(collector.url())
        .init()
        .unwrap();
    let response = app.oneshot(request()).await.unwrap();
    assert_eq!(response.headers()["seen"], "traceparent");
    global::tracer_provider()
        .tracer("own")
        .in_span("by hand", |_| {});
    telemetry.shutdown().await.unwrap();

    let mut names = collector.names();
    names.sort();
    assert_eq!(names, ["HTTP /", "by hand"]);
}

/// The headers that OpenTelemetry's global propagator writes.
fn global_headers() -> HeaderMap {
    use std::collections::HashMap;

    let mut injected = HashMap::new();
    global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&opentelemetry::Context::current(), &mut injected);
    });
    let mut keys: Vec<_> = injected.into_keys().collect();
    keys.sort();
    [("seen".parse().unwrap(), keys.join(",").parse().unwrap())]
        .into_iter()
        .collect::<HashMap<http::HeaderName, http::HeaderValue>>()
        .into_iter()
        .collect()
}
