//! What stands beside the layers: interceptors, tonic's own layers and services.

use throughline::ClientService;
use tonic::{
    Status,
    service::{Interceptor, InterceptorLayer, LayerExt, interceptor::InterceptedService},
    transport::{Channel, Server},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use tower::ServiceBuilder;

use crate::{
    common::text,
    scripted::Scripted,
    shop::{pricing_client::PricingClient, pricing_server::PricingServer},
    support::{Spans, asking, assert_rpc, channel, item, serve, spawn, verdict},
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
