//! What can be asked of the store.

use std::{collections::HashMap, sync::Arc};

use opentelemetry_proto::tonic::{
    common::v1::InstrumentationScope, logs::v1::LogRecord, resource::v1::Resource, trace::v1::Span,
};
use prost::Message;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};

use super::{Store, StoreError};
use crate::ids::{SpanId, TraceId};

/// Which traces are looked for. All that is said must hold; the newest come first.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Search {
    /// The trace has a span of this service.
    pub service: Option<String>,
    /// … and of this operation; of that service, if one is said.
    pub operation: Option<String>,
    /// Attributes of spans, events or resources, with these values.
    pub tags: Vec<(String, String)>,
    /// Some attribute's value, or an operation's name, has this text in it, in any case.
    pub text: Option<String>,
    /// Nanoseconds from the first start to the last end.
    pub shortest: Option<i64>,
    /// As `shortest`.
    pub longest: Option<i64>,
    /// Some span failed.
    pub errors_only: bool,
    /// When the trace began, in nanoseconds since 1970.
    pub from: Option<i64>,
    /// As `from`.
    pub to: Option<i64>,
    /// As many at most.
    pub limit: usize,
}

/// A trace as a search finds it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Found {
    /// Its id.
    pub id: TraceId,
    /// Nanoseconds since 1970.
    pub start: i64,
    /// As `start`.
    pub finish: i64,
    /// How many spans it has by now.
    pub spans: i64,
    /// How many of them failed.
    pub errors: i64,
    /// How many have a parent that is not there.
    pub orphans: i64,
    /// The service and the name of the span that began it.
    pub root: (String, String),
    /// Spans and errors of each service, by name.
    pub services: Vec<Tally>,
}

/// A service's part in a trace.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tally {
    /// The service's name.
    pub service: String,
    /// Its spans.
    pub spans: i64,
    /// Its spans that failed.
    pub errors: i64,
}

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

impl Store {
    /// Names of all services, in order.
    pub(crate) async fn services(&self) -> Result<Vec<String>, StoreError> {
        self.read(|store| {
            store
                .prepare_cached(
                    "SELECT name FROM service WHERE EXISTS
                     (SELECT 1 FROM trace_service WHERE service = service.id) ORDER BY name",
                )?
                .query_map([], |row| row.get(0))?
                .collect()
        })
        .await
    }

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

    /// Names and kinds of the operations of a service, in order.
    pub(crate) async fn operations(
        &self,
        service: String,
    ) -> Result<Vec<(String, i32)>, StoreError> {
        self.read(move |store| {
            store
                .prepare_cached(
                    "SELECT name, kind FROM operation
                     WHERE service = (SELECT id FROM service WHERE name = ?1) ORDER BY name, kind",
                )?
                .query_map([service], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .await
    }

    /// The traces for which all of this holds.
    pub(crate) async fn search(&self, search: Search) -> Result<Vec<Found>, StoreError> {
        self.read(move |store| find(store, &search)).await
    }

    /// All that is there of a trace; `None` if nothing is.
    pub(crate) async fn trace(&self, id: TraceId) -> Result<Option<Whole>, StoreError> {
        self.read(move |store| whole(store, id)).await
    }
}

fn find(store: &Connection, search: &Search) -> rusqlite::Result<Vec<Found>> {
    let mut conditions = Vec::new();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut add = |condition: &str, value: Box<dyn ToSql>| {
        values.push(value);
        conditions.push(condition.replace('?', &format!("?{}", values.len())));
    };
    match (&search.service, &search.operation) {
        (Some(service), None) => add(
            "trace.id IN (SELECT trace FROM trace_service
             WHERE service = (SELECT id FROM service WHERE name = ?))",
            Box::new(service.clone()),
        ),
        (Some(service), Some(operation)) => {
            add(
                "trace.id IN (SELECT trace FROM span WHERE operation IN
                 (SELECT id FROM operation WHERE name = ?",
                Box::new(operation.clone()),
            );
            add(
                "service = (SELECT id FROM service WHERE name = ?)))",
                Box::new(service.clone()),
            );
        }
        (None, Some(operation)) => add(
            "trace.id IN (SELECT trace FROM span WHERE operation IN
             (SELECT id FROM operation WHERE name = ?))",
            Box::new(operation.clone()),
        ),
        (None, None) => {}
    }
    for (key, value) in &search.tags {
        add(
            "trace.id IN (SELECT trace FROM trace_tag WHERE tag IN (SELECT id FROM tag WHERE key = ?",
            Box::new(key.clone()),
        );
        add("value = ?))", Box::new(value.clone()));
    }
    if let Some(text) = &search.text {
        let like = format!("%{}%", escape_like(text));
        add(
            "(trace.id IN (SELECT trace FROM trace_tag WHERE tag IN
             (SELECT id FROM tag WHERE value LIKE ? ESCAPE '\\'))",
            Box::new(like.clone()),
        );
        let names = conditions_or(&mut values, &like);
        if let Some(last) = conditions.last_mut() {
            last.push_str(&names);
        }
    }
    let mut add = |condition: &str, value: Box<dyn ToSql>| {
        values.push(value);
        conditions.push(condition.replace('?', &format!("?{}", values.len())));
    };
    if let Some(shortest) = search.shortest {
        add("finish - start >= ?", Box::new(shortest));
    }
    if let Some(longest) = search.longest {
        add("finish - start <= ?", Box::new(longest));
    }
    if let Some(from) = search.from {
        add("start >= ?", Box::new(from));
    }
    if let Some(to) = search.to {
        add("start <= ?", Box::new(to));
    }
    if search.errors_only {
        conditions.push("errors > 0".to_owned());
    }
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!("WHERE {}", conditions.join(" AND "))
    };
    let query = format!(
        "SELECT id, trace_id, start, finish, spans, errors FROM trace {filter}
         ORDER BY start DESC LIMIT {}",
        search.limit
    );
    let mut statement = store.prepare_cached(&query)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(summary(store, row)?);
    }
    Ok(found)
}

