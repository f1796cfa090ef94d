//! Zipkin's spans, version 2.

use std::{
    collections::{BTreeSet, HashSet},
    net::IpAddr,
};

use opentelemetry_proto::tonic::trace::v1::{Span, span::Event};
use serde_json::{Map, Value, json};

use crate::{
    batch::{json as plain, text},
    ids::{TraceId, hex},
    store::{Stored, Whole},
};

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;

/// The spans of a trace.
pub(crate) fn spans(id: TraceId, whole: &Whole) -> Vec<Value> {
    let id = short_id(id);
    let clients: HashSet<_> = whole
        .spans
        .iter()
        .filter(|stored| stored.span.kind == CLIENT)
        .map(|stored| stored.span.span_id.as_slice())
        .collect();
    whole
        .spans
        .iter()
        .map(|stored| {
            // Both halves of a call have one id. The server's says so.
            let is_shared =
                stored.span.kind == SERVER && clients.contains(stored.span.span_id.as_slice());
            span(&id, stored, is_shared)
        })
        .collect()
}

/// An id whose first half is zeros has 16 digits, as it had when it was made.
pub(crate) fn short_id(id: TraceId) -> String {
    let text = id.to_string();
    match text.strip_prefix("0000000000000000") {
        Some(short) => short.to_owned(),
        None => text,
    }
}

/// Whether a span has a tag of this name, or an annotation that says this.
pub(crate) fn has_word(spans: &[Stored], word: &str) -> bool {
    spans.iter().map(|stored| &stored.span).any(|span| {
        span.attributes.iter().any(|tag| tag.key == word)
            || span
                .events
                .iter()
                .any(|event| event.name == word || annotation(event) == word)
    })
}

fn span(id: &str, stored: &Stored, is_shared: bool) -> Value {
    let span = &stored.span;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    put("traceId", Value::from(id));
    put("id", Value::from(hex(&span.span_id)));
    if !span.parent_span_id.is_empty() {
        put("parentId", Value::from(hex(&span.parent_span_id)));
    }
    put("name", Value::from(span.name.as_str()));
    match span.kind {
        SERVER => put("kind", Value::from("SERVER")),
        CLIENT => put("kind", Value::from("CLIENT")),
        PRODUCER => put("kind", Value::from("PRODUCER")),
        5 => put("kind", Value::from("CONSUMER")),
        _ => {}
    }
    put("timestamp", Value::from(stored.start() / 1000));
    // Zipkin takes zero for unknown.
    let micros = ((stored.finish() - stored.start()) / 1000).max(1);
    put("duration", Value::from(micros));
    if is_shared {
        put("shared", Value::from(true));
    }
    put("localEndpoint", json!({ "serviceName": *stored.service }));
    if let Some(remote) = remote(span) {
        put("remoteEndpoint", remote);
    }
    // By time, each once.
    let annotations: BTreeSet<_> = span
        .events
        .iter()
        .map(|event| (event.time_unix_nano / 1000, annotation(event)))
        .collect();
    if !annotations.is_empty() {
        put(
            "annotations",
            annotations
                .into_iter()
                .map(|(timestamp, value)| json!({ "timestamp": timestamp, "value": value }))
                .collect(),
        );
    }
    put("tags", tags(stored));
    Value::Object(out)
}

/// An event's name, and its attributes as OpenTelemetry writes them for Zipkin.
fn annotation(event: &Event) -> String {
    if event.attributes.is_empty() {
        return event.name.clone();
    }
    let attributes: Map<_, _> = event
        .attributes
        .iter()
        .map(|attribute| {
            let value = attribute.value.as_ref().map_or(Value::Null, plain);
            (attribute.key.clone(), value)
        })
        .collect();
    format!(
        "{}: {}",
        Value::from(event.name.as_str()),
        json!(attributes)
    )
}

fn remote(span: &Span) -> Option<Value> {
    let value = |wanted: &str| {
        let found = span
            .attributes
            .iter()
            .find(|attribute| attribute.key == wanted)?;
        found.value.as_ref().map(text)
    };
    let mut endpoint = Map::new();
    let mut put = |key: &str, value: Value| {
        endpoint.insert(key.to_owned(), value);
    };
    let is_caller = matches!(span.kind, CLIENT | PRODUCER);
    let name = value("server.service.name")
        .or_else(|| value("service.peer.name"))
        .or_else(|| value("peer.service"))
        .or_else(|| value("server.address").filter(|_| is_caller));
    if let Some(name) = name {
        put("serviceName", Value::from(name));
    }
    match value("network.peer.address").as_deref().map(str::parse) {
        Some(Ok(IpAddr::V4(ip))) => put("ipv4", Value::from(ip.to_string())),
        Some(Ok(IpAddr::V6(ip))) => put("ipv6", Value::from(ip.to_string())),
        _ => {}
    }
    if let Some(port) = value("network.peer.port").and_then(|port| port.parse::<u16>().ok()) {
        put("port", Value::from(port));
    }
    (!endpoint.is_empty()).then_some(Value::Object(endpoint))
}

fn tags(stored: &Stored) -> Value {
    let span = &stored.span;
    let mut tags: Map<String, Value> = span
        .attributes
        .iter()
        .filter_map(|attribute| {
            let value = attribute.value.as_ref()?;
            Some((attribute.key.clone(), Value::from(text(value))))
        })
        .collect();
    let status = span.status.as_ref();
    let code = match status.map(|status| status.code) {
        Some(1) => "OK",
        Some(2) => "ERROR",
        _ => "",
    };
    for (key, value) in [
        ("otel.scope.name", stored.scope.name.as_str()),
        ("otel.scope.version", &stored.scope.version),
        ("otel.status_code", code),
    ] {
        if !value.is_empty() {
            tags.insert(key.to_owned(), Value::from(value));
        }
    }
    if stored.is_error() {
        let message = status.map_or("", |status| &status.message);
        tags.entry("error").or_insert_with(|| Value::from(message));
    }
    Value::Object(tags)
}
