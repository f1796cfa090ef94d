//! What each interface asks of the store, within bounds.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::params::Wrong;
use crate::{
    ids::TraceId,
    ingest::weight::Room,
    store::{Search, Store, StoreError, Turn, Whole},
};

/// What there is for an answer.
pub(super) struct Traces {
    pub(super) found: Vec<(TraceId, Whole)>,
    /// Ids of none.
    pub(super) missing: Vec<TraceId>,
    /// To make the answer.
    pub(super) turn: Turn,
}

/// What an answer ends at.
#[derive(Clone, Copy)]
struct Bounds {
    traces: usize,
    /// With so many, no further trace is added.
    spans: usize,
    /// Of all its traces.
    room: Room,
}

/// Traces in an answer at most.
pub(super) const MOST: i64 = 1500;
/// Where an interface cannot show a trace without spans.
pub(super) const UNREAD: &str = "the trace is too large to be read";
/// What a trace must have besides what is searched for.
type Sieve = Option<Arc<dyn Fn(&Whole) -> bool + Send + Sync>>;

const ALL: Bounds = Bounds {
    traces: usize::MAX,
    spans: 100_000,
    room: Room::ALL,
};

/// Names of the operations of a service, each once.
pub(super) async fn names(store: &Store, service: String) -> Result<Vec<String>, StoreError> {
    let operations = store.operations(service).await?;
    let mut names: Vec<_> = operations.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    Ok(names)
}

/// Attributes to search for, as Jaeger writes them: text by name. Failure is an attribute to it, `error=true` or
/// `otel.status_code=ERROR`; here it is a condition of its own, the second of these.
pub(super) fn attributes(
    parameter: &str,
    members: Map<String, Value>,
) -> Result<(Vec<(String, String)>, bool), Wrong> {
    let mut attributes = Vec::new();
    let mut is_error = false;
    for (key, value) in members {
        let Value::String(value) = value else {
            let why =
                format!("malformed parameter {parameter}: {key:?} is {value}, which is no text");
            return Err(Wrong(why));
        };
        match (key.as_str(), value.as_str()) {
            ("error", "true") | ("otel.status_code", "ERROR") => is_error = true,
            _ => attributes.push((key, value)),
        }
    }
    Ok((attributes, is_error))
}

/// A trace that has spans, be they read or not: logs alone are none.
pub(super) async fn trace(store: &Store, id: TraceId) -> Result<Option<Whole>, StoreError> {
    let whole = store.trace(id).await?;
    Ok(whole.filter(has_spans))
}

fn has_spans(whole: &Whole) -> bool {
    whole.spans.len() + whole.left_out.0 > 0
}

/// Those of these traces that are there, and the ids of those that are not.
pub(super) async fn traces(store: &Store, ids: Vec<TraceId>) -> Result<Traces, StoreError> {
    read(store, ids, ALL, None).await
}

/// The newest traces that a search finds.
pub(super) async fn search(store: &Store, search: Search) -> Result<Traces, StoreError> {
    let traces = search.limit;
    sift_within(store, search, Bounds { traces, ..ALL }, None).await
}

/// As [`search`], for what the store has no index of: as many traces are read as an answer may have, and the newest of
/// them that pass are kept.
pub(super) async fn sift(
    store: &Store,
    mut search: Search,
    passes: impl Fn(&Whole) -> bool + Send + Sync + 'static,
) -> Result<Traces, StoreError> {
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    let traces = std::mem::replace(&mut search.limit, most);
    let bounds = Bounds { traces, ..ALL };
    sift_within(store, search, bounds, Some(Arc::new(passes))).await
}

async fn sift_within(
    store: &Store,
    search: Search,
    bounds: Bounds,
    sieve: Sieve,
) -> Result<Traces, StoreError> {
    let found = store.search(search).await?;
    let ids = found.iter().map(|found| found.id).collect();
    read(store, ids, bounds, sieve).await
}

