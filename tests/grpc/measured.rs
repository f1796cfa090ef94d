//! What is measured of calls, beside their spans.

use opentelemetry_sdk::trace::SpanData;

use crate::{
    codes::{CODES, KINDS, Kind, call},
    common::{meters::Point, text},
    raw,
    support::{Spans, serve},
};

const SERVER: &str = "rpc.server.call.duration";
const CLIENT: &str = "rpc.client.call.duration";

/// What a span and its measurement both say.
#[track_caller]
fn assert_same(point: &Point, span: &SpanData) {
    assert_eq!(point.unit, "s");
    for key in ["rpc.system.name", "rpc.status_code", "error.type"] {
        assert_eq!(point.text(key), text(span, key), "{key} of {point:#?}");
    }
}

#[tokio::test]
async fn every_code_is_measured_as_its_spans() {
    for kind in KINDS {
        for (number, name, _) in CODES {
            let spans = Spans::new();
            let (addr, _calls) = serve(spans.server()).await;
            call(&spans, addr, kind, number).await;
            let (server, client) = spans.pair().await;
            let server_point = spans.meters.only(SERVER);
            let client_point = spans.meters.only(CLIENT);
            assert_same(&server_point, &server);
            assert_same(&client_point, &client);
            assert_eq!(server_point.text("rpc.status_code").as_deref(), Some(name));
            // A head that is all there is may be the answer to a stranger's invention.
            let is_in_doubt = name == "UNIMPLEMENTED" && matches!(kind, Kind::Unary);
            let wanted = if is_in_doubt {
                Some("_OTHER".to_owned())
            } else {
                text(&server, "rpc.method")
            };
            assert_eq!(server_point.text("rpc.method"), wanted, "{name} {kind:?}");
            assert_eq!(client_point.text("rpc.method"), text(&client, "rpc.method"));
        }
    }
}

#[tokio::test]
async fn what_strangers_invent_is_one_series() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    for number in 0..20 {
        let path = format!("/shop.v1.Pricing/Invented{number}");
        raw::send(addr, raw::with_item(raw::post(&path))).await;
    }
    let ended = spans.ended(20).await;
    let mut methods: Vec<_> = ended.iter().map(|span| text(span, "rpc.method")).collect();
    methods.sort();
    methods.dedup();
    assert_eq!(methods.len(), 20, "the spans keep what was asked");
    let point = spans.meters.only(SERVER);
    assert_eq!(point.text("rpc.method").as_deref(), Some("_OTHER"));
    assert_eq!(point.count(), 20);
}

#[tokio::test]
async fn a_method_of_the_list_keeps_its_name() {
    let spans = Spans::new();
    let listed = spans.server().rpc_methods(["shop.v1.Pricing/Quote"]);
    let (addr, _calls) = serve(listed).await;
    call(&spans, addr, Kind::Unary, 12).await;
    spans.pair().await;
    let method = spans.meters.only(SERVER).text("rpc.method");
    assert_eq!(method.as_deref(), Some("shop.v1.Pricing/Quote"));
}

#[tokio::test]
async fn a_layer_without_metrics_measures_no_call() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server().metrics(false)).await;
    call(&spans, addr, Kind::Unary, 0).await;
    spans.ended(2).await;
    assert_eq!(spans.meters.of(SERVER), []);
    assert_eq!(spans.meters.only(CLIENT).count(), 1);
}
