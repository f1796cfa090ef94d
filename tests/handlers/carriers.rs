//! Handing a context on by hand: string maps, headers, bytes, and a queue's messages.

use std::collections::{BTreeMap, HashMap, VecDeque};

use http::{HeaderMap, HeaderValue};
use opentelemetry::{
    Context as OtelContext,
    trace::{Link, Span, SpanKind, TraceContextExt, Tracer},
};
use proptest::prelude::*;
use throughline::{Context, current_ids, otel::ContextExt};

use crate::{
    app::{App, is_root},
    common::{is_child, named},
};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

fn sender() -> Context {
    Context::extract([
        ("traceparent", TRACEPARENT),
        ("tracestate", "a=1"),
        ("tracestate", "b=2"),
        ("baggage", "tenant=acme"),
    ])
}

fn assert_is_sender(context: &Context) {
    assert_eq!(context.ids().unwrap().to_string(), TRACEPARENT);
    let span = context.as_otel().span();
    assert!(span.span_context().is_remote());
    assert_eq!(span.span_context().trace_state().header(), "a=1,b=2");
    assert_eq!(context.baggage("tenant"), Some("acme"));
}

#[test]
fn into_each_kind_of_carrier_and_back() {
    let sender = sender();
    assert_is_sender(&sender);

    let mut map = HashMap::from([("traceparent".to_owned(), "old".to_owned())]);
    map.extend(sender.inject());
    assert_eq!(map.len(), 3);
    assert_is_sender(&Context::extract(&map));
    assert_is_sender(&Context::extract(map));

    let map: BTreeMap<String, String> = sender.inject().collect();
    assert_is_sender(&Context::extract(&map));

    let mut headers = HeaderMap::new();
    headers.insert("traceparent", HeaderValue::from_static("old"));
    sender.inject_headers(&mut headers);
    assert_eq!(headers.len(), 3);
    assert_is_sender(&Context::extract(&headers));

    // As in Kafka: names with bytes, in any case, among others.
    let mut records = vec![("content".to_owned(), b"\xff\x00".to_vec())];
    let pairs = sender.inject();
    records.extend(pairs.map(|(name, value)| (name.to_uppercase(), value.into_bytes())));
    let records = records.iter().map(|(name, value)| (name, value));
    assert_is_sender(&Context::extract(records));

    // Bytes hold the ids and the decision.
    let context = Context::extract_bytes(&sender.inject_bytes().unwrap());
    let ids = context.ids().unwrap();
    assert_eq!(ids.trace_id(), sender.ids().unwrap().trace_id());
    assert_eq!(ids.span_id(), sender.ids().unwrap().span_id());
    assert!(ids.is_sampled());
    assert_eq!(context.baggage("tenant"), None);
}

#[test]
fn nothing_to_hand_on_and_nothing_that_came() {
    assert_eq!(Context::current().inject().count(), 0);
    assert_eq!(Context::current().inject_bytes(), None);
    for headers in [
        vec![],
        vec![("traceparent", "nonsense")],
        vec![("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT)],
        vec![("not a header", "x"), ("baggage", "=")],
    ] {
        let context = Context::extract(headers);
        assert!(context.ids().is_none());
        assert_eq!(context.baggage_entries().count(), 0);
    }
    assert!(Context::extract_bytes(b"\0").ids().is_none());
    // Baggage goes and comes without a span, too.
    let context = Context::root().with_baggage("tenant", "acme").unwrap();
    let context = Context::extract(context.inject());
    assert_eq!(context.baggage("tenant"), Some("acme"));
    // More headers than anyone sends.
    let many = (0..100_000).map(|number| (format!("h{number}"), "x"));
    assert!(Context::extract(many).ids().is_none());
}

#[test]
fn what_is_current_has_no_part_in_what_came() {
    sender().in_scope(|| {
        assert!(current_ids().is_some());
        let message = Context::extract([("other", "header")]);
        assert!(message.ids().is_none());
        assert_eq!(message.baggage("tenant"), None);
    });
}

proptest! {
    #[test]
    fn any_headers_are_safe(headers: Vec<(String, Vec<u8>)>, bytes: Vec<u8>, line: Vec<u8>) {
        let own = ["traceparent", "tracestate", "baggage"].map(|name| (name.to_owned(), line.clone()));
        let context = Context::extract(headers.into_iter().chain(own));
        prop_assert_eq!(context.inject().count() > 3, false);
        let _any = Context::extract_bytes(&bytes);
    }
}

/// A message in a queue.
type Message = HashMap<String, String>;

/// Sends a message under a span of its own.
fn send(app: &App, queue: &mut VecDeque<Message>) {
    let builder = app.tracer.span_builder("send orders");
    let span = builder.with_kind(SpanKind::Producer).start(&app.tracer);
    let context = Context::from_otel(OtelContext::current_with_span(span));
    queue.push_back(context.inject().collect());
}

#[test]
fn a_consumer_is_the_producer_s_child() {
    let app = App::new();
    let mut queue = VecDeque::new();
    send(&app, &mut queue);
    let sender = Context::extract(&queue[0]);
    sender.in_scope(|| {
        let builder = app.tracer.span_builder("process orders");
        let builder = builder.with_kind(SpanKind::Consumer);
        app.tracer
            .in_span_with_builder(builder, |_| app.tracer.in_span("pack", |_| ()));
    });
    let ended = app.ended();
    let process = named(&ended, "process orders");
    assert!(is_child(process, named(&ended, "send orders")));
    assert!(process.parent_span_is_remote);
    assert!(is_child(named(&ended, "pack"), process));
}

#[test]
fn a_consumer_of_a_batch_has_a_link_to_each_producer() {
    let app = App::new();
    let mut queue = VecDeque::new();
    for _ in 0..3 {
        send(&app, &mut queue);
    }
    let links = queue.iter().map(|message| {
        let sender = Context::extract(message);
        Link::with_context(sender.as_otel().span().span_context().clone())
    });
    let builder = app.tracer.span_builder("process orders");
    let builder = builder
        .with_kind(SpanKind::Consumer)
        .with_links(links.collect());
    builder.start(&app.tracer).end();
    let ended = app.ended();
    let (sent, process) = ended.split_at(3);
    assert!(is_root(&process[0]));
    let linked = process[0]
        .links
        .iter()
        .map(|link| link.span_context.span_id());
    let sent = sent.iter().map(|span| span.span_context.span_id());
    assert_eq!(linked.collect::<Vec<_>>(), sent.collect::<Vec<_>>());
}
