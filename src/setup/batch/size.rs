//! How much memory a span holds, about.

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// The span itself, and what it holds on the heap. Texts of the program count as if they were the span's own.
pub(in crate::setup) fn of(span: &SpanData) -> usize {
    let state: usize = span
        .span_context
        .trace_state()
        .into_iter()
        .map(|(key, value)| size_of::<(String, String)>() + key.len() + value.len())
        .sum();
    let events: usize = span
        .events
        .iter()
        .map(|event| size_of_val(event) + event.name.len() + attributes(&event.attributes))
        .sum();
    let links: usize = span
        .links
        .iter()
        .map(|link| size_of_val(link) + attributes(&link.attributes))
        .sum();
    let spare = span.attributes.capacity() - span.attributes.len();
    size_of_val(span)
        + span.name.len()
        + attributes(&span.attributes)
        + spare * size_of::<KeyValue>()
        + state
        + events
        + links
}

fn attributes(attributes: &[KeyValue]) -> usize {
    let texts: usize = attributes.iter().map(text).sum();
    size_of_val(attributes) + texts
}

fn text(attribute: &KeyValue) -> usize {
    let value = match &attribute.value {
        Value::String(text) => text.as_str().len(),
        Value::Array(array) => match array {
            Array::Bool(items) => items.capacity(),
            Array::I64(items) => items.capacity() * size_of::<i64>(),
            Array::F64(items) => items.capacity() * size_of::<f64>(),
            Array::String(items) => {
                let texts: usize = items.iter().map(|text| text.as_str().len()).sum();
                items.capacity() * size_of::<StringValue>() + texts
            }
            _ => 0,
        },
        _ => 0,
    };
    attribute.key.as_str().len() + value
}
