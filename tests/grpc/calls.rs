//! All four kinds of call: what they are called, what their spans say, and how long these are.

use futures_util::stream;
use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;
use tonic::{Request, transport::Endpoint};
use tower::ServiceBuilder;

use crate::{
    common::{attribute, text},
    shop::pricing_client::PricingClient,
    support::{Spans, asking, assert_rpc, channel, drain, item, offers, serve, uri, verdict},
};

#[tokio::test]
async fn the_four_kinds_are_spans_of_their_methods() {
    for kind in ["Quote", "Watch", "Collect", "Haggle"] {
        let spans = Spans::new();
        let (addr, _calls) = serve(spans.server()).await;
        let mut client = spans.connect(addr).await;
        let items = || stream::iter([item("sock"), item("hat")]);
        match kind {
            "Quote" => assert_eq!(
                client.quote(item("sock")).await.unwrap().get_ref().sku,
                "sock"
            ),
            "Watch" => {
                let prices = client.watch(asking([("ask-messages", "5")])).await.unwrap();
                assert_eq!(drain(prices.into_inner()).await.0, 5);
            }
            "Collect" => assert_eq!(
                client.collect(items()).await.unwrap().get_ref().sku,
                "sockhat"
            ),
            _ => {
                let prices = client.haggle(items()).await.unwrap();
                assert_eq!(drain(prices.into_inner()).await.0, 2);
            }
        }

        let (server, client) = spans.pair().await;
        let method = format!("shop.v1.Pricing/{kind}");
        for span in [&server, &client] {
            assert_eq!(span.name, method);
            assert_eq!(text(span, "rpc.method"), Some(method.clone()));
            assert_eq!(text(span, "rpc.method_original"), None);
            assert_eq!(verdict(span), ("OK".to_owned(), None, false));
            assert_eq!(text(span, "server.address").as_deref(), Some("127.0.0.1"));
            assert_eq!(
                attribute(span, "server.port"),
                Some(Value::I64(addr.port().into()))
            );
            assert_rpc(span);
        }
        assert_eq!(
            server.span_context.trace_id(),
            client.span_context.trace_id()
        );
        assert_eq!(server.parent_span_id, client.span_context.span_id());
        assert_peer(&server);
    }
}

/// tonic's own record of the connection is read with the feature; a client of tonic's never tells its peer.
fn assert_peer(server: &SpanData) {
    let peer = text(server, "network.peer.address");
    if cfg!(feature = "tonic") {
        assert_eq!(peer.as_deref(), Some("127.0.0.1"));
        assert!(
            matches!(attribute(server, "network.peer.port"), Some(Value::I64(port)) if port > 0)
        );
    } else {
        assert_eq!(peer, None);
    }
}

#[tokio::test]
async fn spans_cover_the_stream() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    let (sender, offered) = offers();
    let mut prices = client.haggle(offered).await.unwrap().into_inner();
    // The head is there and messages go to and fro: neither span has ended.
    for _ in 0..3 {
        sender.send(item("sock")).unwrap();
        prices.message().await.unwrap().unwrap();
        assert_eq!(spans.counts(), (2, 0));
    }
    let middle = std::time::SystemTime::now();
    drop(sender);
    assert!(prices.message().await.unwrap().is_none());

    let (server, client) = spans.pair().await;
    for span in [&server, &client] {
        assert!(span.start_time < middle && span.end_time >= middle);
        assert_eq!(verdict(span).0, "OK");
    }
    assert!(client.start_time <= server.start_time);
}

#[tokio::test]
async fn the_caller_s_reading_ends_the_client_s_span() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    let prices = client.watch(asking([("ask-messages", "3")])).await.unwrap();
    // The server is done; the caller has not begun to read.
    let server = spans.only().await;
    assert_eq!(server.span_kind, opentelemetry::trace::SpanKind::Server);
    let before = std::time::SystemTime::now();
    drain(prices.into_inner()).await;
    let (_, client) = spans.pair().await;
    assert!(client.end_time >= before);
    assert_eq!(verdict(&client).0, "OK");
}

