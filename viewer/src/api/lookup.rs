//! What each interface asks of the store, within bounds.

use serde_json::{Map, Value};

use super::params::Wrong;
use crate::{
    ids::TraceId,
    store::{Search, Store, StoreError, Whole},
};

/// Traces in an answer at most.
pub(super) const MOST: i64 = 1500;
/// With so many spans in an answer, no further trace is added.
const MOST_SPANS: usize = 100_000;

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

/// A trace that has spans: logs alone are none.
pub(super) async fn trace(store: &Store, id: TraceId) -> Result<Option<Whole>, StoreError> {
    let whole = store.trace(id).await?;
    Ok(whole.filter(|whole| !whole.spans.is_empty()))
}

/// Those of these traces that are there, and the ids of those that are not.
pub(super) async fn traces(
    store: &Store,
    ids: Vec<TraceId>,
) -> Result<(Vec<(TraceId, Whole)>, Vec<TraceId>), StoreError> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let mut spans = 0;
    for id in ids {
        if spans >= MOST_SPANS {
            break;
        }
        match trace(store, id).await? {
            Some(whole) => {
                spans += whole.spans.len();
                found.push((id, whole));
            }
            None => missing.push(id),
        }
    }
    Ok((found, missing))
}

/// The newest traces that a search finds.
pub(super) async fn search(
    store: &Store,
    search: Search,
) -> Result<Vec<(TraceId, Whole)>, StoreError> {
    let found = store.search(search).await?;
    let ids = found.iter().map(|found| found.id).collect();
    Ok(traces(store, ids).await?.0)
}

/// As [`search`], for what the store has no index of: as many traces are read as an answer may have, and the newest of
/// them that pass are kept.
pub(super) async fn sift(
    store: &Store,
    mut search: Search,
    passes: impl Fn(&Whole) -> bool,
) -> Result<Vec<(TraceId, Whole)>, StoreError> {
    let limit = std::mem::replace(
        &mut search.limit,
        usize::try_from(MOST).unwrap_or(usize::MAX),
    );
    let mut kept = Vec::new();
    let mut spans = 0;
    for candidate in store.search(search).await? {
        if kept.len() >= limit || spans >= MOST_SPANS {
            break;
        }
        if let Some(whole) = trace(store, candidate.id).await? {
            spans += whole.spans.len();
            if passes(&whole) {
                kept.push((candidate.id, whole));
            }
        }
    }
    Ok(kept)
}
