//! Who calls whom.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::Connection;

use super::{Store, StoreError, seen};

/// Calls of one service by another in a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// The calling service.
    pub parent: Arc<str>,
    /// The called one.
    pub child: Arc<str>,
    /// How many calls.
    pub count: u64,
    /// How many of them failed.
    pub errors: u64,
}

/// As many spans are looked at at most: those of the traces that came last.
const MOST: usize = 150_000;

impl Store {
    /// Calls in traces that began between these, in nanoseconds since 1970; by the names.
    pub(crate) async fn calls(&self, from: i64, to: i64) -> Result<Vec<Calls>, StoreError> {
        self.read(move |store| calls(store, from, to)).await
    }
}

/// A span whose parent is of another service is a call.
fn calls(store: &Connection, from: i64, to: i64) -> rusqlite::Result<Vec<Calls>> {
    let mut found: BTreeMap<(i64, i64), (u64, u64)> = BTreeMap::new();
    seen::each_trace(store, from, to, MOST, |spans| {
        for span in spans {
            if let Some(parent) = seen::parent(spans, span)
                && parent.service != span.service
            {
                let (count, errors) = found.entry((parent.service, span.service)).or_default();
                *count += 1;
                *errors += u64::from(span.is_error);
            }
        }
    })?;
    let names = seen::services(store)?;
    let name = |service: &i64| names.get(service).map_or_else(|| Arc::from(""), Arc::clone);
    let mut calls: Vec<_> = found
        .into_iter()
        .map(|((parent, child), (count, errors))| Calls {
            parent: name(&parent),
            child: name(&child),
            count,
            errors,
        })
        .collect();
    calls.sort_by(|one, other| (&one.parent, &one.child).cmp(&(&other.parent, &other.child)));
    Ok(calls)
}