/// A text in a name of an operation does as well.
fn conditions_or(values: &mut Vec<Box<dyn ToSql>>, like: &str) -> String {
    values.push(Box::new(like.to_owned()));
    format!(
        " OR trace.id IN (SELECT trace FROM span WHERE operation IN
         (SELECT id FROM operation WHERE name LIKE ?{} ESCAPE '\\')))",
        values.len()
    )
}

fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

fn summary(store: &Connection, row: &Row<'_>) -> rusqlite::Result<Found> {
    let number: i64 = row.get(0)?;
    let root = store
        .prepare_cached(
            "SELECT service.name, operation.name FROM span
             JOIN operation ON operation.id = span.operation
             JOIN service ON service.id = operation.service
             WHERE trace = ?1 ORDER BY parent IS NOT NULL, span.start LIMIT 1",
        )?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    let services = store
        .prepare_cached(
            "SELECT service.name, spans, errors FROM trace_service
             JOIN service ON service.id = service WHERE trace = ?1 ORDER BY service.name",
        )?
        .query_map([number], |row| {
            Ok(Tally {
                service: row.get(0)?,
                spans: row.get(1)?,
                errors: row.get(2)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let orphans = store
        .prepare_cached(
            "SELECT count(*) FROM span WHERE trace = ?1 AND parent IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM span AS other WHERE other.trace = ?1 AND other.span_id = span.parent)",
        )?
        .query_row([number], |row| row.get(0))?;
    Ok(Found {
        id: TraceId(row.get(1)?),
        start: row.get(2)?,
        finish: row.get(3)?,
        spans: row.get(4)?,
        errors: row.get(5)?,
        orphans,
        root,
        services,
    })
}

fn whole(store: &Connection, id: TraceId) -> rusqlite::Result<Option<Whole>> {
    let mut origins = Origins::default();
    let mut whole = Whole::default();
    let mut statement = store.prepare_cached(
        "SELECT origin, body FROM span WHERE trace = (SELECT id FROM trace WHERE trace_id = ?1)
         ORDER BY start, id",
    )?;
    let mut rows = statement.query([id.0])?;
    while let Some(row) = rows.next()? {
        let (service, resource, scope) = origins.get(store, row.get(0)?)?;
        // It was a span when it was stored.
        let span = Span::decode(row.get_ref(1)?.as_blob()?).unwrap_or_default();
        whole.spans.push(Stored {
            service,
            resource,
            scope,
            span,
        });
    }
    let mut statement = store.prepare_cached(
        "SELECT origin, span_id, time, body FROM log WHERE trace_id = ?1 ORDER BY time, id",
    )?;
    let mut rows = statement.query(params![id.0])?;
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
