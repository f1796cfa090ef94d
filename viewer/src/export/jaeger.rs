//! The trace of Jaeger's first interface, which its page also downloads and uploads.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use serde_json::{Map, Value, json};

use crate::{
    batch::text,
    ids::{TraceId, hex},
    store::{Stored, Whole},
};

/// A trace with its spans and their processes.
pub(crate) fn trace(id: TraceId, whole: &Whole) -> Value {
    let mut processes: Vec<&Stored> = Vec::new();
    let spans: Vec<_> = whole
        .spans
        .iter()
        .map(|stored| {
            let known = processes
                .iter()
                .position(|known| Arc::ptr_eq(&known.resource, &stored.resource));
            let process = known.unwrap_or_else(|| {
                processes.push(stored);
                processes.len() - 1
            });
            span(id, stored, &format!("p{}", process + 1))
        })
        .collect();
    let processes: Map<String, Value> = processes
        .iter()
        .enumerate()
        .map(|(index, stored)| {
            let tags: Vec<_> = stored
                .resource
                .attributes
                .iter()
                .filter(|attribute| attribute.key != "service.name")
                .map(tag)
                .collect();
            let process = json!({ "serviceName": *stored.service, "tags": tags });
            (format!("p{}", index + 1), process)
        })
        .collect();
    json!({
        "traceID": id.to_string(),
        "spans": spans,
        "processes": processes,
        "warnings": null,
    })
}

fn span(id: TraceId, stored: &Stored, process: &str) -> Value {
    let span = &stored.span;
    json!({
        "traceID": id.to_string(),
        "spanID": hex(&span.span_id),
        "flags": span.flags & 0xff,
        "operationName": span.name,
        "references": references(id, stored),
        "startTime": stored.start() / 1000,
        "duration": (stored.finish() - stored.start()) / 1000,
        "tags": tags(stored),
        "logs": logs(stored),
        "processID": process,
        "warnings": null,
    })
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
    let mut add = |key: &str, value: &str| {
        tags.push(json!({ "key": key, "type": "string", "value": value }));
    };
    if !stored.scope.name.is_empty() {
        add("otel.scope.name", &stored.scope.name);
    }
    if !stored.scope.version.is_empty() {
        add("otel.scope.version", &stored.scope.version);
    }
    let kind = match span.kind {
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => "",
    };
    if !kind.is_empty() {
        add("span.kind", kind);
    }
    if let Some(status) = &span.status {
        match status.code {
            1 => add("otel.status_code", "OK"),
            2 => add("otel.status_code", "ERROR"),
            _ => {}
        }
        if !status.message.is_empty() {
            add("otel.status_description", &status.message);
        }
    }
    if !span.trace_state.is_empty() {
        add("w3c.tracestate", &span.trace_state);
    }
    let has_error = span.attributes.iter().any(|tag| tag.key == "error");
    if stored.is_error() && !has_error {
        tags.push(json!({ "key": "error", "type": "bool", "value": true }));
    }
    tags
}

fn logs(stored: &Stored) -> Vec<Value> {
    let event = |event: &opentelemetry_proto::tonic::trace::v1::span::Event| {
        let mut fields: Vec<_> = event.attributes.iter().map(tag).collect();
        if !event.name.is_empty() {
            fields.insert(
                0,
                json!({ "key": "event", "type": "string", "value": event.name }),
            );
        }
        json!({ "timestamp": event.time_unix_nano / 1000, "fields": fields })
    };
    stored.span.events.iter().map(event).collect()
}

fn tag(attribute: &KeyValue) -> Value {
    use any_value::Value as Any;
    let value = attribute.value.as_ref();
    let (kind, value) = match value.and_then(|value| value.value.as_ref()) {
        Some(Any::BoolValue(value)) => ("bool", Value::from(*value)),
        Some(Any::IntValue(value)) => ("int64", Value::from(*value)),
        Some(Any::DoubleValue(value)) => ("float64", Value::from(*value)),
        Some(Any::BytesValue(bytes)) => ("binary", Value::from(hex(bytes))),
        _ => ("string", Value::from(value.map(text).unwrap_or_default())),
    };
    json!({ "key": attribute.key, "type": kind, "value": value })
}
