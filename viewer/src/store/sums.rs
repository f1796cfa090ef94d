//! What a transaction adds to its traces, services and names: written once, at its end.

use std::collections::HashMap;

use rusqlite::{Statement, Transaction, params};

use crate::batch::Ready;

#[derive(Debug, Default)]
pub(super) struct Sums {
    traces: HashMap<i64, Sum>,
    /// By trace and service.
    parts: HashMap<(i64, i64), Part>,
    services: HashMap<i64, Weight>,
    /// How many rows more, or fewer, name these.
    pub(super) operations: HashMap<i64, i64>,
    pub(super) origins: HashMap<i64, i64>,
}

#[derive(Debug)]
struct Sum {
    start: i64,
    finish: i64,
    spans: i64,
    errors: i64,
}

/// A service's part in a trace.
#[derive(Debug, Default)]
struct Part {
    spans: i64,
    errors: i64,
    bytes: i64,
}

#[derive(Debug, Default)]
struct Weight {
    all: i64,
    logs: i64,
    names: i64,
}

/// What a span, a log or a name weighs besides its text: rows and indexes.
const ROW: i64 = 200;
/// As much for what comes together of a trace: its body, its filter, and their share of the trace's own rows.
const PART: i64 = 200;

/// Of a log, whose body is as long.
pub(super) fn log_weight(body: i64) -> i64 {
    body + ROW
}

impl Sums {
    /// `text` is what is kept of it besides its body.
    pub(super) fn add(
        &mut self,
        (trace, service, operation): (i64, i64, i64),
        span: &Ready,
        text: Option<&str>,
    ) {
        let errors = i64::from(span.is_error);
        let bytes = (span.body.len() + text.map_or(0, str::len)) as i64 + ROW;
        let sum = self.traces.entry(trace).or_insert(Sum {
            start: span.start,
            finish: span.finish,
            spans: 0,
            errors: 0,
        });
        sum.start = sum.start.min(span.start);
        sum.finish = sum.finish.max(span.finish);
        sum.spans += 1;
        sum.errors += errors;
        let part = self.parts.entry((trace, service)).or_default();
        part.spans += 1;
        part.errors += errors;
        part.bytes += bytes;
        *self.operations.entry(operation).or_default() += 1;
        self.charge(service, bytes);
    }

    /// What came together of a trace's spans, which can be found by a filter that is as long.
    pub(super) fn add_part(&mut self, trace: i64, service: i64, filter: usize) {
        let bytes = filter as i64 + PART;
        self.parts.entry((trace, service)).or_default().bytes += bytes;
        self.charge(service, bytes);
    }

    pub(super) fn charge(&mut self, service: i64, bytes: i64) {
        self.services.entry(service).or_default().all += bytes;
    }

    pub(super) fn charge_log(&mut self, service: i64, bytes: i64) {
        let weight = self.services.entry(service).or_default();
        weight.all += bytes;
        weight.logs += bytes;
    }

    pub(super) fn write(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut statement = transaction.prepare_cached(
            "UPDATE trace SET start = min(start, ?2), finish = max(finish, ?3),
             spans = spans + ?4, errors = errors + ?5 WHERE id = ?1",
        )?;
        for (trace, sum) in &self.traces {
            statement.execute(params![trace, sum.start, sum.finish, sum.spans, sum.errors])?;
        }
        let mut statement = transaction.prepare_cached(
            "INSERT INTO trace_service (trace, service, spans, errors, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (trace, service) DO UPDATE SET spans = spans + excluded.spans,
             errors = errors + excluded.errors, bytes = bytes + excluded.bytes",
        )?;
        for ((trace, service), part) in &self.parts {
            statement.execute(params![trace, service, part.spans, part.errors, part.bytes])?;
        }
        let mut names = HashMap::new();
        let mut statement = transaction.prepare_cached(
            "UPDATE operation SET uses = uses + ?2 WHERE id = ?1
             RETURNING service, uses, octet_length(name)",
        )?;
        count(&mut statement, &self.operations, &mut names)?;
        let mut statement = transaction.prepare_cached(
            "UPDATE origin SET uses = uses + ?2 WHERE id = ?1
             RETURNING service, uses, length(resource) + length(scope)",
        )?;
        count(&mut statement, &self.origins, &mut names)?;
        for (service, bytes) in names {
            let weight = self.services.entry(service).or_default();
            weight.all += bytes;
            weight.names += bytes;
        }
        let mut statement = transaction.prepare_cached(
            "UPDATE service SET bytes = max(0, bytes + ?2), log_bytes = max(0, log_bytes + ?3),
             name_bytes = max(0, name_bytes + ?4) WHERE id = ?1",
        )?;
        for (service, weight) in &self.services {
            statement.execute(params![service, weight.all, weight.logs, weight.names])?;
        }
        Ok(())
    }
}

/// Counts the uses of names, and what the first and the last use of one change in what is charged to its service.
fn count(
    statement: &mut Statement<'_>,
    more: &HashMap<i64, i64>,
    charges: &mut HashMap<i64, i64>,
) -> rusqlite::Result<()> {
    for (name, more) in more {
        let mut rows = statement.query([name, more])?;
        while let Some(row) = rows.next()? {
            let (service, uses): (i64, i64) = (row.get(0)?, row.get(1)?);
            let bytes = row.get::<_, i64>(2)? + ROW;
            let was_used = uses > *more;
            *charges.entry(service).or_default() += match (was_used, uses > 0) {
                (false, true) => bytes,
                (true, false) => -bytes,
                _ => 0,
            };
        }
    }
    Ok(())
}
