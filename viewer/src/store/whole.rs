//! A trace with all that is there of it.

use std::{collections::HashMap, sync::Arc};

use opentelemetry_proto::tonic::{
    common::v1::InstrumentationScope, logs::v1::LogRecord, resource::v1::Resource, trace::v1::Span,
};
use prost::Message;
use rusqlite::{Connection, OptionalExtension};

use crate::{
    ids::{SpanId, TraceId},
    ingest::weight::Room,
};

/// A trace, whole.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Whole {
    /// By their start.
    pub spans: Vec<Stored>,
    /// By their time.
    pub logs: Vec<StoredLog>,
    /// Spans and logs that are not read: the trace is larger than is read at once, and they came later or were too large.
    pub left_out: (usize, usize),
}

/// A span of a trace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stored {
    /// The service that made it.
    pub service: Arc<str>,
    /// Its resource.
    pub resource: Arc<Resource>,
    /// Who made it in the service.
    pub scope: Arc<InstrumentationScope>,
    /// The span.
    pub span: Span,
}

/// A log record of a trace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredLog {
    /// The service that wrote it.
    pub service: Arc<str>,
    /// The span in which it was written.
    pub span_id: Option<SpanId>,
    /// Nanoseconds since 1970.
    pub time: i64,
    /// The record.
    pub log: LogRecord,
}

/// Resources and scopes by number.
#[derive(Default)]
struct Origins(HashMap<i64, Origin>);

type Origin = (Arc<str>, Arc<Resource>, Arc<InstrumentationScope>);

/// As far as there is room. `None`: nothing of it is there.
pub(super) fn whole(
    store: &Connection,
    id: TraceId,
    room: &mut Room,
) -> rusqlite::Result<Option<Whole>> {
    let mut origins = Origins::default();
    let mut whole = Whole::default();
    let known: Option<(i64, i64)> = store
        .prepare_cached("SELECT id, spans FROM trace WHERE trace_id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let mut statement =
        store.prepare_cached("SELECT origin, spans FROM body WHERE trace = ?1 ORDER BY id")?;
    let mut rows = statement.query([known.map(|(number, _)| number)])?;
    while !room.is_full()
        && let Some(row) = rows.next()?
    {
        let (service, resource, scope) = origins.get(store, row.get(0)?)?;
        for part in parts(row.get_ref(1)?.as_blob()?) {
            if !room.takes_span(part) {
                continue;
            }
            whole.spans.push(Stored {
                service: Arc::clone(&service),
                resource: Arc::clone(&resource),
                scope: Arc::clone(&scope),
                span: Span::decode(part).unwrap_or_default(),
            });
        }
    }
    let all = known.map_or(0, |(_, spans)| usize::try_from(spans).unwrap_or_default());
    whole.left_out.0 = all.saturating_sub(whole.spans.len());
    whole
        .spans
        .sort_by_key(|stored| stored.span.start_time_unix_nano);
    let mut statement = store.prepare_cached(
        "SELECT origin, span_id, time, body FROM log WHERE trace_id = ?1 ORDER BY time, id",
    )?;
    let mut rows = statement.query([id.0])?;
    while let Some(row) = rows.next()? {
        if !room.takes_log(row.get_ref(3)?.as_blob()?) {
            whole.left_out.1 += 1;
            continue;
        }
        let (service, ..) = origins.get(store, row.get(0)?)?;
        whole.logs.push(StoredLog {
            service,
            span_id: row.get::<_, Option<[u8; 8]>>(1)?.map(SpanId),
            time: row.get(2)?,
            log: LogRecord::decode(row.get_ref(3)?.as_blob()?).unwrap_or_default(),
        });
    }
    let is_known = known.is_some() || !whole.logs.is_empty() || whole.left_out.1 > 0;
    Ok(is_known.then_some(whole))
}

/// Of a body. They were spans when they were stored.
pub(super) fn spans(body: &[u8]) -> impl Iterator<Item = Span> {
    parts(body).filter_map(|part| Span::decode(part).ok())
}

fn parts(mut body: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = prost::decode_length_delimiter(&mut body).ok()?;
        let (part, rest) = body.split_at_checked(length)?;
        body = rest;
        Some(part)
    })
}

impl Origins {
    fn get(&mut self, store: &Connection, number: i64) -> rusqlite::Result<Origin> {
        if let Some(origin) = self.0.get(&number) {
            return Ok(origin.clone());
        }
        let origin = store
            .prepare_cached(
                "SELECT name, resource, scope FROM origin
                 JOIN service ON service.id = origin.service WHERE origin.id = ?1",
            )?
            .query_row([number], |row| {
                let name: String = row.get(0)?;
                let resource = Resource::decode(row.get_ref(1)?.as_blob()?).unwrap_or_default();
                let scope =
                    InstrumentationScope::decode(row.get_ref(2)?.as_blob()?).unwrap_or_default();
                Ok((Arc::from(name), Arc::new(resource), Arc::new(scope)))
            })?;
        self.0.insert(number, Clone::clone(&origin));
        Ok(origin)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
        common::v1::KeyValue,
        logs::v1::{ResourceLogs, ScopeLogs},
        trace::v1::{ResourceSpans, ScopeSpans},
    };

