//! A pipeline whose sampler follows the caller: what the caller refused never reaches the provider.

mod common;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use common::{Spans, attribute, text};
use http::{Request, Response};
use throughline::{ServerLayer, SpanIds, current_ids, otel::Pipeline};
use tower::{Layer, ServiceExt, service_fn};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// Sends a request through a layer on this pipeline, and returns the ids that the handler saw.
async fn ids_within(spans: &Spans, layer: ServerLayer, traceparent: Option<&str>) -> SpanIds {
    let telemetry = Pipeline::of(spans.provider())
        .sampler_follows_parent()
        .random_ids()
        .build();
    let seen = Arc::new(Mutex::new(None));
    let within = Arc::clone(&seen);
    let service = service_fn(move |_: Request<Body>| {
        *within.lock().unwrap() = current_ids();
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    });
    let mut request = Request::get("/orders/7").header("host", "shop.example");
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let service = layer.telemetry(&telemetry).layer(service);
    let response = service.oneshot(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.unwrap().status(), 200);
    seen.lock().unwrap().take().unwrap()
}

#[tokio::test]
async fn what_a_caller_refused_is_a_span_of_its_own_that_nobody_records() {
    let spans = Spans::new();
    let parent = format!("00-{TRACE}-{CALLER}-02");
    let ids = ids_within(&spans, ServerLayer::new(), Some(&parent)).await;
    assert_eq!(ids.trace_id_hex(), TRACE);
    assert_ne!(ids.span_id_hex(), CALLER);
    assert!(ids.is_valid());
    // Not sampled, and the random flag of the trace goes on.
    assert!(ids.to_string().ends_with("-02"), "{ids}");
    assert!(spans.ended().is_empty());
}

#[tokio::test]
async fn what_a_caller_sampled_is_recorded() {
    let spans = Spans::new();
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let ids = ids_within(&spans, ServerLayer::new(), Some(&parent)).await;
    let span = spans.only();
    assert_eq!(span.name, "GET");
    assert_eq!(span.span_context.span_id().to_string(), ids.span_id_hex());
    assert_eq!(span.parent_span_id.to_string(), CALLER);
    assert_eq!(text(&span, "url.path").as_deref(), Some("/orders/7"));
    assert_eq!(
        text(&span, "http.response.status_code").as_deref(),
        Some("200")
    );
}

#[tokio::test]
async fn a_new_trace_is_the_samplers_to_decide() {
    let spans = Spans::new();
    let ids = ids_within(&spans, ServerLayer::new(), None).await;
    assert!(ids.is_sampled());
    assert_eq!(
        text(&spans.only(), "url.path").as_deref(),
        Some("/orders/7")
    );
}

#[tokio::test]
async fn a_hook_still_replaces_what_the_layer_sets() {
    let spans = Spans::new();
    let layer = ServerLayer::new().on_request(|_, span| {
        span.set("url.path", "/orders/{id}");
    });
    let parent = format!("00-{TRACE}-{CALLER}-01");
    ids_within(&spans, layer, Some(&parent)).await;
    assert_eq!(
        attribute(&spans.only(), "url.path"),
        Some("/orders/{id}".into())
    );
}

#[tokio::test]
async fn hooks_run_for_what_a_caller_refused() {
    let spans = Spans::new();
    let ended = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&ended);
    let layer = ServerLayer::new().on_end(move |outcome, span| {
        *kept.lock().unwrap() = Some((outcome.status(), span.is_recording()));
    });
    let parent = format!("00-{TRACE}-{CALLER}-00");
    ids_within(&spans, layer, Some(&parent)).await;
    let want = Some((Some(http::StatusCode::OK), false));
    assert_eq!(*ended.lock().unwrap(), want);
}
