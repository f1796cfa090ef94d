//! Sums over many traces: for the map and the overview.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rusqlite::Connection;

use super::{Store, StoreError};
use crate::batch::text;

/// Calls of one node of the map to another.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) from: Arc<str>,
    pub(crate) to: Peer,
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    /// Nanoseconds that each took, as the caller saw it where the caller made a span; sorted.
    pub(crate) durations: Vec<u64>,
}

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Peer {
    Service(Arc<str>),
    Database(String),
    Queue(String),
    /// Somebody who sends no spans.
    Unknown(String),
}

/// Requests of an operation that begins a service's part of a trace.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) service: String,
    pub(crate) name: String,
    /// When each began, how long it took, and whether it failed; by the beginning.
    pub(crate) requests: Vec<(i64, u64, bool)>,
}

/// Who calls from outside.
pub(crate) const OUTSIDE: &str = "user";
/// As many spans are looked at at most: the newest.
const MOST: i64 = 200_000;

const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

impl Store {
    /// The calls in traces that began between these, in nanoseconds since 1970.
    pub(crate) async fn edges(&self, from: i64, to: i64) -> Result<Vec<Edge>, StoreError> {
        self.read(move |store| edges(store, from, to)).await
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

    /// The requests that began between these, by service and operation.
    pub(crate) async fn routes(&self, from: i64, to: i64) -> Result<Vec<Route>, StoreError> {
        self.read(move |store| routes(store, from, to)).await
    }
}

struct Seen {
    trace: i64,
    id: [u8; 8],
    parent: Option<[u8; 8]>,
    service: Arc<str>,
    kind: i32,
    duration: u64,
    is_error: bool,
    row: i64,
}

fn edges(store: &Connection, from: i64, to: i64) -> rusqlite::Result<Vec<Edge>> {
    let mut names: HashMap<i64, Arc<str>> = HashMap::new();
    let mut statement = store.prepare_cached(
        "SELECT span.trace, span_id, parent, operation.service, service.name, operation.kind,
                span.finish - span.start, error, span.id
         FROM trace JOIN span ON span.trace = trace.id
         JOIN operation ON operation.id = operation
         JOIN service ON service.id = operation.service
         WHERE trace.start BETWEEN ?1 AND ?2 ORDER BY trace.start DESC LIMIT ?3",
    )?;
    let mut rows = statement.query([from, to, MOST])?;
    let mut spans = Vec::new();
    while let Some(row) = rows.next()? {
        let service = match names.get(&row.get(3)?) {
            Some(name) => Arc::clone(name),
            None => {
                let name: Arc<str> = Arc::from(row.get::<_, String>(4)?);
                names.insert(row.get(3)?, Arc::clone(&name));
                name
            }
        };
        spans.push(Seen {
            trace: row.get(0)?,
            id: row.get(1)?,
            parent: row.get(2)?,
            service,
            kind: row.get(5)?,
            duration: row.get::<_, i64>(6)?.cast_unsigned(),
            is_error: row.get(7)?,
            row: row.get(8)?,
        });
    }
    pair(store, &spans)
}

/// A client's span and the server's below it are one call; a client's alone is a call of somebody who sends no spans.
fn pair(store: &Connection, spans: &[Seen]) -> rusqlite::Result<Vec<Edge>> {
    let by_id: HashMap<_, _> = spans
        .iter()
        .map(|span| ((span.trace, span.id), span))
        .collect();
    let mut answered = std::collections::HashSet::new();
    let mut edges: BTreeMap<(Arc<str>, Peer), Edge> = BTreeMap::new();
    let mut add = |from: &Arc<str>, to: Peer, duration, is_error| {
        let edge = edges
            .entry((Arc::clone(from), to.clone()))
            .or_insert_with(|| Edge {
                from: Arc::clone(from),
                to,
                calls: 0,
                errors: 0,
                durations: Vec::new(),
            });
        edge.calls += 1;
        edge.errors += u64::from(is_error);
        edge.durations.push(duration);
    };
    let outside: Arc<str> = Arc::from(OUTSIDE);
    for span in spans {
        let parent = span
            .parent
            .and_then(|parent| by_id.get(&(span.trace, parent)));
        match parent {
            Some(parent) if parent.service != span.service => {
                answered.insert((parent.trace, parent.id));
                let seen = if matches!(parent.kind, CLIENT | PRODUCER) {
                    parent
                } else {
                    span
                };
                let to = Peer::Service(Arc::clone(&span.service));
                add(
                    &parent.service,
                    to,
                    seen.duration,
                    seen.is_error || span.is_error,
                );
            }
            // A service may call itself.
            Some(parent) if span.kind == SERVER && parent.kind == CLIENT => {
                answered.insert((parent.trace, parent.id));
                let to = Peer::Service(Arc::clone(&span.service));
                add(
                    &parent.service,
                    to,
                    parent.duration,
                    parent.is_error || span.is_error,
                );
            }
            None if matches!(span.kind, SERVER | CONSUMER | INTERNAL) && span.parent.is_none() => {
                let to = Peer::Service(Arc::clone(&span.service));
                add(&outside, to, span.duration, span.is_error);
            }
            _ => {}
        }
    }
    for span in spans {
        if matches!(span.kind, CLIENT | PRODUCER) && !answered.contains(&(span.trace, span.id)) {
            let to = peer(store, span)?;
            add(&span.service, to, span.duration, span.is_error);
        }
    }
    let mut edges: Vec<_> = edges.into_values().collect();
    for edge in &mut edges {
        edge.durations.sort_unstable();
    }
    Ok(edges)
}

/// Whom a span says it calls.
fn peer(store: &Connection, span: &Seen) -> rusqlite::Result<Peer> {
    let body: Vec<u8> = store
        .prepare_cached("SELECT body FROM span WHERE id = ?1")?
        .query_row([span.row], |row| row.get(0))?;
    let decoded = Span::decode(&*body).unwrap_or_default();
    let value = |wanted: &[&str]| {
        wanted.iter().find_map(|key| {
            let found = decoded.attributes.iter().find(|known| known.key == *key)?;
            found.value.as_ref().map(text)
        })
    };
    if let Some(system) = value(&["db.system.name", "db.system"]) {
        let name = value(&["db.namespace", "db.name", "server.address"]);
        return Ok(Peer::Database(name.map_or_else(
            || system.clone(),
            |name| format!("{system} {name}"),
        )));
    }
    if let Some(name) = value(&["messaging.destination.name"]) {
        return Ok(Peer::Queue(name));
    }
    let name = value(&[
        "server.service.name",
        "service.peer.name",
        "peer.service",
        "server.address",
    ]);
    Ok(Peer::Unknown(name.unwrap_or_else(|| "unknown".to_owned())))
}

fn routes(store: &Connection, from: i64, to: i64) -> rusqlite::Result<Vec<Route>> {
    let mut statement = store.prepare_cached(
        "SELECT service.name, operation.name, span.start, span.finish - span.start, error
         FROM operation JOIN service ON service.id = operation.service
         JOIN span ON span.operation = operation.id
         WHERE operation.kind IN (2, 5) AND span.start BETWEEN ?1 AND ?2
         ORDER BY service.name, operation.name, span.start LIMIT ?3",
    )?;
    let mut rows = statement.query([from, to, MOST])?;
    let mut routes: Vec<Route> = Vec::new();
    while let Some(row) = rows.next()? {
        let (service, name): (String, String) = (row.get(0)?, row.get(1)?);
        let request = (
            row.get(2)?,
            row.get::<_, i64>(3)?.cast_unsigned(),
            row.get(4)?,
        );
        match routes.last_mut() {
            Some(route) if route.service == service && route.name == name => {
                route.requests.push(request);
            }
            _ => routes.push(Route {
                service,
                name,
                requests: vec![request],
            }),
        }
    }
    Ok(routes)
}

/// The value that this share of them is not above; they are sorted.
pub(crate) fn quantile(sorted: &[u64], share: f64) -> u64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}
