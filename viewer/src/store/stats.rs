//! Sums over many traces: for the map and the overview.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use rusqlite::Connection;

pub(crate) use super::peer::Peer;
use super::{Store, StoreError};

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
const MOST: usize = 200_000;

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

/// A span of a trace that is looked at; its service by number.
#[derive(Debug)]
pub(super) struct Seen {
    id: i64,
    parent: Option<i64>,
    pub(super) service: i64,
    kind: i32,
    duration: u64,
    pub(super) is_error: bool,
    peer: Option<String>,
}

/// Spans of each trace that began between these, by their ids: traces that came last are first.
pub(super) fn each_trace(
    store: &Connection,
    from: i64,
    to: i64,
    mut tell: impl FnMut(&[Seen]),
) -> rusqlite::Result<()> {
    let traces: HashSet<i64> = store
        .prepare_cached("SELECT id FROM trace WHERE start BETWEEN ?1 AND ?2")?
        .query_map([from, to], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let range = (traces.iter().min().copied(), traces.iter().max().copied());
    // One walk over the table is faster than a search for each trace.
    let mut statement = store.prepare_cached(
        "SELECT trace, span_id, parent, service, kind, finish - start, error, peer
         FROM span WHERE trace BETWEEN ?1 AND ?2 ORDER BY trace DESC, span_id DESC, print DESC",
    )?;
    let mut rows = statement.query([range.0, range.1])?;
    let mut spans = Vec::new();
    let mut current = None;
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        let trace: i64 = row.get(0)?;
        if current != Some(trace) {
            spans.reverse();
            tell(&spans);
            spans.clear();
            current = traces.contains(&trace).then_some(trace);
            if seen >= MOST {
                break;
            }
        }
        if current.is_none() {
            continue;
        }
        seen += 1;
        spans.push(Seen {
            id: row.get(1)?,
            parent: row.get(2)?,
            service: row.get(3)?,
            kind: row.get(4)?,
            duration: row.get::<_, i64>(5)?.cast_unsigned(),
            is_error: row.get(6)?,
            peer: row.get(7)?,
        });
    }
    spans.reverse();
    tell(&spans);
    Ok(())
}

/// The span's parent, among those of its trace.
pub(super) fn parent<'s>(spans: &'s [Seen], span: &Seen) -> Option<&'s Seen> {
    let parent = span.parent?;
    let at = spans.binary_search_by_key(&parent, |other| other.id).ok()?;
    spans.get(at)
}

/// Names of the services, by number.
pub(super) fn services(store: &Connection) -> rusqlite::Result<HashMap<i64, Arc<str>>> {
    store
        .prepare_cached("SELECT id, name FROM service")?
        .query_map([], |row| {
            Ok((row.get(0)?, Arc::from(row.get::<_, String>(1)?)))
        })?
        .collect()
}

/// Calls while they are counted: services by number.
#[derive(Default)]
struct Counted {
    calls: HashMap<(Option<i64>, Callee), Edge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Callee {
    Service(i64),
    Peer(String),
}

fn edges(store: &Connection, from: i64, to: i64) -> rusqlite::Result<Vec<Edge>> {
    let names = services(store)?;
    let mut counted = Counted::default();
    each_trace(store, from, to, |spans| counted.pair(spans))?;
    let name = |service: &i64| names.get(service).map_or_else(|| Arc::from(""), Arc::clone);
    let mut edges: BTreeMap<(Arc<str>, Peer), Edge> = BTreeMap::new();
    for ((caller, callee), mut edge) in counted.calls {
        edge.from = caller.map_or_else(|| Arc::from(OUTSIDE), |caller| name(&caller));
        edge.to = match callee {
            Callee::Service(service) => Peer::Service(name(&service)),
            Callee::Peer(text) => Peer::read(&text),
        };
        edge.durations.sort_unstable();
        edges.insert((Arc::clone(&edge.from), edge.to.clone()), edge);
    }
    Ok(edges.into_values().collect())
}

impl Counted {
    /// A client's span and the server's below it are one call; a client's alone is a call of somebody who sends no spans.
    fn pair(&mut self, spans: &[Seen]) {
        let mut answered = HashSet::new();
        for span in spans {
            let callee = Callee::Service(span.service);
            match parent(spans, span) {
                Some(parent) if parent.service != span.service => {
                    answered.insert(parent.id);
                    let seen = if matches!(parent.kind, CLIENT | PRODUCER) {
                        parent
                    } else {
                        span
                    };
                    let is_error = seen.is_error || span.is_error;
                    self.add(Some(parent.service), callee, seen.duration, is_error);
                }
                // A service may call itself.
                Some(parent) if span.kind == SERVER && parent.kind == CLIENT => {
                    answered.insert(parent.id);
                    let is_error = parent.is_error || span.is_error;
                    self.add(Some(parent.service), callee, parent.duration, is_error);
                }
                None if matches!(span.kind, SERVER | CONSUMER | INTERNAL)
                    && span.parent.is_none() =>
                {
                    self.add(None, callee, span.duration, span.is_error);
                }
                _ => {}
            }
        }
        for span in spans {
            if matches!(span.kind, CLIENT | PRODUCER) && !answered.contains(&span.id) {
                let callee = Callee::Peer(span.peer.clone().unwrap_or_default());
                self.add(Some(span.service), callee, span.duration, span.is_error);
            }
        }
    }

    fn add(&mut self, from: Option<i64>, to: Callee, duration: u64, is_error: bool) {
        let edge = self.calls.entry((from, to)).or_insert_with(|| Edge {
            from: Arc::from(OUTSIDE),
            to: Peer::Unknown(String::new()),
            calls: 0,
            errors: 0,
            durations: Vec::new(),
        });
        edge.calls += 1;
        edge.errors += u64::from(is_error);
        edge.durations.push(duration);
    }
}

fn routes(store: &Connection, from: i64, to: i64) -> rusqlite::Result<Vec<Route>> {
    let operations: Vec<(i64, String, String)> = store
        .prepare_cached(
            "SELECT operation.id, service.name, operation.name
             FROM operation JOIN service ON service.id = operation.service
             WHERE kind IN (2, 5) ORDER BY service.name, operation.name",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let mut statement = store.prepare_cached(
        "SELECT start, finish - start, error FROM span
         WHERE operation = ?1 AND kind IN (2, 5) AND start BETWEEN ?2 AND ?3
         ORDER BY start DESC LIMIT ?4",
    )?;
    let mut routes: Vec<Route> = Vec::new();
    for (operation, service, name) in operations {
        let mut requests = statement
            .query_map([operation, from, to, MOST as i64], |row| {
                Ok((
                    row.get(0)?,
                    row.get::<_, i64>(1)?.cast_unsigned(),
                    row.get(2)?,
                ))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        if requests.is_empty() {
            continue;
        }
        requests.reverse();
        match routes.last_mut() {
            // Of the other kind.
            Some(route) if route.service == service && route.name == name => {
                route.requests.extend(requests);
                route.requests.sort_unstable();
            }
            _ => routes.push(Route {
                service,
                name,
                requests,
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