/// Until there are as many traces as may be, or as many spans were read, or there is no room for more.
async fn read(
    store: &Store,
    ids: Vec<TraceId>,
    bounds: Bounds,
    sieve: Sieve,
) -> Result<Traces, StoreError> {
    let turn = store.turn().await?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let (mut spans, mut room) = (0, bounds.room);
    for id in ids {
        if found.len() >= bounds.traces || spans >= bounds.spans || room.is_full() {
            break;
        }
        let (whole, left) = store.trace_within(id, room).await?;
        let Some(whole) = whole.filter(has_spans) else {
            missing.push(id);
            continue;
        };
        if whole.spans.is_empty() && left.is_full() {
            break;
        }
        spans += whole.spans.len();
        let passing = match sieve.clone() {
            None => Some(whole),
            Some(passes) => turn.make(move || passes(&whole).then_some(whole)).await?,
        };
        // What does not pass is not kept, and takes no room.
        if let Some(whole) = passing {
            found.push((id, whole));
            room = left;
        }
    }
    Ok(Traces {
        found,
        missing,
        turn,
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    };

    use prost::Message;

    use super::*;
    use crate::store::Place;

    /// Traces of three spans each, the first of which is the newest.
    async fn store_of(traces: u8) -> Store {
        let store = Store::open(&Place::default()).unwrap();
        let span = |trace: u8, id: u8| Span {
            trace_id: vec![trace; 16],
            span_id: vec![id; 8],
            start_time_unix_nano: u64::from(traces - trace),
            ..Span::default()
        };
        let ids = (1..=traces).flat_map(|trace| [1, 2, 3].map(|id| (trace, id)));
        let of_scope = ScopeSpans {
            spans: ids.map(|(trace, id)| span(trace, id)).collect(),
            ..ScopeSpans::default()
        };
        let resource_spans = vec![ResourceSpans {
            scope_spans: vec![of_scope],
            ..ResourceSpans::default()
        }];
        let request = ExportTraceServiceRequest { resource_spans };
        store.accept(request).await.unwrap();
        store
    }

    fn all() -> Search {
        Search {
            limit: 100,
            ..Search::default()
        }
    }

    #[tokio::test]
    async fn an_answer_ends_where_its_traces_or_their_spans_are_many() {
        let store = store_of(5).await;
        for (limit, most_spans, expected) in [
            (100, 100, 5),
            (2, 100, 2),
            (100, 7, 3),
            (100, 6, 2),
            (100, 1, 1),
            (0, 100, 0),
        ] {
            let bounds = Bounds {
                traces: limit,
                spans: most_spans,
                ..ALL
            };
            let traces = sift_within(&store, all(), bounds, None).await;
            let ids: Vec<_> = traces
                .unwrap()
                .found
                .iter()
                .map(|(id, _)| id.0[0])
                .collect();
            let newest: Vec<_> = (1..=5).take(expected).collect();
            assert_eq!(ids, newest, "{limit} {most_spans}");
        }
        // Spans of traces that do not pass are read all the same.
        let passes = |whole: &Whole| whole.spans[0].span.trace_id[0] > 2;
        let sieve: Sieve = Some(Arc::new(passes));
        let bounds = Bounds { spans: 7, ..ALL };
        let traces = sift_within(&store, all(), bounds, sieve).await.unwrap();
        assert_eq!(traces.found.len(), 1);
        drop(traces);
        let mut search = all();
        search.limit = 1;
        let traces = sift(&store, search, passes).await.unwrap();
        assert_eq!(traces.found.len(), 1);
    }

    /// Its traces share the memory that one may have: as many as there is room for, and a part of the last.
    #[tokio::test]
    async fn an_answer_ends_where_there_is_no_room() {
        let store = store_of(5).await;
        let read = async |room: usize, sieve: Sieve| {
            let room = Room::of(room);
            let traces = sift_within(&store, all(), Bounds { room, ..ALL }, sieve).await;
            let found = traces.unwrap().found;
            let parts = found.iter().map(|(id, whole)| (id.0[0], whole.spans.len()));
            parts.collect::<Vec<_>>()
        };
        let span = {
            let traces = search(&store, all()).await.unwrap();
            let span = traces.found[0].1.spans[0].span.encode_to_vec();
            let fits = |size: &usize| Room::of(*size).takes_span(&span);
            (1..).find(fits).unwrap()
        };
        assert_eq!(read(3 * span, None).await, [(1, 3)]);
        assert_eq!(read(5 * span, None).await, [(1, 3), (2, 2)]);
        // Those none of whose spans fits even alone are there, so that it can be told; the oldest says less.
        let bare = [(1, 0), (2, 0), (3, 0), (4, 0), (5, 1)];
        assert_eq!(read(span - 1, None).await, bare);
        let passes: Sieve = Some(Arc::new(|whole| whole.spans[0].span.trace_id[0] > 2));
        assert_eq!(read(5 * span, passes).await, [(3, 3), (4, 2)]);
    }

    #[tokio::test]
    async fn what_is_not_there_is_told() {
        let store = store_of(2).await;
        let ids = [1, 9, 2].map(|id| TraceId([id; 16]));
        let Traces { found, missing, .. } = traces(&store, ids.into()).await.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(missing, [TraceId([9; 16])]);
    }
}
