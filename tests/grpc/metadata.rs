//! Metadata on an allow-list: of requests, of heads, of trailers, and of heads that are all there is.

use opentelemetry::{Array, Value};
use opentelemetry_sdk::trace::SpanData;
use tonic::metadata::MetadataValue;

use crate::{
    common::attribute,
    shop::pricing_client::PricingClient,
    support::{Spans, asking, channel, drain, serve},
};

/// The bytes `ff 00` in base64; tonic does not pad.
const BIN: &str = "/wA";

fn texts(span: &SpanData, key: &str) -> Option<Vec<String>> {
    match attribute(span, key)? {
        Value::Array(Array::String(texts)) => {
            Some(texts.into_iter().map(|text| text.to_string()).collect())
        }
        other => panic!("{key}: {other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_recorded_by_default() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    let ask = asking([("authorization", "secret"), ("ask-code", "16")]);
    client.quote(ask).await.unwrap_err();
    let (server, client) = spans.pair().await;
    for kv in server.attributes.iter().chain(&client.attributes) {
        let key = kv.key.as_str();
        assert!(
            !key.contains(".header.") && !key.contains(".trailer."),
            "{key}"
        );
        assert!(!kv.value.as_str().contains("secret"), "{kv:?}");
    }
}

#[tokio::test]
async fn the_list_is_recorded_where_each_part_arrives() {
    // A unary error is a head that is all there is: its metadata are trailers.
    for trailers_only in [false, true] {
        let spans = Spans::new();
        let names = [
            "x-tenant",
            "x-blob-bin",
            "x-initial",
            "x-last",
            "x-last-bin",
        ];
        let server = spans.server().record_request_headers(names);
        let server = server
            .record_response_headers(names)
            .record_response_trailers(names);
        let (addr, _calls) = serve(server).await;
        let layer = spans.client().record_request_headers(names);
        let layer = layer
            .record_response_headers(names)
            .record_response_trailers(names);
        let service = tower::ServiceBuilder::new()
            .layer(layer)
            .service(channel(addr).await);
        let mut client = PricingClient::new(service);

        let mut ask = asking([("ask-code", "5"), ("x-tenant", "one")]);
        ask.metadata_mut()
            .append("x-tenant", "two".parse().unwrap());
        let blob = MetadataValue::from_bytes(b"\xff\x00");
        ask.metadata_mut().insert_bin("x-blob-bin", blob);
        if trailers_only {
            client.quote(ask).await.unwrap_err();
        } else {
            drain(client.watch(ask).await.unwrap().into_inner()).await;
        }

        let (server, client) = spans.pair().await;
        for span in [&server, &client] {
            let list = |values: &[&str]| Some(values.iter().map(ToString::to_string).collect());
            let initial = if trailers_only {
                None
            } else {
                list(&["early"])
            };
            let want = [
                ("rpc.request.header.x-tenant", list(&["one", "two"])),
                ("rpc.request.header.x-blob-bin", list(&[BIN])),
                ("rpc.response.header.x-initial", initial),
                ("rpc.response.header.x-last", None),
                ("rpc.response.trailer.x-last", list(&["trailing"])),
                ("rpc.response.trailer.x-last-bin", list(&[BIN])),
                ("rpc.response.trailer.x-initial", None),
            ];
            for (key, want) in want {
                let kind = &span.span_kind;
                assert_eq!(texts(span, key), want, "{key} {kind:?} {trailers_only}");
            }
        }
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_base64() {
    let spans = Spans::new();
    let layer = spans.server().record_request_headers(["x-raw"]);
    let (addr, _calls) = serve(layer).await;
    let request = crate::raw::post("/shop.v1.Pricing/Quote");
    let request = request.header("x-raw", http::HeaderValue::from_bytes(b"\xff\xfe").unwrap());
    crate::raw::send(addr, crate::raw::with_item(request)).await;
    let span = spans.only().await;
    let want = Some(vec!["//4=".to_owned()]);
    assert_eq!(texts(&span, "rpc.request.header.x-raw"), want);
}
