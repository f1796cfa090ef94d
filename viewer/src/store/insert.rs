//! What came in, as rows of one transaction.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    evict,
    known::Known,
    peer::Peer,
    sums::{self, Sums},
    words,
};
use crate::{
    batch::{Batch, Group, Ready, ReadyLog},
    ids::TraceId,
    sampling::Begun,
};

/// Rows that are written once, at the end.
#[derive(Debug)]
pub(super) struct Insert<'t, 'k> {
    transaction: &'t Transaction<'t>,
    known: &'k mut Known,
    sums: Sums,
    traces: HashMap<TraceId, i64>,
    /// Traces that begin with what is new, if somebody counts them.
    begun: Option<Begun>,
}

/// Spans of a group that belong to one trace.
#[derive(Debug, Default)]
struct Part {
    trace_id: Option<TraceId>,
    bodies: Vec<u8>,
}

impl<'t, 'k> Insert<'t, 'k> {
    pub(super) fn new(
        transaction: &'t Transaction<'t>,
        known: &'k mut Known,
        begun: Option<Begun>,
    ) -> Self {
        Self {
            transaction,
            known,
            sums: Sums::default(),
            traces: HashMap::new(),
            begun,
        }
    }

    pub(super) fn batch(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        batch.groups.iter().try_for_each(|group| self.group(group))
    }

    pub(super) fn end(mut self) -> rusqlite::Result<Option<Begun>> {
        self.sums.write(self.transaction)?;
        // Names of what was there already.
        evict::forget(self.transaction, &self.sums, self.known)?;
        Ok(self.begun)
    }

    fn group(&mut self, group: &Group) -> rusqlite::Result<()> {
        if group.spans.is_empty() && group.logs.is_empty() {
            return Ok(());
        }
        let service = self.known.service(self.transaction, &group.service)?;
        let origin = self.known.origin(self.transaction, service, group)?;
        let mut uses = 0;
        let mut parts: HashMap<i64, Part> = HashMap::new();
        for span in &group.spans {
            let trace = self.trace(span)?;
            if self.span(trace, service, span)? {
                let part = parts.entry(trace).or_default();
                part.trace_id = Some(span.trace_id);
                part.bodies.extend(&span.body);
                if let Some(begun) = &mut self.begun
                    && span.parent.is_none()
                {
                    begun.add(&group.service, &span.name);
                }
            }
        }
        for (trace, part) in &parts {
            self.part(*trace, (service, origin), part, group)?;
            uses += 1;
        }
        for log in &group.logs {
            if self.log(service, origin, log)? {
                self.sums
                    .charge_log(service, sums::log_weight(log.body.len() as i64));
                uses += 1;
            }
        }
        *self.sums.origins.entry(origin).or_default() += uses;
        Ok(())
    }

    fn trace(&mut self, span: &Ready) -> rusqlite::Result<i64> {
        if let Some(number) = self.traces.get(&span.trace_id) {
            return Ok(*number);
        }
        let TraceId(id) = span.trace_id;
        let known = self
            .transaction
            .prepare_cached("SELECT id FROM trace WHERE trace_id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        let number = match known {
            Some(known) => known,
            None => self
                .transaction
                .prepare_cached(
                    "INSERT INTO trace (trace_id, start, finish, spans, errors)
                     VALUES (?1, ?2, ?3, 0, 0)",
                )?
                .insert(params![id, span.start, span.finish])?,
        };
        self.traces.insert(span.trace_id, number);
        Ok(number)
    }

    /// Whether it is new.
    fn span(&mut self, trace: i64, service: i64, span: &Ready) -> rusqlite::Result<bool> {
        let operation = self
            .known
            .operation(self.transaction, service, span.kind, &span.name)?;
        let peer = span.peer.as_ref().map(Peer::written);
        let peer = peer.as_deref().map(words::name);
        let rows = self
            .transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO span
                 (trace, span_id, print, parent, service, operation, kind, start, finish, error, peer)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                trace,
                span.span_id.number(),
                span.print,
                span.parent.map(|parent| parent.number()),
                service,
                operation,
                span.kind,
                span.start,
                span.finish,
                span.is_error,
                peer,
            ])?;
        if rows == 1 {
            self.sums.add((trace, service, operation), span, peer);
        } else {
            self.sums.operations.entry(operation).or_default();
        }
        Ok(rows == 1)
    }

    fn part(
        &mut self,
        trace: i64,
        (service, origin): (i64, i64),
        part: &Part,
        group: &Group,
    ) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("INSERT INTO body (trace, origin, spans) VALUES (?1, ?2, ?3)")?
            .execute(params![trace, origin, part.bodies])?;
        let sketch = part.trace_id.map_or(&[][..], |id| group.sketches.get(id));
        self.transaction
            .prepare_cached("INSERT INTO sketch (trace, bits) VALUES (?1, ?2)")?
            .execute(params![trace, sketch])?;
        self.sums.add_part(trace, service, sketch.len());
        Ok(())
    }

    /// Whether it is new.
    fn log(&self, service: i64, origin: i64, log: &ReadyLog) -> rusqlite::Result<bool> {
        let rows = self
            .transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO log
                 (print, trace_id, span_id, time, severity, service, origin, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                log.print ^ origin,
                log.trace_id.map(|id| id.0),
                log.span_id.map(|id| id.0),
                log.time,
                log.severity,
                service,
                origin,
                log.body,
            ])?;
        Ok(rows == 1)
    }
}
