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
    /// When the first that was looked at began, if there are more.
    pub(crate) since: Option<i64>,
}

/// Requests of an operation that are looked at at most: the newest.
pub(super) const MOST_REQUESTS: i64 = 100_000;
/// As many of all operations: each has its share.
const MOST: i64 = 2_000_000;

impl Store {
    /// The requests that began between these, by service and operation.
    pub(crate) async fn routes(&self, from: i64, to: i64) -> Result<Vec<Route>, StoreError> {
        self.read(move |store| routes(store, (from, to), MOST))
            .await
    }
}

fn routes(store: &Connection, (from, to): (i64, i64), most: i64) -> rusqlite::Result<Vec<Route>> {
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
    let count = i64::try_from(operations.len()).unwrap_or(i64::MAX);
    let share = (most / count.max(1)).clamp(1, MOST_REQUESTS);
    let mut routes: Vec<Route> = Vec::new();
    for (operation, service, name) in operations {
        let mut requests = statement
            .query_map([operation, from, to, share + 1], |row| {
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
        let is_part = requests.len() as i64 > share;
        if is_part {
            requests.pop();
        }
        requests.reverse();
        let since = requests
            .first()
            .map(|(start, ..)| *start)
            .filter(|_| is_part);
        match routes.last_mut() {
            // Of the other kind.
            Some(route) if route.service == service && route.name == name => {
                route.requests.extend(requests);
                route.requests.sort_unstable();
                // What is known of both kinds.
                route.since = route.since.max(since);
                let since = route.since.unwrap_or(i64::MIN);
                route.requests.retain(|(start, ..)| *start >= since);
            }
            _ => routes.push(Route {
                service,
                name,
                requests,
                since,
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

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    };

    use super::*;
    use crate::store::Place;

    #[tokio::test]
    async fn of_very_many_requests_the_newest_are_counted_and_it_is_told_since_when() {
        let store = Store::open(&Place::default()).unwrap();
        let span = |name: &str, kind: i32, number: u8| Span {
            trace_id: vec![number; 16],
            span_id: vec![kind as u8; 8],
            name: name.to_owned(),
            kind,
            start_time_unix_nano: number.into(),
            end_time_unix_nano: u64::from(number) + 1,
            ..Span::default()
        };
        let of_scope = ScopeSpans {
            // A route that serves and consumes, and one that is asked less.
            spans: (1..=9)
                .flat_map(|number| [span("busy", 2, number), span("busy", 5, number / 2 + 1)])
                .chain((1..=3).map(|number| span("calm", 2, number)))
                .collect(),
            ..ScopeSpans::default()
        };
        let resource_spans = vec![ResourceSpans {
            scope_spans: vec![of_scope],
            ..ResourceSpans::default()
        }];
        let request = ExportTraceServiceRequest { resource_spans };
        store.accept(request).await.unwrap();
        let told = async |most| {
            let routes = store.read(move |store| routes(store, (0, 100), most)).await;
            let route = |route: Route| {
                let starts = route.requests.iter().map(|(start, ..)| *start);
                (route.name, starts.collect::<Vec<_>>(), route.since)
            };
            routes.unwrap().into_iter().map(route).collect::<Vec<_>>()
        };
        let calm = || ("calm".to_owned(), vec![1, 2, 3], None);
        let all = vec![1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9];
        assert_eq!(told(2_000).await, [("busy".to_owned(), all, None), calm()]);
        // Five of each operation: of the busy one's requests those since the fifth of one kind.
        let part = vec![5, 5, 6, 7, 8, 9];
        assert_eq!(told(15).await, [("busy".to_owned(), part, Some(5)), calm()]);
    }
}
