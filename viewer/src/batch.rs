//! What came in, checked and made ready to be stored: off the thread that writes.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs},
    trace::v1::{ResourceSpans, Span, span::SpanKind, status::StatusCode},
};
use prost::Message;

use crate::{
    ids::{SpanId, TraceId, hex},
    origin::{Origin, Origins},
    print::Print,
    store::{Peer, Sketches, StoreError},
};

/// Spans and logs that are good, and how many are not.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) groups: Vec<Group>,
    pub(crate) rejected: Rejected,
}

/// What was refused, and why: the first reason speaks for all.
#[derive(Debug, Default)]
pub(crate) struct Rejected {
    pub(crate) count: i64,
    pub(crate) why: Option<&'static str>,
}

/// Spans and logs of one resource and scope.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) service: Arc<str>,
    pub(crate) resource: Arc<[u8]>,
    pub(crate) scope: Vec<u8>,
    pub(crate) print: i64,
    /// What the traces of its spans can be found by.
    pub(crate) sketches: Sketches,
    pub(crate) spans: Vec<Ready>,
    pub(crate) logs: Vec<ReadyLog>,
}

/// A span, ready.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) name: String,
    pub(crate) kind: i32,
    pub(crate) start: i64,
    pub(crate) finish: i64,
    pub(crate) is_error: bool,
    /// Whom it calls.
    pub(crate) peer: Option<Peer>,
    /// As protobuf, after its length.
    pub(crate) body: Vec<u8>,
    pub(crate) print: i64,
}

/// A log record, ready.
#[derive(Debug)]
pub(crate) struct ReadyLog {
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) time: i64,
    pub(crate) severity: i32,
    pub(crate) body: Vec<u8>,
    pub(crate) print: i64,
}

/// A value to search for is no longer than this, in bytes.
pub(crate) const LONGEST_TAG: usize = 256;
/// A name is shown, and told apart, by as many bytes.
pub(crate) const LONGEST_NAME: usize = 1024;

impl Batch {
    /// What is wrong with single spans is counted; a request that is too large is refused whole.
    pub(crate) fn of_spans(all: Vec<ResourceSpans>) -> Result<Self, StoreError> {
        let mut batch = Self::default();
        let mut origins = Origins::default();
        for mut of_resource in all {
            of_resource.scope_spans.retain(|of| !of.spans.is_empty());
            if of_resource.scope_spans.is_empty() {
                continue;
            }
            let origin = Origin::of(&of_resource.resource.unwrap_or_default());
            for of_scope in of_resource.scope_spans {
                let mut group = origins.group(&origin, &of_scope.scope.unwrap_or_default())?;
                let mut good = Vec::with_capacity(of_scope.spans.len());
                for mut span in of_scope.spans {
                    match ready(&mut span) {
                        Ok(ready) => {
                            good.push((ready.trace_id, span));
                            group.spans.push(ready);
                        }
                        Err(why) => batch.rejected.add(why),
                    }
                }
                let spans = good.iter().map(|(trace, span)| (*trace, span));
                group.sketches = Sketches::of(&group.service, group.print, spans);
                batch.groups.push(group);
            }
        }
        Ok(batch)
    }

    /// As `of_spans`.
    pub(crate) fn of_logs(all: Vec<ResourceLogs>) -> Result<Self, StoreError> {
        let mut batch = Self::default();
        let mut origins = Origins::default();
        for mut of_resource in all {
            let of_scopes = &mut of_resource.scope_logs;
            of_scopes.retain(|of| !of.log_records.is_empty());
            if of_scopes.is_empty() {
                continue;
            }
            let origin = Origin::of(&of_resource.resource.unwrap_or_default());
            for of_scope in of_resource.scope_logs {
                let mut group = origins.group(&origin, &of_scope.scope.unwrap_or_default())?;
                for log in of_scope.log_records {
                    match ready_log(log) {
                        Ok(log) => group.logs.push(log),
                        Err(why) => batch.rejected.add(why),
                    }
                }
                batch.groups.push(group);
            }
        }
        Ok(batch)
    }

    /// How many bytes are to be stored.
    pub(crate) fn weight(&self) -> usize {
        let weigh = |group: &Group| -> usize {
            let spans = group.spans.iter().map(|span| span.body.len());
            group.resource.len()
                + group.scope.len()
                + spans.sum::<usize>()
                + group.sketches.weight()
                + group.logs.iter().map(|log| log.body.len()).sum::<usize>()
        };
        self.groups.iter().map(weigh).sum()
    }
}

