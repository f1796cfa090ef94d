//! The trace of Jaeger's first interface, which its page also downloads and uploads.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value},
    trace::v1::span::Event,
};
use serde_json::{Map, Value, json};

use super::resources::Resources;
use crate::{
    batch::text,
    ids::{TraceId, hex},
    store::{Stored, Whole},
    trace::{Node, Oddity, Tree},
};

/// The greatest whole number that JavaScript has for certain.
const SAFE: u64 = (1 << 53) - 1;

/// A trace with its spans and their processes, and a warning at each span that is not as it should be.
pub(crate) fn trace(id: TraceId, whole: &Whole) -> Value {
    let mut warnings = vec![Vec::new(); whole.spans.len()];
    for node in &Tree::of(&whole.spans).nodes {
        if let (Some(list), Some(stored)) =
            (warnings.get_mut(node.span), whole.spans.get(node.span))
        {
            list.extend(oddity(node, stored));
            list.extend(node.skew.map(skew));
        }
    }
    convert(id, whole, &warnings)
}

/// As [`trace`], with nothing but what was sent.
pub(crate) fn raw_trace(id: TraceId, whole: &Whole) -> Value {
    convert(id, whole, &[])
}

/// As Jaeger names kinds.
pub(crate) fn kind_name(kind: i32) -> &'static str {
    match kind {
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "",
    }
}

fn oddity(node: &Node, stored: &Stored) -> Option<String> {
    let why = match node.oddity? {
        Oddity::Orphan => {
            let parent = hex(&stored.span.parent_span_id);
            format!("the parent {parent} is not in the trace")
        }
        Oddity::Cycle => "its ancestors are its descendants".to_owned(),
        Oddity::SameId => "another span of the trace has the same id".to_owned(),
    };
    Some(why)
}

fn skew(nanos: i64) -> String {
    let by = Duration::from_nanos(nanos.unsigned_abs());
    let side = if nanos < 0 { "ahead of" } else { "behind" };
    format!("its clock is {side} its parent's by {by:?} at least; times are as they were sent")
}

fn convert(id: TraceId, whole: &Whole, warnings: &[Vec<String>]) -> Value {
    let mut resources = Resources::default();
    let mut spans = Vec::with_capacity(whole.spans.len());
    for (index, stored) in whole.spans.iter().enumerate() {
        let process = process_id(resources.number(stored));
        let warnings = warnings.get(index).filter(|list| !list.is_empty());
        spans.push(span(id, stored, &process, warnings));
    }
    let processes: Map<String, Value> = resources
        .firsts
        .iter()
        .enumerate()
        .map(|(number, stored)| {
            let tags: Vec<_> = stored
                .resource
                .attributes
                .iter()
                .filter(|attribute| attribute.key != "service.name")
                .map(tag)
                .collect();
            let process = json!({ "serviceName": *stored.service, "tags": tags });
            (process_id(number), process)
        })
        .collect();
    json!({
        "traceID": id.to_string(),
        "spans": spans,
        "processes": processes,
        "warnings": (whole.left_out.0 > 0).then(|| {
            let left_out = whole.left_out.0;
            [format!("{left_out} spans are left out: more than is read at once")]
        }),
    })
}

fn process_id(number: usize) -> String {
    format!("p{}", number + 1)
}

fn span(id: TraceId, stored: &Stored, process: &str, warnings: Option<&Vec<String>>) -> Value {
    let span = &stored.span;
    let mut out = json!({
        "traceID": id.to_string(),
        "spanID": hex(&span.span_id),
        "operationName": span.name,
        "references": references(id, stored),
        "startTime": stored.start() / 1000,
        "duration": (stored.finish() - stored.start()) / 1000,
        "tags": tags(stored),
        "logs": span.events.iter().map(log).collect::<Vec<_>>(),
        "processID": process,
        "warnings": warnings,
    });
    let flags = span.flags & 0xff;
    if let (Some(out), true) = (out.as_object_mut(), flags != 0) {
        out.insert("flags".to_owned(), Value::from(flags));
    }
    out
}

fn references(id: TraceId, stored: &Stored) -> Vec<Value> {
    let span = &stored.span;
    let reference = |kind: &str, trace: &str, span: &[u8]| json!({ "refType": kind, "traceID": trace, "spanID": hex(span) });
    let parent = (!span.parent_span_id.is_empty())
        .then(|| reference("CHILD_OF", &id.to_string(), &span.parent_span_id));
    let links = span.links.iter().map(|link| {
        let is_child = link.attributes.iter().any(|attribute| {
            attribute.key == "opentracing.ref_type"
                && attribute.value.as_ref().map(text).as_deref() == Some("child_of")
        });
        let kind = if is_child { "CHILD_OF" } else { "FOLLOWS_FROM" };
        reference(kind, &hex(&link.trace_id), &link.span_id)
    });
    parent.into_iter().chain(links).collect()
}

fn tags(stored: &Stored) -> Vec<Value> {
    let span = &stored.span;
    let mut tags: Vec<_> = span.attributes.iter().map(tag).collect();
    let status = span.status.as_ref();
    let code = match status.map(|status| status.code) {
        Some(1) => "OK",
        Some(2) => "ERROR",
        _ => "",
    };
    for (key, value) in [
        ("otel.scope.name", stored.scope.name.as_str()),
        ("otel.scope.version", &stored.scope.version),
        ("span.kind", kind_name(span.kind)),
        ("otel.status_code", code),
        (
            "otel.status_description",
            status.map_or("", |status| &status.message),
        ),
        ("w3c.tracestate", &span.trace_state),
    ] {
        if !value.is_empty() {
            tags.push(json!({ "key": key, "type": "string", "value": value }));
        }
    }
    let has_error = span.attributes.iter().any(|tag| tag.key == "error");
    if stored.is_error() && !has_error {
        tags.push(json!({ "key": "error", "type": "bool", "value": true }));
    }
    tags
}

fn log(event: &Event) -> Value {
    let mut fields: Vec<_> = event.attributes.iter().map(tag).collect();
    if !event.name.is_empty() {
        let name = json!({ "key": "event", "type": "string", "value": event.name });
        fields.insert(0, name);
    }
    json!({ "timestamp": event.time_unix_nano / 1000, "fields": fields })
}

fn tag(attribute: &KeyValue) -> Value {
    use any_value::Value as Any;
    let value = attribute.value.as_ref();
    let (kind, value) = match value.and_then(|value| value.value.as_ref()) {
        Some(Any::BoolValue(value)) => ("bool", Value::from(*value)),
        Some(Any::IntValue(value)) if value.unsigned_abs() > SAFE => {
            ("int64", Value::from(value.to_string()))
        }
        Some(Any::IntValue(value)) => ("int64", Value::from(*value)),
        Some(Any::DoubleValue(value)) if value.is_finite() => ("float64", Value::from(*value)),
        Some(Any::BytesValue(bytes)) => ("binary", Value::from(BASE64_STANDARD.encode(bytes))),
        // JSON has no number that is none.
        _ => ("string", Value::from(value.map(text).unwrap_or_default())),
    };
    json!({ "key": attribute.key, "type": kind, "value": value })
}
