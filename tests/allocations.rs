//! How much the server's layer allocates for a request, above a layer that does nothing. Counted, not timed: the same on
//! every machine.
//!
//! `benches/cost` counts the same with instructions beside it, and other crates for comparison.

mod common;

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use allocation_counter::measure;
use axum::{Router, body::Body, extract::ConnectInfo, routing::get};
use common::Meters;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use opentelemetry::Context;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use throughline::{ServerLayer, Telemetry, otel::Pipeline};
use tower::{Layer, Service, layer::util::Identity, service_fn};

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

#[test]
fn a_recorded_request_allocates_at_most_13_times() {
    let pipeline = pipeline();
    let added = above_identity(ServerLayer::new().telemetry(&pipeline), SAMPLED);
    assert!((1..=13).contains(&added), "{added}");
}

#[test]
fn an_unsampled_request_allocates_at_most_3_times() {
    let pipeline = pipeline();
    let added = above_identity(ServerLayer::new().telemetry(&pipeline), UNSAMPLED);
    assert!((1..=3).contains(&added), "{added}");
}

/// Once its set of attributes was seen.
#[test]
fn a_measured_request_allocates_as_often_as_one_that_is_not() {
    for traceparent in [SAMPLED, UNSAMPLED] {
        let meters = Meters::new();
        let measured = ServerLayer::new().telemetry(&measuring(&meters));
        let plain = ServerLayer::new().telemetry(&pipeline());
        assert_eq!(
            above_identity(measured, traceparent),
            above_identity(plain, traceparent)
        );
        assert!(meters.only("http.server.request.duration").count() > 1);
    }
}

#[test]
fn a_measured_call_allocates_as_often_as_one_that_is_not() {
    for traceparent in [SAMPLED, UNSAMPLED] {
        let meters = Meters::new();
        let count = |layer: &ServerLayer| steady(|| call(layer, "/shop.Orders/Get", traceparent));
        assert_eq!(
            count(&ServerLayer::new().telemetry(&measuring(&meters))),
            count(&ServerLayer::new().telemetry(&pipeline()))
        );
        assert!(meters.only("rpc.server.call.duration").count() > 1);
    }
}

/// Whatever strangers have called before it, and by whichever names of the host.
#[test]
fn what_strangers_make_up_leaves_room_for_a_real_call() {
    let meters = Meters::new();
    let measured = ServerLayer::new().telemetry(&measuring(&meters));
    let measured = measured.measure_server_address(true);
    let plain = ServerLayer::new().telemetry(&pipeline());
    let count = |layer: &ServerLayer| steady(|| call(layer, "/shop.Orders/Get", UNSAMPLED));
    call(&measured, "/shop.Orders/List", UNSAMPLED);
    for number in 0..5000 {
        let invented = format!("/strange.Service{number}/Call");
        call(&measured, &invented, UNSAMPLED);
        let host = format!("http://host{number}.example/shop.Orders/List");
        call(&measured, &host, UNSAMPLED);
    }
    assert_eq!(count(&measured), count(&plain));
}

/// Allocations of one call. What begins with `strange` is not there.
fn call(layer: &ServerLayer, uri: &str, traceparent: &str) -> u64 {
    let mut service = layer.layer(service_fn(async |request: Request<Body>| {
        let code = match request.uri().path().starts_with("/strange") {
            true => "12",
            false => "0",
        };
        let answer = Response::builder().header("grpc-status", code);
        Ok::<_, Infallible>(answer.body(Body::empty()).unwrap())
    }));
    let mut request = request(traceparent);
    *request.uri_mut() = uri.parse().unwrap();
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str()).unwrap();
        request.headers_mut().insert("host", host);
    }
    let content_type = HeaderValue::from_static("application/grpc");
    request.headers_mut().insert("content-type", content_type);
    measure(|| {
        let response = service.call(request).now_or_never().unwrap().unwrap();
        assert_eq!(response.status(), 200);
    })
    .count_total
}

/// The one is axum's: it boxes each body that is not of its own type.
#[test]
fn a_filtered_request_allocates_once_on_axum() {
    let layer = ServerLayer::new().telemetry(&pipeline()).filter(|_| false);
    assert_eq!(above_identity(layer, SAMPLED), 1);
}

#[test]
fn a_filtered_request_allocates_nothing() {
    let layer = ServerLayer::new().telemetry(&pipeline()).filter(|_| false);
    assert_eq!(on_a_plain_service(&layer), 0);
}

#[test]
fn a_suppressed_request_allocates_nothing() {
    let layer = ServerLayer::new().telemetry(&pipeline());
    assert!(on_a_plain_service(&layer) > 0);
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    assert_eq!(on_a_plain_service(&layer), 0);
}

/// A provider that forgets each span as it ends, on its own thread: a queue is not the layer's to pay for.
fn pipeline() -> Telemetry {
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Forget)
        .build();
    Pipeline::of(&provider)
        .sampler_follows_parent()
        .random_ids()
        .build()
}

/// The same, and what is measured stays in memory.
fn measuring(meters: &Meters) -> Telemetry {
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Forget)
        .build();
    Pipeline::of(&provider)
        .meter_provider(&meters.provider)
        .sampler_follows_parent()
        .random_ids()
        .build()
}

/// What the layer adds to the same route behind a layer that does nothing.
fn above_identity(layer: ServerLayer, traceparent: &str) -> u64 {
    let app = || Router::new().route("/orders/{id}", get(|| async { "order" }));
    let traced = on_axum(app().layer(layer), traceparent);
    let identity = on_axum(app().layer(Identity::new()), traceparent);
    traced.checked_sub(identity).unwrap()
}

/// Allocations of one request, with its response read to the end.
fn on_axum(app: Router, traceparent: &str) -> u64 {
    // As `axum::serve` does: the layers are applied once, and not for each request.
    let app = app.with_state(());
    steady(|| {
        let request = request(traceparent);
        measure(|| {
            let response = app.clone().call(request).now_or_never().unwrap();
            let body = response.unwrap().into_body();
            let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
            assert_eq!(bytes, "order");
        })
        .count_total
    })
}

/// Allocations of one request to a service that makes none itself.
fn on_a_plain_service(layer: &ServerLayer) -> u64 {
    let mut service = layer.layer(service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    steady(|| {
        let request = request(SAMPLED);
        measure(|| {
            let response = service.call(request).now_or_never().unwrap().unwrap();
            assert_eq!(response.status(), 200);
        })
        .count_total
    })
}

/// The count of a request after those that fill lazy statics and thread locals; the next one's must be the same.
fn steady(mut request: impl FnMut() -> u64) -> u64 {
    for _ in 0..8 {
        request();
    }
    let count = request();
    assert_eq!(request(), count);
    count
}

fn request(traceparent: &str) -> Request<Body> {
    Request::get("/orders/4711")
        .header("host", "shop.example:8080")
        .header("user-agent", "curl/8.14.1")
        .header("accept", "*/*")
        .header("accept-encoding", "gzip")
        .header("accept-language", "en")
        .header("cookie", "session=0123456789abcdef")
        .header("referer", "http://shop.example:8080/")
        .header("x-request-id", "4711")
        .header("traceparent", traceparent)
        .extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 49152))))
        .body(Body::empty())
        .unwrap()
}

#[derive(Debug)]
struct Forget;

impl SpanProcessor for Forget {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, _span: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
