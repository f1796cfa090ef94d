//! The one thread that writes.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::{oneshot, watch};

use super::{Order, StoreError, evict};
use crate::{
    batch::{Batch, Group, Ready, ReadyLog},
    ids::TraceId,
};

#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    limit: u64,
    waiting: Arc<AtomicU64>,
    changed: watch::Sender<u64>,
    known: Known,
}

/// Numbers of texts that were met before.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) services: HashMap<String, i64>,
    pub(super) origins: HashMap<i64, i64>,
    pub(super) operations: HashMap<(i64, i32, String), i64>,
    pub(super) tags: HashMap<(String, String), i64>,
}

/// What a transaction adds to its traces.
#[derive(Debug, Default)]
struct Sums {
    traces: HashMap<i64, Sum>,
    services: HashMap<(i64, i64), Part>,
    bytes: HashMap<i64, i64>,
    tagged: HashSet<(i64, i64)>,
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

/// Requests that are committed together at most.
const TOGETHER: usize = 64;
/// What a span weighs besides its body: rows and indexes.
const ROW: usize = 200;
/// Texts remembered at most.
const REMEMBERED: usize = 200_000;

type Answer = oneshot::Sender<Result<(), StoreError>>;

impl Writer {
    pub(super) fn new(
        connection: Connection,
        limit: u64,
        waiting: Arc<AtomicU64>,
        changed: watch::Sender<u64>,
    ) -> Self {
        Self {
            connection,
            limit,
            waiting,
            changed,
            known: Known::default(),
        }
    }

    /// Until nobody can give orders any more.
    pub(super) fn run(mut self, orders: &mpsc::Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            let mut batches = Vec::new();
            let mut next = Some(first);
            let mut clear = None;
            while let Some(order) = next {
                match order {
                    Order::Write(batch, answer) => batches.push((batch, answer)),
                    Order::Clear(answer) => {
                        clear = Some(answer);
                        break;
                    }
                }
                next = (batches.len() < TOGETHER)
                    .then(|| orders.try_recv().ok())
                    .flatten();
            }
            if !batches.is_empty() {
                self.write(batches);
            }
            if let Some(answer) = clear {
                self.known = Known::default();
                let cleared = evict::clear(&mut self.connection).map_err(StoreError::from);
                // Whoever asked may have left.
                answer.send(cleared).ok();
            }
            self.changed.send_modify(|changes| *changes += 1);
        }
    }

    /// Together if they go, else each alone, so that one that fails takes no other with it.
    fn write(&mut self, batches: Vec<(Batch, Answer)>) {
        let weight: usize = batches.iter().map(|(batch, _)| batch.weight()).sum();
        match self.commit(batches.iter().map(|(batch, _)| batch)) {
            Ok(()) => {
                for (_, answer) in batches {
                    answer.send(Ok(())).ok();
                }
            }
            Err(_) => {
                // The transaction took back numbers that are remembered.
                self.known = Known::default();
                for (batch, answer) in batches {
                    let result = self.commit([&batch]);
                    if result.is_err() {
                        self.known = Known::default();
                    }
                    answer.send(result.map_err(StoreError::from)).ok();
                }
            }
        }
        self.waiting.fetch_sub(weight as u64, Relaxed);
        // The next commit tries again.
        evict::make_room(&mut self.connection, self.limit, &mut self.known).ok();
        if self.known.tags.len() > REMEMBERED || self.known.operations.len() > REMEMBERED {
            self.known = Known::default();
        }
    }

    fn commit<'b>(&mut self, batches: impl IntoIterator<Item = &'b Batch>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let mut sums = Sums::default();
        for group in batches.into_iter().flat_map(|batch| &batch.groups) {
            store(&transaction, &mut self.known, &mut sums, group)?;
        }
        sums.write(&transaction)?;
        transaction.commit()
    }
}

fn store(
    transaction: &Transaction<'_>,
    known: &mut Known,
    sums: &mut Sums,
    group: &Group,
) -> rusqlite::Result<()> {
    if group.spans.is_empty() && group.logs.is_empty() {
        return Ok(());
    }
    let service = known.service(transaction, &group.service)?;
    let origin = known.origin(transaction, service, group)?;
    let mut shared = Vec::new();
    if !group.spans.is_empty() {
        for tag in &group.tags {
            shared.push(known.tag(transaction, tag)?);
        }
    }
    for span in &group.spans {
        let trace = trace(transaction, span)?;
        let operation = known.operation(transaction, service, span.kind, &span.name)?;
        let is_new = transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO span
                 (trace, span_id, print, parent, origin, operation, start, finish, error, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                trace,
                span.span_id.0,
                span.print,
                span.parent.map(|parent| parent.0),
                origin,
                operation,
                span.start,
                span.finish,
                span.is_error,
                span.body,
            ])?
            == 1;
        if !is_new {
            continue;
        }
        sums.add(trace, service, span);
        for tag in &span.tags {
            let tag = known.tag(transaction, tag)?;
            sums.tag(transaction, trace, tag)?;
        }
        for tag in &shared {
            sums.tag(transaction, trace, *tag)?;
        }
    }
    for log in &group.logs {
        if insert_log(transaction, origin, log)? {
            *sums.bytes.entry(service).or_default() += (log.body.len() + ROW) as i64;
        }
    }
    Ok(())
}

