//! What one writes without a crate for it: a span of the SDK in an axum middleware, straightforwardly.

use std::net::SocketAddr;

use axum::{
    extract::{ConnectInfo, MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use opentelemetry::{
    Context, KeyValue, global,
    trace::{FutureExt, SpanKind, TraceContextExt, Tracer},
};
use opentelemetry_http::HeaderExtractor;

pub(crate) async fn traced(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    route: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let context = start(peer, route.as_str(), &request);
    let response = next.run(request).with_context(context.clone()).await;
    let status = i64::from(response.status().as_u16());
    context
        .span()
        .set_attribute(KeyValue::new("http.response.status_code", status));
    context.span().end();
    response
}

fn start(peer: SocketAddr, route: &str, request: &Request) -> Context {
    let header = |name| {
        let value = request.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    let (host, port) = header("host").split_once(':').unwrap_or_default();
    let parent = global::get_text_map_propagator(|propagator| {
        propagator.extract(&HeaderExtractor(request.headers()))
    });
    let tracer = global::tracer("shop");
    let span = tracer
        .span_builder(format!("{} {route}", request.method()))
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", request.method().to_string()),
            KeyValue::new("http.route", route.to_owned()),
            KeyValue::new("url.path", request.uri().path().to_owned()),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("server.address", host.to_owned()),
            KeyValue::new("server.port", port.parse::<i64>().unwrap_or(80)),
            KeyValue::new("client.address", peer.ip().to_string()),
            KeyValue::new("network.peer.address", peer.ip().to_string()),
            KeyValue::new("network.peer.port", i64::from(peer.port())),
            KeyValue::new("network.protocol.version", "1.1"),
            KeyValue::new("user_agent.original", header("user-agent").to_owned()),
        ])
        .start_with_context(&tracer, &parent);
    parent.with_span(span)
}
