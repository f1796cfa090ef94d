//! What can be looked for, and what is found.

use super::{Store, StoreError, find, whole};
use crate::{ids::TraceId, ingest::weight::Room};

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
    /// Times, durations and failure are not the trace's, but of one of its requests: of a span of that service and
    /// operation that serves or consumes.
    pub of_request: bool,
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
        self.read(move |store| find::find(store, &search)).await
    }

    /// All that is there of a trace; `None` if nothing is.
    pub(crate) async fn trace(&self, id: TraceId) -> Result<Option<whole::Whole>, StoreError> {
        Ok(self.trace_within(id, Room::ALL).await?.0)
    }

    /// The same of one of several, and the room that it leaves to the others.
    pub(crate) async fn trace_within(
        &self,
        id: TraceId,
        mut room: Room,
    ) -> Result<(Option<whole::Whole>, Room), StoreError> {
        self.read(move |store| Ok((whole::whole(store, id, &mut room)?, room)))
            .await
    }
}