    use super::*;
    use crate::store::{Place, Store};

    /// Attributes that are two bytes each where they are kept.
    fn span(id: u8) -> Span {
        Span {
            trace_id: vec![7; 16],
            span_id: vec![id; 8],
            attributes: vec![KeyValue::default(); 100],
            ..Span::default()
        }
    }

    async fn accept(store: &Store, spans: Vec<Span>) {
        let of_scope = ScopeSpans {
            spans,
            ..ScopeSpans::default()
        };
        let resource_spans = vec![ResourceSpans {
            scope_spans: vec![of_scope],
            ..ResourceSpans::default()
        }];
        let request = ExportTraceServiceRequest { resource_spans };
        store.accept(request).await.unwrap();
    }

    async fn filled() -> Store {
        let store = Store::open(&Place::default()).unwrap();
        // Half of them in one request, half in one each.
        let requests = [(1..=10).collect(), vec![11], vec![12], vec![13], vec![14]];
        for ids in requests {
            accept(&store, ids.into_iter().map(span).collect()).await;
        }
        let log = |time| LogRecord {
            trace_id: vec![7; 16],
            time_unix_nano: time,
            attributes: vec![KeyValue::default(); 100],
            ..LogRecord::default()
        };
        let of_scope = ScopeLogs {
            log_records: (1..=6).map(log).collect(),
            ..ScopeLogs::default()
        };
        let resource_logs = vec![ResourceLogs {
            scope_logs: vec![of_scope],
            ..ResourceLogs::default()
        }];
        let request = ExportLogsServiceRequest { resource_logs };
        store.accept_logs(request).await.unwrap();
        store
    }

    async fn read(store: &Store, room: Room) -> Whole {
        let read = store.trace_within(TraceId([7; 16]), room).await;
        read.unwrap().0.unwrap()
    }

    /// The smallest room in which it fits.
    fn weight(takes: fn(&mut Room, &[u8]) -> bool, body: &[u8]) -> usize {
        let sizes: Vec<_> = (1..100_000).collect();
        1 + sizes.partition_point(|size| !takes(&mut Room::of(*size), body))
    }

    #[tokio::test]
    async fn a_trace_is_read_as_far_as_memory_allows() {
        let store = filled().await;
        let log = LogRecord {
            trace_id: vec![7; 16],
            time_unix_nano: 1,
            attributes: vec![KeyValue::default(); 100],
            ..LogRecord::default()
        };
        let span = weight(Room::takes_span, &span(1).encode_to_vec());
        let log = weight(Room::takes_log, &log.encode_to_vec());
        assert!(span > 100 * size_of::<KeyValue>(), "{span} bytes");
        let all = 14 * span + 6 * log;
        for (most, spans, logs) in [
            (all, 14, 6),
            (all - 1, 14, 5),
            (14 * span, 14, 0),
            (14 * span - 1, 13, 0),
            (11 * span, 11, 0),
            (4 * span + 1, 4, 0),
            // Alone they would be too heavy; what is lighter is read all the same.
            (span - 1, 0, 1),
            (log - 1, 0, 0),
        ] {
            let whole = read(&store, Room::of(most)).await;
            assert_eq!(
                (whole.spans.len(), whole.logs.len()),
                (spans, logs),
                "{most}"
            );
            assert_eq!(whole.left_out, (14 - spans, 6 - logs), "{most}");
            let first = whole.spans.iter().zip(1..);
            assert!(
                first
                    .into_iter()
                    .all(|(stored, id)| stored.span.span_id[0] == id)
            );
        }
    }

    /// Neither does it hide the trace, nor what came later.
    #[tokio::test]
    async fn a_span_that_is_heavier_than_all_memory_is_left_out_alone() {
        let store = Store::open(&Place::default()).unwrap();
        let mut heavy = span(1);
        heavy.attributes = vec![KeyValue::default(); 200];
        accept(&store, vec![heavy]).await;
        let room = Room::of(weight(Room::takes_span, &span(1).encode_to_vec()) * 3 / 2);
        assert_eq!(read(&store, room).await.left_out, (1, 0));
        accept(&store, vec![span(2), span(3)]).await;
        let whole = read(&store, room).await;
        assert_eq!(whole.left_out, (2, 0));
        assert_eq!(whole.spans[0].span.span_id, [2; 8]);
        assert!(whole.spans.len() == 1);
    }
}