fn trace(transaction: &Transaction<'_>, span: &Ready) -> rusqlite::Result<i64> {
    let TraceId(id) = span.trace_id;
    let known = transaction
        .prepare_cached("SELECT id FROM trace WHERE trace_id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    transaction
        .prepare_cached(
            "INSERT INTO trace (trace_id, start, finish, spans, errors) VALUES (?1, ?2, ?3, 0, 0)",
        )?
        .insert(params![id, span.start, span.finish])
}

fn insert_log(
    transaction: &Transaction<'_>,
    origin: i64,
    log: &ReadyLog,
) -> rusqlite::Result<bool> {
    let rows = transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO log (print, trace_id, span_id, time, severity, origin, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            log.print ^ origin,
            log.trace_id.map(|id| id.0),
            log.span_id.map(|id| id.0),
            log.time,
            log.severity,
            origin,
            log.body,
        ])?;
    Ok(rows == 1)
}

impl Known {
    fn service(&mut self, transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.services.get(name) {
            return Ok(*id);
        }
        let id = transaction
            .prepare_cached(
                "INSERT INTO service (name) VALUES (?1)
                 ON CONFLICT (name) DO UPDATE SET name = name RETURNING id",
            )?
            .query_row([name], |row| row.get(0))?;
        self.services.insert(name.to_owned(), id);
        Ok(id)
    }

    fn origin(
        &mut self,
        transaction: &Transaction<'_>,
        service: i64,
        group: &Group,
    ) -> rusqlite::Result<i64> {
        if let Some(id) = self.origins.get(&group.print) {
            return Ok(*id);
        }
        let id = transaction
            .prepare_cached(
                "INSERT INTO origin (service, print, resource, scope) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (print) DO UPDATE SET service = service RETURNING id",
            )?
            .query_row(
                params![service, group.print, group.resource, group.scope],
                |row| row.get(0),
            )?;
        self.origins.insert(group.print, id);
        Ok(id)
    }

    fn operation(
        &mut self,
        transaction: &Transaction<'_>,
        service: i64,
        kind: i32,
        name: &str,
    ) -> rusqlite::Result<i64> {
        let key = (service, kind, name.to_owned());
        if let Some(id) = self.operations.get(&key) {
            return Ok(*id);
        }
        let id = transaction
            .prepare_cached(
                "INSERT INTO operation (service, name, kind) VALUES (?1, ?2, ?3)
                 ON CONFLICT (service, name, kind) DO UPDATE SET kind = kind RETURNING id",
            )?
            .query_row(params![service, name, kind], |row| row.get(0))?;
        self.operations.insert(key, id);
        Ok(id)
    }

    fn tag(
        &mut self,
        transaction: &Transaction<'_>,
        tag: &(String, String),
    ) -> rusqlite::Result<i64> {
        if let Some(id) = self.tags.get(tag) {
            return Ok(*id);
        }
        let (key, value) = tag;
        let id = transaction
            .prepare_cached(
                "INSERT INTO tag (key, value) VALUES (?1, ?2)
                 ON CONFLICT (key, value) DO UPDATE SET key = key RETURNING id",
            )?
            .query_row(params![key, value], |row| row.get(0))?;
        self.tags.insert(tag.clone(), id);
        Ok(id)
    }
}

impl Sums {
    fn add(&mut self, trace: i64, service: i64, span: &Ready) {
        let errors = i64::from(span.is_error);
        let bytes = (span.body.len() + ROW) as i64;
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
        let part = self.services.entry((trace, service)).or_default();
        part.spans += 1;
        part.errors += errors;
        part.bytes += bytes;
        *self.bytes.entry(service).or_default() += bytes;
    }

    fn tag(&mut self, transaction: &Transaction<'_>, trace: i64, tag: i64) -> rusqlite::Result<()> {
        if self.tagged.insert((trace, tag)) {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO trace_tag (trace, tag) VALUES (?1, ?2)")?
                .execute([trace, tag])?;
        }
        Ok(())
    }

    fn write(self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let mut statement = transaction.prepare_cached(
            "UPDATE trace SET start = min(start, ?2), finish = max(finish, ?3),
             spans = spans + ?4, errors = errors + ?5 WHERE id = ?1",
        )?;
        for (trace, sum) in self.traces {
            statement.execute(params![trace, sum.start, sum.finish, sum.spans, sum.errors])?;
        }
        let mut statement = transaction.prepare_cached(
            "INSERT INTO trace_service (trace, service, spans, errors, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (trace, service) DO UPDATE SET spans = spans + excluded.spans,
             errors = errors + excluded.errors, bytes = bytes + excluded.bytes",
        )?;
        for ((trace, service), part) in self.services {
            statement.execute(params![trace, service, part.spans, part.errors, part.bytes])?;
        }
        let mut statement =
            transaction.prepare_cached("UPDATE service SET bytes = bytes + ?2 WHERE id = ?1")?;
        for (service, bytes) in self.bytes {
            statement.execute(params![service, bytes])?;
        }
        Ok(())
    }
}
