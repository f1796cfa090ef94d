//! The trace in metadata: W3C by default, OpenCensus' binary format where a pipeline says so.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use throughline::{
    Targets,
    otel::{GrpcTraceBinPropagator, extract_binary, inject_binary},
};
use tonic::metadata::MetadataValue;

use crate::{
    shop::pricing_client::PricingClient,
    support::{Spans, asking, channel, item, serve, uri},
};

#[tokio::test]
async fn the_trace_goes_on_in_metadata() {
    let spans = Spans::new();
    let (addr, mut calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    client.quote(item("sock")).await.unwrap();
    let (server, client) = spans.pair().await;
    assert_eq!(
        server.span_context.trace_id(),
        client.span_context.trace_id()
    );
    assert_eq!(server.parent_span_id, client.span_context.span_id());
    assert!(server.parent_span_is_remote);
    let metadata = calls.recv().await.unwrap();
    let traceparent = metadata.get("traceparent").unwrap().to_str().unwrap();
    let (trace, span) = (
        client.span_context.trace_id(),
        client.span_context.span_id(),
    );
    assert!(
        traceparent.starts_with(&format!("00-{trace}-{span}-")),
        "{traceparent}"
    );
}

#[tokio::test]
async fn a_call_continues_the_caller_s_trace() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let mut ask = asking([]);
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    ask.metadata_mut()
        .insert("traceparent", traceparent.parse().unwrap());
    PricingClient::new(channel(addr).await)
        .quote(ask)
        .await
        .unwrap();
    let span = spans.only().await;
    assert_eq!(
        span.span_context.trace_id().to_string(),
        "0af7651916cd43dd8448eb211c80319c"
    );
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
}

#[tokio::test]
async fn only_listed_targets_get_the_trace() {
    let (addr, mut calls) = serve(Spans::new().server()).await;
    let cases = [
        (Some(uri(addr)), Targets::hosts(["127.0.0.1"]), true),
        (Some(uri(addr)), Targets::hosts(["elsewhere"]), false),
        // Where nobody says the host, a list holds nobody.
        (None, Targets::hosts(["127.0.0.1"]), false),
        (None, Targets::all(), true),
    ];
    for (target, targets, want) in cases {
        let spans = Spans::new();
        let mut layer = spans.client().propagate_to(targets.clone());
        if let Some(target) = target {
            layer = layer.target(target);
        }
        let service = tower::ServiceBuilder::new()
            .layer(layer)
            .service(channel(addr).await);
        PricingClient::new(service)
            .quote(item("sock"))
            .await
            .unwrap();
        let metadata = calls.recv().await.unwrap();
        assert_eq!(metadata.contains_key("traceparent"), want, "{targets:?}");
    }
}

#[tokio::test]
async fn the_binary_format_goes_both_ways() {
    let spans = Spans::propagated_by(GrpcTraceBinPropagator::new());
    let (addr, mut calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    client.quote(item("sock")).await.unwrap();
    let (server, client) = spans.pair().await;
    assert_eq!(
        server.span_context.trace_id(),
        client.span_context.trace_id()
    );
    assert_eq!(server.parent_span_id, client.span_context.span_id());

    // What another implementation reads: 29 bytes, once base64 is undone.
    let metadata = calls.recv().await.unwrap();
    assert!(!metadata.contains_key("traceparent"));
    let bytes = metadata
        .get_bin("grpc-trace-bin")
        .unwrap()
        .to_bytes()
        .unwrap();
    assert_eq!(bytes.len(), 29);
    let read = extract_binary(&Context::new(), &bytes);
    assert_eq!(
        read.span().span_context().span_id(),
        client.span_context.span_id()
    );
}

#[tokio::test]
async fn the_binary_format_of_another_is_read() {
    let spans = Spans::propagated_by(GrpcTraceBinPropagator::new());
    let (addr, _calls) = serve(spans.server()).await;
    let caller = SpanContext::new(
        TraceId::from(7),
        SpanId::from(9),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    let bytes = inject_binary(&Context::new().with_remote_span_context(caller)).unwrap();
    let mut ask = asking([]);
    let value = MetadataValue::from_bytes(&bytes);
    ask.metadata_mut().insert_bin("grpc-trace-bin", value);
    PricingClient::new(channel(addr).await)
        .quote(ask)
        .await
        .unwrap();
    let span = spans.only().await;
    assert_eq!(span.span_context.trace_id(), TraceId::from(7));
    assert_eq!(span.parent_span_id, SpanId::from(9));
}
