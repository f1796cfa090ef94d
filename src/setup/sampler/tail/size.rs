//! How much memory a span holds, about.

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// What it holds on the heap. Texts of the program count as if they were the span's own.
pub(super) fn held(span: &SpanData) -> usize {
    let state = span.span_context.trace_state().into_iter();
    let state = state.map(|(key, value)| size_of::<(String, String)>() + key.len() + value.len());
    let events = span.events.iter();
    let events = events.map(|event| size_of_val(event) + attributes(&event.attributes));
    let links = span.links.iter();
    let links = links.map(|link| size_of_val(link) + attributes(&link.attributes));
    let spare = span.attributes.capacity() - span.attributes.len();
    span.name.len()
        + attributes(&span.attributes)
        + spare * size_of::<KeyValue>()
        + state.sum::<usize>()
        + events.sum::<usize>()
        + links.sum::<usize>()
}

fn attributes(attributes: &[KeyValue]) -> usize {
    let texts = attributes.iter().map(|attribute| {
        let value = match &attribute.value {
            Value::String(text) => text.as_str().len(),
            Value::Array(Array::String(texts)) => {
                let texts = texts.iter();
                texts
                    .map(|text| size_of::<StringValue>() + text.as_str().len())
                    .sum()
            }
            Value::Array(Array::Bool(bits)) => bits.len(),
            Value::Array(Array::I64(numbers)) => size_of_val(numbers.as_slice()),
            Value::Array(Array::F64(numbers)) => size_of_val(numbers.as_slice()),
            _ => 0,
        };
        attribute.key.as_str().len() + value
    });
    size_of_val(attributes) + texts.sum::<usize>()
}
