//! Zipkin's spans, version 2: `POST /api/v2/spans`.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderMap, StatusCode};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event, status::StatusCode as Code},
};
use serde::Deserialize;

use super::{
    Ways,
    body::{Coding, open, receive},
    decode::media_type,
    json,
    refused::{Cause, Refused},
    weight,
};
use crate::{
    batch::Batch,
    ids::{SpanId, TraceId},
};

/// A span as Zipkin's senders write it. Times are microseconds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    trace_id: String,
    id: String,
    parent_id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    kind: Option<String>,
    timestamp: Option<u64>,
    duration: Option<u64>,
    local_endpoint: Option<Endpoint>,
    remote_endpoint: Option<Endpoint>,
    #[serde(default)]
    annotations: Option<Vec<Annotation>>,
    #[serde(default)]
    tags: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Who made a span.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Origin {
    service: Option<String>,
    scope: String,
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    service_name: Option<String>,
    ipv4: Option<String>,
    ipv6: Option<String>,
    port: Option<u16>,
}

#[derive(Debug, Deserialize)]
struct Annotation {
    timestamp: u64,
    value: String,
}

pub(super) fn routes(ways: Ways) -> Router {
    Router::new()
        .route("/api/v2/spans", post(spans))
        .with_state(ways)
}

/// 202 when they are stored. A list with a span that is none is refused whole, as Zipkin does.
async fn spans(State(ways): State<Ways>, headers: HeaderMap, body: Body) -> Response {
    match take(&ways, &headers, body).await {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(refused) => refused.plain(),
    }
}

async fn take(ways: &Ways, headers: &HeaderMap, body: Body) -> Result<(), Refused> {
    if !matches!(
        media_type(headers).as_deref(),
        None | Some("application/json")
    ) {
        return Err(Refused::new(
            Cause::Unsupported,
            "content-type is not application/json",
        ));
    }
    let coding = Coding::of(headers)?;
    let body = receive(body, ways.patience).await?;
    let batch = open(coding, body, decode).await?;
    ways.store(batch).await?;
    Ok(())
}

fn decode(body: &[u8]) -> Result<Batch, Refused> {
    weight::check_json(body)?;
    let sent: Vec<Sent> = json::read(body)?;
    let groups = grouped(sent).map_err(Refused::malformed)?;
    Ok(Batch::of_spans(groups)?)
}

/// Spans of the same origin together.
fn grouped(all: Vec<Sent>) -> Result<Vec<ResourceSpans>, String> {
    let mut groups: BTreeMap<Origin, Vec<Span>> = BTreeMap::new();
    for mut sent in all {
        let origin = Origin::of(&mut sent);
        groups.entry(origin).or_default().push(span(sent)?);
    }
    let groups = groups.into_iter();
    Ok(groups
        .map(|(origin, spans)| origin.of_spans(spans))
        .collect())
}

impl Origin {
    /// OpenTelemetry's SDKs write the scope, and a status, as tags.
    fn of(sent: &mut Sent) -> Self {
        let endpoint = sent.local_endpoint.take();
        let mut take = |name: &str| {
            let tags = sent.tags.as_mut()?;
            Some(plain(tags.remove(name)?))
        };
        Self {
            service: endpoint.and_then(|endpoint| endpoint.service_name),
            scope: take("otel.scope.name").unwrap_or_default(),
            version: take("otel.scope.version").unwrap_or_default(),
        }
    }

    fn of_spans(self, spans: Vec<Span>) -> ResourceSpans {
        let service = self.service.map(|name| attribute("service.name", name));
        ResourceSpans {
            resource: Some(Resource {
                attributes: service.into_iter().collect(),
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: self.scope,
                    version: self.version,
                    ..InstrumentationScope::default()
                }),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }
    }
}

fn plain(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

fn span(sent: Sent) -> Result<Span, String> {
    let trace_id = TraceId::parse(&sent.trace_id)
        .ok_or_else(|| format!("{:?} is no trace id", sent.trace_id))?;
    let span_id = SpanId::parse(&sent.id).ok_or_else(|| format!("{:?} is no span id", sent.id))?;
    let parent = match sent.parent_id.as_deref() {
        None | Some("") => None,
        Some(text) => {
            Some(SpanId::parse(text).ok_or_else(|| format!("{text:?} is no parent's id"))?)
        }
    };
    let nanos = |micros: u64| micros.saturating_mul(1000);
    let start = nanos(sent.timestamp.unwrap_or_default());
    let mut attributes = Vec::new();
    let mut status: Option<Status> = None;
    for (key, value) in sent.tags.unwrap_or_default() {
        let value = plain(value);
        match (&*key, &*value) {
            // The tag alone is the error; its value may say which.
            ("error", _) => {
                let message = if value == "true" { "" } else { &value };
                status = Some(Status {
                    code: Code::Error as i32,
                    message: message.to_owned(),
                });
            }
            ("otel.status_code", "OK" | "ERROR") => {
                status.get_or_insert_default().code = match &*value {
                    "OK" => Code::Ok as i32,
                    _ => Code::Error as i32,
                };
            }
            _ => attributes.push(attribute(&key, value)),
        }
    }
    if let Some(remote) = sent.remote_endpoint {
        let address = remote.ipv4.or(remote.ipv6);
        attributes.extend(address.map(|ip| attribute("network.peer.address", ip)));
        attributes.extend(
            remote
                .service_name
                .map(|name| attribute("server.service.name", name)),
        );
        attributes.extend(remote.port.map(|port| KeyValue {
            key: "network.peer.port".to_owned(),
            value: Some(AnyValue {
                value: Some(any_value::Value::IntValue(i64::from(port))),
            }),
            ..KeyValue::default()
        }));
    }
    let event = |annotation: Annotation| Event {
        time_unix_nano: nanos(annotation.timestamp),
        name: annotation.value,
        ..Event::default()
    };
    Ok(Span {
        trace_id: trace_id.0.to_vec(),
        span_id: span_id.0.to_vec(),
        parent_span_id: parent.map(|parent| parent.0.to_vec()).unwrap_or_default(),
        name: sent.name.unwrap_or_default(),
        kind: match sent.kind.as_deref() {
            Some("SERVER") => 2,
            Some("CLIENT") => 3,
            Some("PRODUCER") => 4,
            Some("CONSUMER") => 5,
            _ => 1,
        },
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(nanos(sent.duration.unwrap_or_default())),
        attributes,
        events: sent
            .annotations
            .unwrap_or_default()
            .into_iter()
            .map(event)
            .collect(),
        status,
        ..Span::default()
    })
}

fn attribute(key: &str, text: String) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(text)),
        }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_the_same_origin_are_one_group() {
        let span = |id: u32, service: &str, scope: &str| {
            serde_json::json!({
                "traceId": "1", "id": format!("{id:x}"), "localEndpoint": { "serviceName": service, "port": id },
                "tags": { "otel.scope.name": scope }
            })
        };
        let spans = [
            span(1, "shop", "a"),
            span(2, "shop", "b"),
            span(3, "till", "a"),
            span(4, "shop", "a"),
        ];
        let batch = decode(&serde_json::to_vec(&spans).unwrap()).unwrap();
        let counts: Vec<_> = batch.groups.iter().map(|group| group.spans.len()).collect();
        assert_eq!(counts, [2, 1, 1]);
    }
}
