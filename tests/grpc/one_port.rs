//! gRPC, gRPC-web and plain HTTP on one port, under one layer.

use axum::routing::get;
use http::Request;
use http_body_util::Full;
use opentelemetry::trace::SpanKind;
use throughline::ServerLayer;
use tonic::{service::Routes, transport::Server};

use crate::{
    common::{attribute, text},
    raw,
    scripted::Scripted,
    shop::{pricing_client::PricingClient, pricing_server::PricingServer},
    support::{Client, Spans, asking, assert_rpc, channel, item, serve, spawn, uri, verdict},
};

/// axum and tonic under one layer.
async fn both(layer: ServerLayer) -> std::net::SocketAddr {
    let (scripted, _calls) = Scripted::new();
    let app = Routes::new(PricingServer::new(scripted))
        .into_axum_router()
        .route("/orders/{id}", get(|| async { "order" }))
        .layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    addr
}

#[tokio::test]
async fn grpc_and_axum_on_one_port_get_the_span_of_their_kind() {
    let spans = Spans::new();
    let addr = both(spans.server()).await;
    let mut client = PricingClient::new(channel(addr).await);
    client
        .quote(asking([("ask-code", "13")]))
        .await
        .unwrap_err();
    let request = Request::get("/orders/7").body(Full::default()).unwrap();
    assert_eq!(raw::send(addr, request).await.data, "order");

    let spans = spans.ended(2).await;
    let code = "INTERNAL".to_owned();
    assert_eq!(spans[0].name, "shop.v1.Pricing/Quote");
    assert_eq!(verdict(&spans[0]), (code.clone(), Some(code), true));
    assert_rpc(&spans[0]);
    if cfg!(feature = "axum") {
        assert_eq!(spans[1].name, "GET /orders/{id}");
    }
    assert_eq!(text(&spans[1], "url.path").as_deref(), Some("/orders/7"));
    let rpc = |key: &str| key.starts_with("rpc.");
    assert!(!spans[1].attributes.iter().any(|kv| rpc(kv.key.as_str())));
}

#[tokio::test]
async fn grpc_web_is_http() {
    let spans = Spans::new();
    let addr = both(spans.server()).await;
    for content_type in ["application/grpc-web+proto", "application/grpc-web-text"] {
        let request = Request::post("/shop.v1.Pricing/Quote").header("content-type", content_type);
        raw::send(addr, raw::with_item(request)).await;
    }
    for span in spans.ended(2).await {
        assert_eq!(span.span_kind, SpanKind::Server);
        assert!(span.name.starts_with("POST"), "{}", span.name);
        assert_eq!(text(&span, "http.request.method").as_deref(), Some("POST"));
        assert!(attribute(&span, "http.response.status_code").is_some());
        assert_eq!(attribute(&span, "rpc.system.name"), None);
    }
}

#[tokio::test]
async fn grpc_web_behind_its_translation_is_grpc() {
    let spans = Spans::new();
    let (scripted, _calls) = Scripted::new();
    let server = Server::builder()
        .layer(tonic_web::GrpcWebLayer::new())
        .layer(spans.server())
        .add_service(PricingServer::new(scripted));
    let addr = spawn(|incoming| server.serve_with_incoming(incoming)).await;
    let request = Request::post("/shop.v1.Pricing/Quote")
        .header("content-type", "application/grpc-web+proto")
        .header("ask-code", "5");
    raw::send(addr, raw::with_item(request)).await;
    let span = spans.only().await;
    assert_rpc(&span);
    assert_eq!(verdict(&span), ("NOT_FOUND".to_owned(), None, false));
}

#[tokio::test]
async fn the_same_layers_on_both_sides_of_a_hop_make_one_trace() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let front = {
        let client: Client = spans.connect(addr).await;
        let (_, health) = tonic_health::server::health_reporter();
        let app = Routes::new(health).into_axum_router().route(
            "/price",
            get(move || async move {
                let mut client = client.clone();
                client.quote(item("sock")).await.unwrap().into_inner().sku
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = app.layer(spans.server());
        tokio::spawn(async move { axum::serve(listener, app).await });
        addr
    };
    let request = Request::get("/price").body(Full::default()).unwrap();
    assert_eq!(raw::send(front, request).await.data, "sock");
    let spans = spans.ended(3).await;
    let by_id = |id| spans.iter().find(|span| span.span_context.span_id() == id);
    let pricing = spans
        .iter()
        .find(|span| span.name.starts_with("shop.v1") && span.span_kind == SpanKind::Server);
    let client = by_id(pricing.unwrap().parent_span_id).unwrap();
    assert_eq!(client.span_kind, SpanKind::Client);
    let root = by_id(client.parent_span_id).unwrap();
    assert_eq!(text(root, "url.path").as_deref(), Some("/price"));
    assert_eq!(
        text(client, "server.address"),
        uri(addr).host().map(str::to_owned)
    );
}
