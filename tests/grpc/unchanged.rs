//! tonic behaves under the layers as without them.

use std::net::SocketAddr;

use http::HeaderMap;
use tonic::{Code, Status, codec::CompressionEncoding, transport::Server};
use tower::ServiceBuilder;

use crate::{
    raw::{self, Answer},
    scripted::Scripted,
    shop::{pricing_client::PricingClient, pricing_server::PricingServer},
    support::{Spans, asking, channel, drain, item, serve, spawn, verdict},
};

async fn bare() -> SocketAddr {
    let (scripted, _calls) = Scripted::new();
    let server = Server::builder().add_service(PricingServer::new(scripted));
    spawn(|incoming| server.serve_with_incoming(incoming)).await
}

#[tokio::test]
async fn every_answer_is_the_same_on_the_wire() {
    let spans = Spans::new();
    let (traced, _calls) = serve(spans.server()).await;
    let bare = bare().await;
    let cases: [(&str, &[(&str, &str)]); 7] = [
        ("/shop.v1.Pricing/Quote", &[]),
        ("/shop.v1.Pricing/Quote", &[("ask-code", "5")]),
        ("/shop.v1.Pricing/Watch", &[("ask-messages", "3")]),
        (
            "/shop.v1.Pricing/Watch",
            &[("ask-messages", "3"), ("ask-code", "13")],
        ),
        (
            "/shop.v1.Pricing/Quote",
            &[("ask-hang", "1"), ("grpc-timeout", "20m")],
        ),
        ("/shop.v1.Pricing/Nothing", &[]),
        ("/", &[]),
    ];
    for (path, asks) in cases {
        let mut answers = Vec::new();
        for addr in [bare, traced] {
            let mut request = raw::post(path);
            for (name, value) in asks {
                request = request.header(*name, *value);
            }
            let mut answer = raw::send(addr, raw::with_item(request)).await;
            answer.headers.remove("date");
            answers.push(answer);
        }
        let without: Answer = answers.remove(0);
        let name = "grpc-status";
        assert!(
            without
                .header(name)
                .or_else(|| without.trailer(name))
                .is_some()
        );
        assert_eq!(without, answers[0], "{path} {asks:?}");
    }
}

#[tokio::test]
async fn a_status_arrives_whole() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let whole = |status: &Status| {
        let metadata = status.metadata().clone().into_headers();
        let last = |name: &str| metadata.get(name).cloned();
        (
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
            (last("x-last"), last("x-last-bin")),
        )
    };
    let mut plain = PricingClient::new(channel(addr).await);
    let mut traced = spans.connect(addr).await;
    let ask = || asking([("ask-code", "5"), ("ask-messages", "2")]);
    let (one, other) = (plain.quote(ask()).await, traced.quote(ask()).await);
    let status = one.unwrap_err();
    assert_eq!(whole(&status), whole(&other.unwrap_err()));
    assert_eq!(
        (status.code(), status.details()),
        (Code::NotFound, &b"details\0"[..])
    );

    let one = drain(plain.watch(ask()).await.unwrap().into_inner()).await;
    let other = drain(traced.watch(ask()).await.unwrap().into_inner()).await;
    assert_eq!((one.0, other.0), (2, 2));
    assert_eq!(whole(&one.1.unwrap()), whole(&other.1.unwrap()));
}

#[tokio::test]
async fn compression_works() {
    let spans = Spans::new();
    let (scripted, mut calls) = Scripted::new();
    let service = PricingServer::new(scripted)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip);
    let server = Server::builder().layer(spans.server()).add_service(service);
    let addr = spawn(|incoming| server.serve_with_incoming(incoming)).await;
    let service = ServiceBuilder::new()
        .layer(spans.client())
        .service(channel(addr).await);
    let mut client = PricingClient::new(service)
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    let sku = "sock".repeat(1000);
    let response = client.quote(item(&sku)).await.unwrap();
    let encoding = |headers: &HeaderMap| headers.get("grpc-encoding").cloned();
    assert_eq!(response.get_ref().sku, sku);
    assert_eq!(encoding(response.metadata().as_ref()).unwrap(), "gzip");
    let sent = calls.recv().await.unwrap();
    assert_eq!(encoding(sent.as_ref()).unwrap(), "gzip");
    let (server, client) = spans.pair().await;
    assert_eq!(
        (verdict(&server).0, verdict(&client).0),
        ("OK".into(), "OK".into())
    );
}

#[tokio::test]
async fn a_message_too_large_for_the_server_is_refused_and_traced() {
    let spans = Spans::new();
    let (scripted, _calls) = Scripted::new();
    let service = PricingServer::new(scripted).max_decoding_message_size(10);
    let server = Server::builder().layer(spans.server()).add_service(service);
    let addr = spawn(|incoming| server.serve_with_incoming(incoming)).await;
    let mut client = spans.connect(addr).await;
    let error = client.quote(item(&"sock".repeat(10))).await.unwrap_err();
    assert_eq!(error.code(), Code::OutOfRange);
    assert!(
        error.message().contains("decoded message length too large"),
        "{error}"
    );
    let (server, client) = spans.pair().await;
    let code = "OUT_OF_RANGE".to_owned();
    assert_eq!(verdict(&server), (code.clone(), None, false));
    assert_eq!(verdict(&client), (code.clone(), Some(code), true));
}

#[tokio::test]
async fn a_message_too_large_for_the_client_ends_its_reading() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let client = spans.connect(addr).await;
    let mut client = client.max_decoding_message_size(10);
    let error = client.quote(item(&"sock".repeat(10))).await.unwrap_err();
    assert_eq!(error.code(), Code::OutOfRange);
    // The generated client, outside of the layer, gave up reading: that is all the layer can see.
    let (_, client) = spans.pair().await;
    assert_eq!(verdict(&client).0, "CANCELLED");
}
