//! The server's layer on axum: names, attributes, routes.

mod common;

use axum::{Router, body::Body, routing::get};
use common::{Spans, attribute, text};
use http::Request;
use http_body_util::BodyExt;
use opentelemetry::{Value, trace::SpanKind};
use throughline::ServerLayer;
use tower::ServiceExt;

#[tokio::test]
async fn a_request_is_a_span() {
    let spans = Spans::new();
    let app = Router::new()
        .route("/orders/{id}", get(|| async { "order" }))
        .layer(ServerLayer::new().telemetry(&spans.telemetry));
    let request = Request::get("/orders/7?a=b&sig=secret")
        .header("host", "shop.example:8080")
        .header("user-agent", "test/1")
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .body(Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "order"
    );

    let span = spans.only();
    assert_eq!(span.name, "GET /orders/{id}");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(
        span.span_context.trace_id().to_string(),
        "0af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    for (key, want) in [
        ("http.request.method", "GET"),
        ("http.route", "/orders/{id}"),
        ("url.path", "/orders/7"),
        ("url.query", "a=b&sig=REDACTED"),
        ("url.scheme", "http"),
        ("server.address", "shop.example"),
        ("user_agent.original", "test/1"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(text(&span, key).as_deref(), Some(want), "{key}");
    }
    assert_eq!(attribute(&span, "server.port"), Some(Value::I64(8080)));
    assert_eq!(
        attribute(&span, "http.response.status_code"),
        Some(Value::I64(200))
    );
    assert_eq!(attribute(&span, "error.type"), None);
}
