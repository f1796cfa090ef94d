//! OTLP in JSON. Fields that are not known are passed over, and `null` is a field that is not there: senders write both.

use opentelemetry_proto::tonic::{
    common::v1 as common, logs::v1 as logs, resource::v1 as resource, trace::v1 as trace,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    refused::Refused,
    value::{AnyValue, Hex, KeyValue, Long, Many, Short, hex, many, number},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Traces {
    resource_spans: Many<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    resource: Option<Resource>,
    scope_spans: Many<ScopeSpans>,
    schema_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeSpans {
    scope: Option<Scope>,
    spans: Many<Span>,
    schema_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    trace_id: Option<Hex>,
    span_id: Option<Hex>,
    trace_state: Option<String>,
    parent_span_id: Option<Hex>,
    flags: Option<Short>,
    name: Option<String>,
    kind: Option<i32>,
    start_time_unix_nano: Option<Long>,
    end_time_unix_nano: Option<Long>,
    attributes: Many<KeyValue>,
    dropped_attributes_count: Option<Short>,
    events: Many<Event>,
    dropped_events_count: Option<Short>,
    links: Many<Link>,
    dropped_links_count: Option<Short>,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    time_unix_nano: Option<Long>,
    name: Option<String>,
    attributes: Many<KeyValue>,
    dropped_attributes_count: Option<Short>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    trace_id: Option<Hex>,
    span_id: Option<Hex>,
    trace_state: Option<String>,
    attributes: Many<KeyValue>,
    dropped_attributes_count: Option<Short>,
    flags: Option<Short>,
}

#[derive(Deserialize)]
struct Status {
    message: Option<String>,
    code: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logs {
    resource_logs: Many<ResourceLogs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs {
    resource: Option<Resource>,
    scope_logs: Many<ScopeLogs>,
    schema_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs {
    scope: Option<Scope>,
    log_records: Many<LogRecord>,
    schema_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord {
    time_unix_nano: Option<Long>,
    observed_time_unix_nano: Option<Long>,
    severity_number: Option<i32>,
    severity_text: Option<String>,
    body: Option<AnyValue>,
    attributes: Many<KeyValue>,
    dropped_attributes_count: Option<Short>,
    flags: Option<Short>,
    trace_id: Option<Hex>,
    span_id: Option<Hex>,
    event_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    attributes: Many<KeyValue>,
    dropped_attributes_count: Option<Short>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scope {
    name: Option<String>,
    version: Option<String>,
    attributes: Many<KeyValue>,
    dropped_attributes_count: Option<Short>,
}

pub(super) fn traces(body: &[u8]) -> Result<Vec<trace::ResourceSpans>, Refused> {
    read::<Traces>(body).map(|all| many(all.resource_spans))
}

pub(super) fn logs(body: &[u8]) -> Result<Vec<logs::ResourceLogs>, Refused> {
    read::<Logs>(body).map(|all| many(all.resource_logs))
}

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body)
        .map_err(|error| Refused::malformed(format!("the body is no such message: {error}")))
}

impl From<ResourceSpans> for trace::ResourceSpans {
    fn from(of: ResourceSpans) -> Self {
        Self {
            resource: of.resource.map(Into::into),
            scope_spans: many(of.scope_spans),
            schema_url: of.schema_url.unwrap_or_default(),
        }
    }
}

impl From<ScopeSpans> for trace::ScopeSpans {
    fn from(of: ScopeSpans) -> Self {
        Self {
            scope: of.scope.map(Into::into),
            spans: many(of.spans),
            schema_url: of.schema_url.unwrap_or_default(),
        }
    }
}

impl From<Span> for trace::Span {
    fn from(of: Span) -> Self {
        Self {
            trace_id: hex(of.trace_id),
            span_id: hex(of.span_id),
            trace_state: of.trace_state.unwrap_or_default(),
            parent_span_id: hex(of.parent_span_id),
            flags: number(of.flags),
            name: of.name.unwrap_or_default(),
            kind: of.kind.unwrap_or_default(),
            start_time_unix_nano: number(of.start_time_unix_nano),
            end_time_unix_nano: number(of.end_time_unix_nano),
            attributes: many(of.attributes),
            dropped_attributes_count: number(of.dropped_attributes_count),
            events: many(of.events),
            dropped_events_count: number(of.dropped_events_count),
            links: many(of.links),
            dropped_links_count: number(of.dropped_links_count),
            status: of.status.map(|status| trace::Status {
                message: status.message.unwrap_or_default(),
                code: status.code.unwrap_or_default(),
            }),
        }
    }
}

impl From<Event> for trace::span::Event {
    fn from(of: Event) -> Self {
        Self {
            time_unix_nano: number(of.time_unix_nano),
            name: of.name.unwrap_or_default(),
            attributes: many(of.attributes),
            dropped_attributes_count: number(of.dropped_attributes_count),
        }
    }
}

impl From<Link> for trace::span::Link {
    fn from(of: Link) -> Self {
        Self {
            trace_id: hex(of.trace_id),
            span_id: hex(of.span_id),
            trace_state: of.trace_state.unwrap_or_default(),
            attributes: many(of.attributes),
            dropped_attributes_count: number(of.dropped_attributes_count),
            flags: number(of.flags),
        }
    }
}

impl From<ResourceLogs> for logs::ResourceLogs {
    fn from(of: ResourceLogs) -> Self {
        Self {
            resource: of.resource.map(Into::into),
            scope_logs: many(of.scope_logs),
            schema_url: of.schema_url.unwrap_or_default(),
        }
    }
}

impl From<ScopeLogs> for logs::ScopeLogs {
    fn from(of: ScopeLogs) -> Self {
        Self {
            scope: of.scope.map(Into::into),
            log_records: many(of.log_records),
            schema_url: of.schema_url.unwrap_or_default(),
        }
    }
}

impl From<LogRecord> for logs::LogRecord {
    fn from(of: LogRecord) -> Self {
        Self {
            time_unix_nano: number(of.time_unix_nano),
            observed_time_unix_nano: number(of.observed_time_unix_nano),
            severity_number: of.severity_number.unwrap_or_default(),
            severity_text: of.severity_text.unwrap_or_default(),
            body: of.body.map(Into::into),
            attributes: many(of.attributes),
            dropped_attributes_count: number(of.dropped_attributes_count),
            flags: number(of.flags),
            trace_id: hex(of.trace_id),
            span_id: hex(of.span_id),
            event_name: of.event_name.unwrap_or_default(),
        }
    }
}

impl From<Resource> for resource::Resource {
    fn from(of: Resource) -> Self {
        Self {
            attributes: many(of.attributes),
            dropped_attributes_count: number(of.dropped_attributes_count),
            ..Self::default()
        }
    }
}

impl From<Scope> for common::InstrumentationScope {
    fn from(of: Scope) -> Self {
        Self {
            name: of.name.unwrap_or_default(),
            version: of.version.unwrap_or_default(),
            attributes: many(of.attributes),
            dropped_attributes_count: number(of.dropped_attributes_count),
        }
    }
}
