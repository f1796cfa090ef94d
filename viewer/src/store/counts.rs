//! Small questions of pages.

use rusqlite::OptionalExtension;

use super::{Store, StoreError};
use crate::ids::{SpanId, TraceId};

impl Store {
    /// Names of all services, the first that was seen first.
    pub(crate) async fn services_by_age(&self) -> Result<Vec<String>, StoreError> {
        self.read(|store| {
            store
                .prepare_cached("SELECT name FROM service ORDER BY id")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
        .await
    }

    /// How many spans and logs there are of a trace.
    pub(crate) async fn count(&self, id: TraceId) -> Result<(i64, i64), StoreError> {
        self.read(move |store| {
            store
                .prepare_cached(
                    "SELECT (SELECT count(*) FROM span
                             WHERE trace = (SELECT id FROM trace WHERE trace_id = ?1)),
                            (SELECT count(*) FROM log WHERE trace_id = ?1)",
                )?
                .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
    }

    /// When the first trace since then began.
    pub(crate) async fn first(&self, from: i64) -> Result<Option<i64>, StoreError> {
        self.read(move |store| {
            store
                .prepare_cached("SELECT min(start) FROM trace WHERE start >= ?1")?
                .query_row([from], |row| row.get(0))
        })
        .await
    }

    /// When the last trace ended.
    pub(crate) async fn last(&self) -> Result<Option<i64>, StoreError> {
        self.read(|store| {
            store
                .prepare_cached("SELECT max(finish) FROM trace")?
                .query_row([], |row| row.get(0))
        })
        .await
    }

    /// A request of an operation, by its times.
    pub(crate) async fn request(
        &self,
        service: String,
        operation: String,
        start: i64,
        finish: i64,
    ) -> Result<Option<(TraceId, SpanId)>, StoreError> {
        self.read(move |store| {
            store
                .prepare_cached(
                    "SELECT trace.trace_id, span.span_id
                     FROM operation JOIN service ON service.id = operation.service
                     JOIN span ON span.operation = operation.id JOIN trace ON trace.id = span.trace
                     WHERE service.name = ?1 AND operation.name = ?2
                     AND span.kind IN (2, 5) AND span.start = ?3 AND span.finish = ?4",
                )?
                .query_row((service, operation, start, finish), |row| {
                    let span = SpanId(row.get::<_, i64>(1)?.to_be_bytes());
                    Ok((TraceId(row.get(0)?), span))
                })
                .optional()
        })
        .await
    }
}
