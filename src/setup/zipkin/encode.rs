//! OpenTelemetry's spans as Zipkin's: the specification's "OpenTelemetry to Zipkin Transformation", and "Mapping to
//! non-OTLP formats".

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::{
    Array, KeyValue, SpanId, Value,
    trace::{SpanKind, Status},
};
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Map, Value as Json, json};

/// Whose spans they are.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) name: String,
    /// The rest of the resource, which each span repeats.
    pub(super) tags: Vec<KeyValue>,
}

/// What may name the other side, the best first, and what its port is called.
const REMOTE: [(&str, Option<&str>); 11] = [
    ("service.peer.name", None),
    ("peer.service", None),
    ("server.address", None),
    ("net.peer.name", None),
    ("network.peer.address", Some("network.peer.port")),
    ("server.socket.domain", None),
    ("server.socket.address", Some("server.socket.port")),
    ("net.sock.peer.name", None),
    ("net.sock.peer.addr", Some("net.sock.peer.port")),
    ("peer.hostname", None),
    ("db.name", None),
];

/// A list of spans, as `POST /api/v2/spans` takes it.
pub(super) fn spans(spans: &[SpanData], service: &Service) -> Vec<u8> {
    let spans: Vec<Json> = spans.iter().map(|span| one(span, service)).collect();
    // Texts alone are keys.
    serde_json::to_vec(&spans).unwrap_or_default()
}

fn one(span: &SpanData, service: &Service) -> Json {
    let context = &span.span_context;
    let mut json = Map::new();
    let mut put = |name: &str, value: Json| json.insert(name.to_owned(), value);
    put("traceId", context.trace_id().to_string().into());
    put("id", context.span_id().to_string().into());
    if span.parent_span_id != SpanId::INVALID {
        put("parentId", span.parent_span_id.to_string().into());
    }
    put("name", (*span.name).into());
    let kind = match span.span_kind {
        SpanKind::Client => Some("CLIENT"),
        SpanKind::Server => Some("SERVER"),
        SpanKind::Producer => Some("PRODUCER"),
        SpanKind::Consumer => Some("CONSUMER"),
        SpanKind::Internal => None,
    };
    if let Some(kind) = kind {
        put("kind", kind.into());
    }
    put("timestamp", micros(span.start_time).into());
    let duration = span.end_time.duration_since(span.start_time);
    let duration = duration.unwrap_or_default().as_micros();
    // Zero is none in Zipkin, where a span without a duration is one that has not ended.
    put(
        "duration",
        u64::try_from(duration).unwrap_or(u64::MAX).max(1).into(),
    );
    put("localEndpoint", json!({ "serviceName": service.name }));
    if matches!(span.span_kind, SpanKind::Client | SpanKind::Producer)
        && let Some(remote) = remote(&span.attributes)
    {
        put("remoteEndpoint", remote);
    }
    let annotations: Vec<Json> = span
        .events
        .iter()
        .map(|event| {
            let value = if event.attributes.is_empty() {
                event.name.to_string()
            } else {
                let attributes = object(&event.attributes);
                format!("{}: {attributes}", Json::from(&*event.name))
            };
            json!({ "timestamp": micros(event.timestamp), "value": value })
        })
        .collect();
    if !annotations.is_empty() {
        put("annotations", annotations.into());
    }
    put("tags", tags(span, service).into());
    json.into()
}

fn tags(span: &SpanData, service: &Service) -> Map<String, Json> {
    let mut tags = Map::new();
    for KeyValue { key, value, .. } in service.tags.iter().chain(&span.attributes) {
        tags.insert(key.as_str().to_owned(), text(value).into());
    }
    // Zipkin takes any `error` for a failure, `false` too.
    if tags.get("error").is_some_and(|error| error == "false") {
        tags.remove("error");
    }
    let mut put = |name: &str, value: String| tags.insert(name.to_owned(), value.into());
    match &span.status {
        Status::Unset => {}
        Status::Ok => {
            put("otel.status_code", "OK".to_owned());
        }
        Status::Error { description } => {
            put("otel.status_code", "ERROR".to_owned());
            put("error", description.to_string());
        }
    }
    let scope = &span.instrumentation_scope;
    if !scope.name().is_empty() {
        put("otel.scope.name", scope.name().to_owned());
    }
    if let Some(version) = scope.version() {
        put("otel.scope.version", version.to_owned());
    }
    for (name, count) in [
        (
            "otel.dropped_attributes_count",
            span.dropped_attributes_count,
        ),
        ("otel.dropped_events_count", span.events.dropped_count),
        ("otel.dropped_links_count", span.links.dropped_count),
    ] {
        if count > 0 {
            put(name, count.to_string());
        }
    }
    tags
}

fn remote(attributes: &[KeyValue]) -> Option<Json> {
    let find = |name: &str| {
        let found = attributes.iter().find(|kv| kv.key.as_str() == name)?;
        Some(text(&found.value)).filter(|text| !text.is_empty())
    };
    REMOTE.iter().find_map(|(name, port)| {
        let text = find(name)?;
        let Some(port) = port else {
            return Some(json!({ "serviceName": text }));
        };
        let mut endpoint = Map::new();
        let kind = match text.parse::<std::net::IpAddr>() {
            Ok(std::net::IpAddr::V4(_)) => "ipv4",
            Ok(std::net::IpAddr::V6(_)) => "ipv6",
            Err(_) => "serviceName",
        };
        endpoint.insert(kind.to_owned(), text.into());
        if let Some(port) = find(port).and_then(|port| port.parse::<u16>().ok()) {
            endpoint.insert("port".to_owned(), port.into());
        }
        Some(endpoint.into())
    })
}

fn object(attributes: &[KeyValue]) -> Json {
    let pairs = attributes
        .iter()
        .map(|kv| (kv.key.as_str().to_owned(), value(&kv.value)));
    Json::Object(pairs.collect())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.as_str().to_owned(),
        other => match self::value(other) {
            Json::String(text) => text,
            json => json.to_string(),
        },
    }
}

fn value(value: &Value) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::I64(value) => (*value).into(),
        Value::F64(value) => float(*value),
        Value::String(value) => value.as_str().into(),
        Value::Array(Array::Bool(values)) => values.as_slice().into(),
        Value::Array(Array::I64(values)) => values.as_slice().into(),
        Value::Array(Array::F64(values)) => values.iter().copied().map(float).collect(),
        Value::Array(Array::String(values)) => values.iter().map(|value| value.as_str()).collect(),
        other => other.to_string().into(),
    }
}

/// JSON has no words for numbers that are none.
fn float(value: f64) -> Json {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Json::from)
}

fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_micros().try_into().unwrap_or(u64::MAX)
}
