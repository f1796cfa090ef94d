//! Who calls whom, how often and how long: for the map.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use rusqlite::Connection;

use super::{
    Store, StoreError,
    peer::Peer,
    seen::{self, CLIENT, SERVER, Seen},
};

/// Calls of one node of the map to another.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) from: Peer,
    pub(crate) to: Peer,
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    /// Nanoseconds that each took, as the caller saw it where the caller made a span; sorted.
    pub(crate) durations: Vec<u64>,
}

/// The calls of a time.
#[derive(Debug)]
pub(crate) struct Edges {
    pub(crate) edges: Vec<Edge>,
    /// When the first span that was looked at began, if there are more than are looked at.
    pub(crate) since: Option<i64>,
}

/// As many spans are looked at at most: those of the traces that came last.
const MOST: usize = 100_000;

const INTERNAL: i32 = 1;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

impl Store {
    /// The calls in traces that began between these, in nanoseconds since 1970.
    pub(crate) async fn edges(&self, from: i64, to: i64) -> Result<Edges, StoreError> {
        self.read(move |store| edges(store, from, to)).await
    }
}

/// Calls while they are counted: services by number.
#[derive(Debug, Default)]
struct Counted {
    calls: HashMap<(Caller, Callee), Edge>,
    since: Option<i64>,
    spans: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Caller {
    Service(i64),
    Outside,
    Unseen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Callee {
    Service(i64),
    /// By the number of its name.
    Peer(Option<usize>),
}

fn edges(store: &Connection, from: i64, to: i64) -> rusqlite::Result<Edges> {
    let names = seen::services(store)?;
    let mut counted = Counted::default();
    let peers = seen::each_trace(store, from, to, MOST, |spans| counted.pair(spans))?;
    let name = |service: &i64| names.get(service).map_or_else(|| Arc::from(""), Arc::clone);
    let mut edges: BTreeMap<(Peer, Peer), Edge> = BTreeMap::new();
    for ((caller, callee), mut edge) in counted.calls {
        edge.from = match caller {
            Caller::Service(service) => Peer::Service(name(&service)),
            Caller::Outside => Peer::Outside,
            Caller::Unseen => Peer::Unseen,
        };
        edge.to = match callee {
            Callee::Service(service) => Peer::Service(name(&service)),
            Callee::Peer(peer) => {
                let text = peer.and_then(|number| peers.get(number));
                Peer::read(text.map_or("", String::as_str))
            }
        };
        edge.durations.sort_unstable();
        edges.insert((edge.from.clone(), edge.to.clone()), edge);
    }
    Ok(Edges {
        edges: edges.into_values().collect(),
        since: counted.since.filter(|_| counted.spans >= MOST),
    })
}

impl Counted {
    /// A client's span and the server's below it are one call; a client's alone is a call of somebody who sends no spans.
    fn pair(&mut self, spans: &[Seen]) {
        self.spans += spans.len();
        let mut answered = HashSet::new();
        for span in spans {
            self.since = Some(self.since.map_or(span.start, |since| since.min(span.start)));
            let callee = Callee::Service(span.service);
            match seen::parent(spans, span) {
                Some(parent) if parent.service != span.service => {
                    answered.insert(parent.id);
                    let seen = if matches!(parent.kind, CLIENT | PRODUCER) {
                        parent
                    } else {
                        span
                    };
                    let is_error = seen.is_error || span.is_error;
                    let caller = Caller::Service(parent.service);
                    self.add(caller, callee, seen.duration, is_error);
                }
                // A service may call itself.
                Some(parent) if span.kind == SERVER && parent.kind == CLIENT => {
                    answered.insert(parent.id);
                    let is_error = parent.is_error || span.is_error;
                    let caller = Caller::Service(parent.service);
                    self.add(caller, callee, parent.duration, is_error);
                }
                None if matches!(span.kind, SERVER | CONSUMER | INTERNAL)
                    && span.parent.is_none() =>
                {
                    self.add(Caller::Outside, callee, span.duration, span.is_error);
                }
                None if matches!(span.kind, SERVER | CONSUMER) => {
                    self.add(Caller::Unseen, callee, span.duration, span.is_error);
                }
                _ => {}
            }
        }
        for span in spans {
            if matches!(span.kind, CLIENT | PRODUCER) && !answered.contains(&span.id) {
                let callee = Callee::Peer(span.peer);
                let caller = Caller::Service(span.service);
                self.add(caller, callee, span.duration, span.is_error);
            }
        }
    }

    fn add(&mut self, from: Caller, to: Callee, duration: u64, is_error: bool) {
        let edge = self.calls.entry((from, to)).or_insert_with(|| Edge {
            from: Peer::Outside,
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
