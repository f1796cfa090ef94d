//! Requests of each route: for the overview.

use rusqlite::Connection;

use super::{Store, StoreError};
pub(crate) use super::{edges::Edge, peer::Peer};

/// Requests of an operation that begins a service's part of a trace.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) service: String,
    pub(crate) name: String,
    /// When each began, how long it took, and whether it failed; by the beginning.
    pub(crate) requests: Vec<(i64, u64, bool)>,
}

/// Requests of a route that are looked at at most: the newest.
const MOST_REQUESTS: i64 = 100_000;

impl Store {
    /// The requests that began between these, by service and operation.
    pub(crate) async fn routes(&self, from: i64, to: i64) -> Result<Vec<Route>, StoreError> {
        self.read(move |store| routes(store, from, to)).await
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
            .query_map([operation, from, to, MOST_REQUESTS], |row| {
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
