//! Limits, as they are kept: also for spans that are made by hand.

use opentelemetry::{
    Array, KeyValue, Value, global,
    trace::{Span, SpanContext, SpanId, TraceFlags, TraceId, TraceState, Tracer},
};
use opentelemetry_sdk::trace::InMemorySpanExporter;
use throughline::otel::SetupExt;

use crate::setup;

fn attributes(count: usize) -> Vec<KeyValue> {
    (0..count)
        .map(|index| KeyValue::new(format!("k{index}"), "abcdefgh"))
        .collect()
}

#[tokio::test]
async fn spans_keep_their_limits() {
    let exporter = InMemorySpanExporter::default();
    let (setup, _) = setup(&[
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "1"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "2"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "3"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "1"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "5"),
    ]);
    // The only one here that is the process's.
    let telemetry = setup.exporter(exporter.clone()).init().unwrap();
    let mut span = global::tracer("by hand").start("span");
    span.set_attribute(KeyValue::new("short", "äöüäö"));
    span.set_attribute(KeyValue::new("long", "äöüäöü"));
    let list = vec!["abcdefgh".into(), "abc".into()];
    span.set_attribute(KeyValue::new("list", Value::Array(Array::String(list))));
    span.set_attribute(KeyValue::new("number", 123_456_789));
    span.set_attribute(KeyValue::new("more", 1));
    let other = SpanContext::new(
        TraceId::from(1),
        SpanId::from(1),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    for _ in 0..3 {
        span.add_event("event", attributes(5));
        span.add_link(other.clone(), attributes(5));
    }
    span.end();
    telemetry.flush().await.unwrap();
    let ended = exporter.get_finished_spans().unwrap();
    let span = &ended[0];
    let attributes = span.attributes.iter();
    let texts: Vec<_> = attributes
        .map(|attribute| format!("{}={}", attribute.key, attribute.value))
        .collect();
    let want = [
        "short=äöüäö",
        "long=äöüäö",
        r#"list=["abcde","abc"]"#,
        "number=123456789",
    ];
    assert_eq!(texts, want);
    assert_eq!(span.dropped_attributes_count, 1);
    assert_eq!((span.events.len(), span.links.len()), (1, 2));
    let event = &span.events[0].attributes;
    let link = &span.links[0].attributes;
    assert_eq!((event.len(), link.len()), (3, 1));
    let mut both = event.iter().chain(link);
    assert!(both.all(|attribute| attribute.value.as_str() == "abcde"));
}
