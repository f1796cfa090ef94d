//! Zipkin's spans, version 2.

use serde_json::{Map, Value, json};

use crate::{
    batch::text,
    ids::{TraceId, hex},
    store::{Stored, Whole},
};

/// The spans of a trace.
pub(crate) fn spans(id: TraceId, whole: &Whole) -> Vec<Value> {
    whole.spans.iter().map(|stored| span(id, stored)).collect()
}

fn span(id: TraceId, stored: &Stored) -> Value {
    let span = &stored.span;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    put("traceId", Value::from(id.to_string()));
    put("id", Value::from(hex(&span.span_id)));
    if !span.parent_span_id.is_empty() {
        put("parentId", Value::from(hex(&span.parent_span_id)));
    }
    put("name", Value::from(span.name.as_str()));
    match span.kind {
        2 => put("kind", Value::from("SERVER")),
        3 => put("kind", Value::from("CLIENT")),
        4 => put("kind", Value::from("PRODUCER")),
        5 => put("kind", Value::from("CONSUMER")),
        _ => {}
    }
    put("timestamp", Value::from(stored.start() / 1000));
    // Zipkin takes zero for unknown.
    let micros = ((stored.finish() - stored.start()) / 1000).max(1);
    put("duration", Value::from(micros));
    put("localEndpoint", json!({ "serviceName": *stored.service }));
    if let Some(remote) = remote(stored) {
        put("remoteEndpoint", remote);
    }
    let annotations: Vec<_> = span
        .events
        .iter()
        .map(|event| json!({ "timestamp": event.time_unix_nano / 1000, "value": event.name }))
        .collect();
    if !annotations.is_empty() {
        put("annotations", Value::from(annotations));
    }
    put("tags", tags(stored));
    Value::Object(out)
}

fn remote(stored: &Stored) -> Option<Value> {
    let value = |wanted: &str| {
        let found = stored
            .span
            .attributes
            .iter()
            .find(|attribute| attribute.key == wanted)?;
        found.value.as_ref().map(text)
    };
    let name = value("server.service.name").or_else(|| value("peer.service"));
    let address = value("network.peer.address");
    let port = value("network.peer.port").and_then(|port| port.parse::<u16>().ok());
    let mut endpoint = Map::new();
    if let Some(name) = name {
        endpoint.insert("serviceName".to_owned(), Value::from(name));
    }
    match address.as_deref().map(str::parse) {
        Some(Ok(std::net::IpAddr::V4(ip))) => {
            endpoint.insert("ipv4".to_owned(), Value::from(ip.to_string()));
        }
        Some(Ok(std::net::IpAddr::V6(ip))) => {
            endpoint.insert("ipv6".to_owned(), Value::from(ip.to_string()));
        }
        _ => {}
    }
    if let Some(port) = port {
        endpoint.insert("port".to_owned(), Value::from(port));
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
    for (name, value) in [
        ("otel.scope.name", &stored.scope.name),
        ("otel.scope.version", &stored.scope.version),
    ] {
        if !value.is_empty() {
            tags.insert(name.to_owned(), Value::from(value.as_str()));
        }
    }
    if span.status.as_ref().is_some_and(|status| status.code == 1) {
        tags.insert("otel.status_code".to_owned(), Value::from("OK"));
    }
    if stored.is_error() {
        let message = span.status.as_ref().map(|status| status.message.as_str());
        tags.insert("otel.status_code".to_owned(), Value::from("ERROR"));
        tags.entry("error")
            .or_insert_with(|| Value::from(message.unwrap_or_default()));
    }
    Value::Object(tags)
}
