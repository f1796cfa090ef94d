//! Deadlines, as tonic keeps them: outside of a server's layers, inside of a client's, and for the head alone.

use std::time::Duration;

use opentelemetry::Value;
use tonic::{Code, Request};

use crate::{
    common::attribute,
    raw,
    support::{Spans, asking, description, drain, item, serve, verdict},
};

#[tokio::test]
async fn a_server_sees_itself_dropped_and_marks_why() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let request = raw::post("/shop.v1.Pricing/Quote")
        .header("grpc-timeout", "50m")
        .header("ask-hang", "1");
    let answer = raw::send(addr, raw::with_item(request)).await;
    // What tonic tells the caller, from outside of the layer.
    assert_eq!(answer.header("grpc-status"), Some("1"));
    assert_eq!(answer.header("grpc-message"), Some("Timeout%20expired"));

    let span = spans.only().await;
    assert_eq!(verdict(&span), ("CANCELLED".to_owned(), None, false));
    assert_eq!(
        attribute(&span, "throughline.rpc.timeout"),
        Some(Value::I64(50))
    );
    assert_eq!(
        attribute(&span, "throughline.rpc.deadline_exceeded"),
        Some(Value::Bool(true))
    );
}

#[tokio::test]
async fn a_call_in_time_or_given_up_before_it_has_no_mark() {
    let spans = Spans::new();
    let (addr, mut calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    let mut request = Request::new(item("sock"));
    request.set_timeout(Duration::from_secs(3600));
    client.quote(request).await.unwrap();
    let mut request = asking([("ask-hang", "1")]);
    request.set_timeout(Duration::from_secs(3600));
    calls.recv().await.unwrap();
    let call = tokio::spawn(async move { client.quote(request).await });
    calls.recv().await.unwrap();
    call.abort();

    for span in spans.ended(4).await {
        let mark = attribute(&span, "throughline.rpc.deadline_exceeded");
        assert_eq!(mark, None);
        if span.span_kind == opentelemetry::trace::SpanKind::Server {
            let timeout = attribute(&span, "throughline.rpc.timeout");
            assert_eq!(timeout, Some(Value::I64(3_600_000)));
        }
    }
}

#[tokio::test]
async fn a_client_knows_its_own_deadline() {
    for by_endpoint in [false, true] {
        let spans = Spans::new();
        // A peer that never answers: the deadline can only be the client's.
        let addr = raw::silent().await;
        let mut request = Request::new(item("sock"));
        let mut endpoint = tonic::transport::Endpoint::from(crate::support::uri(addr));
        if by_endpoint {
            endpoint = endpoint.timeout(Duration::from_millis(50));
        } else {
            request.set_timeout(Duration::from_millis(50));
        }
        let service = tower::ServiceBuilder::new()
            .layer(spans.client())
            .service(endpoint.connect().await.unwrap());
        let mut client = crate::shop::pricing_client::PricingClient::new(service);
        let error = client.quote(request).await.unwrap_err();
        // tonic's own word for it; the span has that of gRPC.
        assert_eq!(error.code(), Code::Cancelled);

        let span = spans.only().await;
        if cfg!(feature = "tonic") {
            let code = "DEADLINE_EXCEEDED".to_owned();
            assert_eq!(verdict(&span), (code.clone(), Some(code), true));
            assert!(description(&span).contains("Timeout expired"), "{span:?}");
        } else {
            assert_eq!(verdict(&span).0, "UNKNOWN");
        }
    }
}

#[tokio::test]
async fn both_ends_of_tonic_keep_the_same_deadline() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    let mut ask = asking([("ask-hang", "1")]);
    ask.set_timeout(Duration::from_millis(50));
    client.quote(ask).await.unwrap_err();
    let (server, client) = spans.pair().await;
    assert_eq!(verdict(&server), ("CANCELLED".to_owned(), None, false));
    let timeout = attribute(&server, "throughline.rpc.timeout");
    assert_eq!(timeout, Some(Value::I64(50)));
    // Whose timer fires first is chance: the client's own, or that behind the server's answer, for which tonic's word is
    // CANCELLED.
    let words: &[&str] = if cfg!(feature = "tonic") {
        &["DEADLINE_EXCEEDED", "CANCELLED"]
    } else {
        &["UNKNOWN", "CANCELLED"]
    };
    assert!(words.contains(&verdict(&client).0.as_str()), "{client:?}");
}

#[tokio::test]
async fn a_connection_that_takes_too_long_is_no_deadline() {
    let spans = Spans::new();
    let never = tower::service_fn(|_: http::Uri| {
        std::future::pending::<std::io::Result<hyper_util::rt::TokioIo<tokio::net::TcpStream>>>()
    });
    let channel = tonic::transport::Endpoint::from_static("http://pricing.shop")
        .connect_timeout(Duration::from_millis(20))
        .connect_with_connector_lazy(never);
    let service = tower::ServiceBuilder::new()
        .layer(spans.client())
        .service(channel);
    let mut client = crate::shop::pricing_client::PricingClient::new(service);
    client.quote(item("sock")).await.unwrap_err();
    let span = spans.only().await;
    if cfg!(feature = "tonic") {
        assert_eq!(verdict(&span).0, "UNAVAILABLE");
    }
}

#[tokio::test]
async fn a_stream_outlives_its_deadline_once_its_head_is_there() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    let (sender, offered) = crate::support::offers();
    let mut request = Request::new(offered);
    request.set_timeout(Duration::from_secs(3600));
    let mut prices = client.haggle(request).await.unwrap().into_inner();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(7200)).await;
    tokio::time::resume();
    sender.send(item("sock")).unwrap();
    assert!(prices.message().await.unwrap().is_some());
    drop(sender);
    assert_eq!(drain(prices).await.0, 0);
    let (server, client) = spans.pair().await;
    for span in [server, client] {
        assert_eq!(verdict(&span).0, "OK");
        assert_eq!(attribute(&span, "throughline.rpc.deadline_exceeded"), None);
    }
}
