//! What stands beside the layers: interceptors, tonic's own layers and services, axum on the same port.

use axum::routing::get;
use http::Request;
use http_body_util::Full;
use opentelemetry::trace::SpanKind;
use throughline::{ClientService, ServerLayer};
use tonic::{
    Status,
    service::{Interceptor, InterceptorLayer, LayerExt, Routes, interceptor::InterceptedService},
    transport::{Channel, Server},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use tower::ServiceBuilder;

use crate::{
    common::{attribute, text},
    raw,
    shop::{pricing_client::PricingClient, pricing_server::PricingServer},
    support::{
        Client, Scripted, Spans, asking, assert_rpc, channel, item, serve, spawn, uri, verdict,
    },
};

/// Refuses calls that ask for it; marks the others.
#[derive(Clone, Copy, Debug)]
struct Guard;

impl Interceptor for Guard {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        if request.metadata().contains_key("ask-refusal") {
            return Err(Status::unauthenticated("who are you?"));
        }
        let metadata = request.metadata_mut();
        metadata.insert("x-guard", "passed".parse().unwrap());
        Ok(request)
    }
}

#[tokio::test]
async fn an_interceptor_inside_of_a_server_s_layer_has_its_refusal_traced() {
    for as_service in [true, false] {
        let spans = Spans::new();
        let (scripted, mut calls) = Scripted::new();
        let layer = spans.server();
        let addr = if as_service {
            let service = PricingServer::with_interceptor(scripted, Guard);
            let server = Server::builder().layer(layer).add_service(service);
            spawn(|incoming| server.serve_with_incoming(incoming)).await
        } else {
            let layers = ServiceBuilder::new()
                .layer(layer)
                .layer(InterceptorLayer::new(Guard));
            let server = Server::builder()
                .layer(layers)
                .add_service(PricingServer::new(scripted));
            spawn(|incoming| server.serve_with_incoming(incoming)).await
        };
        let mut client = PricingClient::new(channel(addr).await);
        client.quote(item("sock")).await.unwrap();
        assert!(calls.recv().await.unwrap().contains_key("x-guard"));
        let refused = client.quote(asking([("ask-refusal", "1")])).await;
        assert_eq!(refused.unwrap_err().message(), "who are you?");

        let spans = spans.ended(2).await;
        assert_eq!(verdict(&spans[0]).0, "OK");
        let code = "UNAUTHENTICATED".to_owned();
        assert_eq!(verdict(&spans[1]), (code, None, false));
    }
}

#[tokio::test]
async fn an_interceptor_outside_of_a_server_s_layer_refuses_untraced() {
    let spans = Spans::new();
    let (scripted, _calls) = Scripted::new();
    let layers = ServiceBuilder::new()
        .layer(InterceptorLayer::new(Guard))
        .layer(spans.server());
    let server = Server::builder()
        .layer(layers)
        .add_service(PricingServer::new(scripted));
    let addr = spawn(|incoming| server.serve_with_incoming(incoming)).await;
    let mut client = PricingClient::new(channel(addr).await);
    let refused = client.quote(asking([("ask-refusal", "1")])).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unauthenticated);
    client.quote(item("sock")).await.unwrap();
    assert_eq!(verdict(&spans.only().await).0, "OK");
}

#[tokio::test]
async fn a_client_s_interceptor_goes_on_either_side_of_the_layer() {
    let (addr, mut calls) = serve(Spans::new().server()).await;
    // Outside: what it adds is recorded, and a refusal is no call.
    let spans = Spans::new();
    let layer = spans.client().record_request_headers(["x-guard"]);
    let service = ServiceBuilder::new()
        .layer(layer)
        .service(channel(addr).await);
    let mut client: PricingClient<InterceptedService<ClientService<Channel>, Guard>> =
        PricingClient::with_interceptor(service, Guard);
    client
        .quote(asking([("ask-refusal", "1")]))
        .await
        .unwrap_err();
    client.quote(item("sock")).await.unwrap();
    let span = spans.only().await;
    assert!(
        text(&span, "rpc.request.header.x-guard")
            .unwrap()
            .contains("passed")
    );
    assert!(calls.recv().await.unwrap().contains_key("traceparent"));

    // Inside: a refusal is the answer to a call.
    let spans = Spans::new();
    let service = ServiceBuilder::new()
        .layer(spans.client())
        .layer(InterceptorLayer::new(Guard))
        .service(channel(addr).await);
    let mut client = PricingClient::new(service);
    client
        .quote(asking([("ask-refusal", "1")]))
        .await
        .unwrap_err();
    let span = spans.only().await;
    let code = "UNAUTHENTICATED".to_owned();
    assert_eq!(verdict(&span), (code.clone(), Some(code), true));
}

#[tokio::test]
async fn a_layer_on_one_service_traces_that_one() {
    let spans = Spans::new();
    let (scripted, _calls) = Scripted::new();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .add_service(spans.server().named_layer(PricingServer::new(scripted)))
        .add_service(health);
    let addr = spawn(|incoming| server.serve_with_incoming(incoming)).await;
    let check = tonic::Request::new(HealthCheckRequest::default());
    HealthClient::new(channel(addr).await)
        .check(check)
        .await
        .unwrap();
    PricingClient::new(channel(addr).await)
        .quote(item("sock"))
        .await
        .unwrap();
    let span = spans.only().await;
    assert_eq!(span.name, "shop.v1.Pricing/Quote");
    assert_rpc(&span);
}

#[tokio::test]
async fn health_and_reflection_work_and_are_spans_or_filtered() {
    let spans = Spans::new();
    let (scripted, _calls) = Scripted::new();
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<PricingServer<Scripted>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(include_bytes!("../proto/pricing.bin"))
        .build_v1()
        .unwrap();
    let layer = spans
        .server()
        .filter(|head| !head.uri().path().starts_with("/grpc.health."));
    let server = Server::builder()
        .layer(layer)
        .add_service(PricingServer::new(scripted))
        .add_service(health)
        .add_service(reflection);
    let addr = spawn(|incoming| server.serve_with_incoming(incoming)).await;

    let request = HealthCheckRequest {
        service: "shop.v1.Pricing".to_owned(),
    };
    let health = HealthClient::new(channel(addr).await).check(request).await;
    assert_eq!(health.unwrap().get_ref().status, 1);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel(addr).await)
        .server_reflection_info(futures_util::stream::iter([request]))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    assert!(
        list.service
            .iter()
            .any(|service| service.name == "shop.v1.Pricing")
    );
    assert!(answers.message().await.unwrap().is_none());
    let span = spans.only().await;
    assert_eq!(
        span.name,
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    );
    assert_eq!(verdict(&span).0, "OK");
}

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
