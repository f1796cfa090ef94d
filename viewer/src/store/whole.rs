//! A trace with all that is there of it.

use std::{collections::HashMap, sync::Arc};

use opentelemetry_proto::tonic::{
    common::v1::InstrumentationScope, logs::v1::LogRecord, resource::v1::Resource, trace::v1::Span,
};
use prost::Message;
use rusqlite::{Connection, OptionalExtension};

use crate::ids::{SpanId, TraceId};

/// A trace, whole.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Whole {
    /// By their start.
    pub spans: Vec<Stored>,
    /// By their time.
    pub logs: Vec<StoredLog>,
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

pub(super) fn whole(store: &Connection, id: TraceId) -> rusqlite::Result<Option<Whole>> {
    let mut origins = Origins::default();
    let mut whole = Whole::default();
    let number: Option<i64> = store
        .prepare_cached("SELECT id FROM trace WHERE trace_id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    let mut statement =
        store.prepare_cached("SELECT origin, spans FROM body WHERE trace = ?1 ORDER BY id")?;
    let mut rows = statement.query([number])?;
    while let Some(row) = rows.next()? {
        let (service, resource, scope) = origins.get(store, row.get(0)?)?;
        whole
            .spans
            .extend(spans(row.get_ref(1)?.as_blob()?).map(|span| Stored {
                service: Arc::clone(&service),
                resource: Arc::clone(&resource),
                scope: Arc::clone(&scope),
                span,
            }));
    }
    whole
        .spans
        .sort_by_key(|stored| stored.span.start_time_unix_nano);
    let mut statement = store.prepare_cached(
        "SELECT origin, span_id, time, body FROM log WHERE trace_id = ?1 ORDER BY time, id",
    )?;
    let mut rows = statement.query([id.0])?;
    while let Some(row) = rows.next()? {
        let (service, ..) = origins.get(store, row.get(0)?)?;
        whole.logs.push(StoredLog {
            service,
            span_id: row.get::<_, Option<[u8; 8]>>(1)?.map(SpanId),
            time: row.get(2)?,
            log: LogRecord::decode(row.get_ref(3)?.as_blob()?).unwrap_or_default(),
        });
    }
    Ok((!whole.spans.is_empty() || !whole.logs.is_empty()).then_some(whole))
}

/// Of a body. They were spans when they were stored.
pub(super) fn spans(mut body: &[u8]) -> impl Iterator<Item = Span> {
    std::iter::from_fn(move || {
        (!body.is_empty())
            .then(|| Span::decode_length_delimited(&mut body).ok())
            .flatten()
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