#[tokio::test]
async fn a_client_is_of_its_target_or_of_its_origin_or_of_nobody() {
    let (addr, _calls) = serve(Spans::new().server()).await;
    let local = ("127.0.0.1".to_owned(), addr.port());
    let cases = [
        (
            Some("http://pricing.shop:8080"),
            None,
            Some(("pricing.shop".to_owned(), 8080)),
        ),
        (
            Some("https://pricing.shop"),
            None,
            Some(("pricing.shop".to_owned(), 443)),
        ),
        (
            Some("http://[::1]:50051"),
            None,
            Some(("::1".to_owned(), 50051)),
        ),
        (None, Some(uri(addr)), Some(local)),
        (None, None, None),
    ];
    for (target, origin, want) in cases {
        let spans = Spans::new();
        let mut layer = spans.client();
        if let Some(target) = target {
            layer = layer.target(target.parse().unwrap());
        }
        let service = ServiceBuilder::new()
            .layer(layer)
            .service(channel(addr).await);
        let mut client = match origin {
            Some(origin) => PricingClient::with_origin(service, origin),
            None => PricingClient::new(service),
        };
        client.quote(item("sock")).await.unwrap();
        let span = spans.only().await;
        let port = attribute(&span, "server.port").map(|port| match port {
            Value::I64(port) => u16::try_from(port).unwrap(),
            other => panic!("{other:?}"),
        });
        let got = text(&span, "server.address").zip(port);
        assert_eq!(got, want, "{target:?}");
    }
}

#[tokio::test]
async fn methods_off_the_list_are_other() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server().rpc_methods(["shop.v1.Pricing/Quote"])).await;
    let mut client = spans.connect(addr).await;
    client.quote(item("sock")).await.unwrap();
    let (server, _) = spans.pair().await;
    assert_eq!(server.name, "shop.v1.Pricing/Quote");

    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server().rpc_methods(["/shop.v1.Pricing/Quote"])).await;
    let mut client = spans.connect(addr).await;
    drain(client.watch(item("sock")).await.unwrap().into_inner()).await;
    let (server, client) = spans.pair().await;
    assert_eq!(server.name, "grpc");
    assert_eq!(text(&server, "rpc.method").as_deref(), Some("_OTHER"));
    assert_eq!(
        text(&server, "rpc.method_original").as_deref(),
        Some("shop.v1.Pricing/Watch")
    );
    // The client knows what it calls.
    assert_eq!(client.name, "shop.v1.Pricing/Watch");
}

#[tokio::test]
async fn a_method_that_no_service_has_is_unimplemented() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let layer = spans.client().target(uri(addr));
    let service = ServiceBuilder::new()
        .layer(layer)
        .service(channel(addr).await);
    let mut grpc = tonic::client::Grpc::new(service);
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<crate::shop::Item, crate::shop::Price>::default();
    let path = http::uri::PathAndQuery::from_static("/shop.v1.Stock/Take");
    let error = grpc.unary(Request::new(item("sock")), path, codec).await;
    assert_eq!(error.unwrap_err().code(), tonic::Code::Unimplemented);
    let (server, client) = spans.pair().await;
    for span in [&server, &client] {
        // The span keeps what was asked.
        assert_eq!(span.name, "shop.v1.Stock/Take");
        let name = "UNIMPLEMENTED".to_owned();
        assert_eq!(verdict(span), (name.clone(), Some(name), true));
    }
}

#[tokio::test]
async fn a_lazy_endpoint_is_traced_too() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let layer = spans.client().target(uri(addr));
    let channel = Endpoint::from(uri(addr)).connect_lazy();
    let mut client = PricingClient::new(ServiceBuilder::new().layer(layer).service(channel));
    client.quote(item("sock")).await.unwrap();
    let (server, client) = spans.pair().await;
    assert_eq!(server.parent_span_id, client.span_context.span_id());
}