impl Rejected {
    fn add(&mut self, why: &'static str) {
        self.count += 1;
        self.why.get_or_insert(why);
    }
}

fn ready(span: &mut Span) -> Result<Ready, &'static str> {
    let trace_id = TraceId::from_slice(&span.trace_id)
        .ok_or("a trace id is not 16 bytes that are not all zero")?;
    let span_id = SpanId::from_slice(&span.span_id)
        .ok_or("a span id is not 8 bytes that are not all zero")?;
    let parent = match span.parent_span_id.as_slice() {
        [] | [0, 0, 0, 0, 0, 0, 0, 0] => None,
        bytes => Some(SpanId::from_slice(bytes).ok_or("a parent's id is not 8 bytes")?),
    };
    if parent.is_none() {
        span.parent_span_id.clear();
    }
    let start = nanos(span.start_time_unix_nano);
    let is_error = span
        .status
        .as_ref()
        .is_some_and(|status| status.code == StatusCode::Error as i32);
    let calls = [SpanKind::Client as i32, SpanKind::Producer as i32].contains(&span.kind);
    let body = span.encode_length_delimited_to_vec();
    Ok(Ready {
        trace_id,
        span_id,
        parent,
        name: cut(&span.name, LONGEST_NAME).to_owned(),
        kind: span.kind,
        start,
        // A span that ends before it begins is shown as an instant.
        finish: nanos(span.end_time_unix_nano).max(start),
        is_error,
        peer: calls.then(|| Peer::of(span)),
        print: Print::default().and(&body).number(),
        body,
    })
}

fn ready_log(log: LogRecord) -> Result<ReadyLog, &'static str> {
    let trace_id = match log.trace_id.as_slice() {
        [] => None,
        bytes if bytes.iter().all(|byte| *byte == 0) => None,
        bytes => Some(TraceId::from_slice(bytes).ok_or("a log's trace id is not 16 bytes")?),
    };
    let span_id = match log.span_id.as_slice() {
        [] => None,
        bytes if bytes.iter().all(|byte| *byte == 0) => None,
        bytes => Some(SpanId::from_slice(bytes).ok_or("a log's span id is not 8 bytes")?),
    };
    let time = match log.time_unix_nano {
        0 => log.observed_time_unix_nano,
        time => time,
    };
    let body = log.encode_to_vec();
    Ok(ReadyLog {
        trace_id,
        span_id,
        time: nanos(time),
        severity: log.severity_number,
        print: Print::default().and(&body).number(),
        body,
    })
}

/// A value as people read it, and as it is searched for.
pub(crate) fn text(value: &AnyValue) -> String {
    text_of(value).into_owned()
}

/// As `text`.
pub(crate) fn text_of(value: &AnyValue) -> Cow<'_, str> {
    use any_value::Value;
    match &value.value {
        None => Cow::default(),
        Some(Value::StringValue(text)) => Cow::Borrowed(text),
        Some(Value::BoolValue(value)) => value.to_string().into(),
        Some(Value::IntValue(value)) => value.to_string().into(),
        Some(Value::DoubleValue(value)) => value.to_string().into(),
        Some(Value::BytesValue(bytes)) => hex(bytes).into(),
        Some(Value::ArrayValue(_) | Value::KvlistValue(_)) => json(value).to_string().into(),
        Some(_) => Cow::default(),
    }
}

/// A value as plain JSON.
pub(crate) fn json(value: &AnyValue) -> serde_json::Value {
    use any_value::Value;
    use serde_json::Value as Json;
    match &value.value {
        None => Json::Null,
        Some(Value::StringValue(text)) => Json::from(text.as_str()),
        Some(Value::BoolValue(value)) => Json::from(*value),
        Some(Value::IntValue(value)) => Json::from(*value),
        Some(Value::DoubleValue(value)) => Json::from(*value),
        Some(Value::BytesValue(bytes)) => Json::from(hex(bytes)),
        Some(Value::ArrayValue(list)) => list.values.iter().map(json).collect(),
        Some(Value::KvlistValue(list)) => {
            let members: BTreeMap<_, _> = list
                .values
                .iter()
                .map(|member| {
                    let value = member.value.as_ref().map_or(Json::Null, json);
                    (member.key.clone(), value)
                })
                .collect();
            Json::from_iter(members)
        }
        Some(_) => Json::Null,
    }
}

/// Shortens to whole characters.
pub(crate) fn cut(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// SQLite's numbers have a sign. The year 2262 is far.
fn nanos(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}
