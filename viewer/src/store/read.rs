//! Questions, and long work on what they found: off the async threads, a few at a time.

use std::{
    sync::{Arc, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::{Store, StoreError, open};

/// A turn to make an answer, until the last of what is made in it is done.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    _until_dropped: Arc<OwnedSemaphorePermit>,
}

/// Questions that are answered at the same time: each has a connection with a cache.
pub(super) const READERS: usize = 3;
/// Pages and other answers that are made at the same time. Threads are left for what comes in.
pub(super) const PAGES: usize = 2;
/// A question may take as long, and as long may it wait for its turn.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

impl Store {
    /// Asks the store something, within the deadline.
    ///
    /// # Errors
    ///
    /// [`StoreError::Timeout`] when the answer took too long.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let waits = async {
            let turn = turn(&self.0.turns).await?;
            let gate = match &self.0.gate {
                Some(gate) => Some(Arc::clone(gate).read_owned().await),
                None => None,
            };
            Ok::<_, StoreError>((turn, gate))
        };
        let (turn, gate) = timeout(PATIENCE, waits)
            .await
            .map_err(|_| StoreError::Timeout)??;
        let store = self.clone();
        spawn_blocking(move || {
            let answer = store.read_blocking(ask);
            drop((gate, turn));
            answer
        })
        .await
        .unwrap_or(Err(StoreError::Closed))
    }

    /// Makes an answer of what was read, while what comes in is written.
    ///
    /// # Errors
    ///
    /// [`StoreError::Timeout`] when it had no turn for too long.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.turn().await?.make(work).await
    }

    /// For whoever reads much: not before there is a turn to make an answer of it. Who has one may ask the store, which
    /// waits for no turn, but must not wait for another.
    ///
    /// # Errors
    ///
    /// [`StoreError::Timeout`] when there was none for too long.
    pub(crate) async fn turn(&self) -> Result<Turn, StoreError> {
        let turn = timeout(PATIENCE, turn(&self.0.pages))
            .await
            .map_err(|_| StoreError::Timeout)??;
        Ok(Turn {
            _until_dropped: Arc::new(turn),
        })
    }

    fn read_blocking<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let pooled = self.readers().pop();
        let mut connection = match pooled {
            Some(connection) => connection,
            None => open::connect(&self.0.path)?,
        };
        let deadline = Instant::now() + PATIENCE;
        connection.progress_handler(10_000, Some(move || Instant::now() > deadline))?;
        // All that is asked is of one commit.
        let transaction = connection.transaction()?;
        let answer = ask(&transaction);
        drop(transaction);
        self.readers().push(connection);
        Ok(answer?)
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.0
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// As [`Store::aside`].
    ///
    /// # Errors
    ///
    /// When the work did not come to its end.
    pub(crate) async fn make<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.clone();
        spawn_blocking(move || {
            let answer = work();
            drop(turn);
            answer
        })
        .await
        .map_err(|_| StoreError::Closed)
    }
}

async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StoreError> {
    let turn = Arc::clone(turns).acquire_owned().await;
    turn.map_err(|_| StoreError::Closed)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    };
    use tokio::sync::watch;
    use tonic::codegen::Service;

    use super::*;
    use crate::{page, store::Place};

    /// A trace of one request, and its id.
    async fn filled() -> (Store, String) {
        let store = Store::open(&Place::default()).unwrap();
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            kind: 2,
            ..Span::default()
        };
        let of_scope = ScopeSpans {
            spans: vec![span],
            ..ScopeSpans::default()
        };
        let resource_spans = vec![ResourceSpans {
            scope_spans: vec![of_scope],
            ..ResourceSpans::default()
        }];
        let request = ExportTraceServiceRequest { resource_spans };
        store.accept(request).await.unwrap();
        (store, "01".repeat(16))
    }

    /// Where others make pages for too long, no page is made on a thread of those that take what comes in.
    #[tokio::test(start_paused = true)]
    async fn whatever_is_made_of_what_was_read_has_a_turn() {
        let (store, id) = filled().await;
        let (_stop, stop) = watch::channel(false);
        let mut routes = page::routes(&store, None, stop);
        let v3 = "query.startTimeMin=1970-01-01T00:00:00Z&query.startTimeMax=2200-01-01T00:00:00Z";
        let paths = [
            "/".to_owned(),
            "/results".to_owned(),
            format!("/trace/{id}"),
            format!("/trace/{id}/span/{}", "02".repeat(8)),
            format!("/trace/{id}/find?text=a"),
            format!("/trace/{id}/otlp.json"),
            format!("/trace/{id}/jaeger.json"),
            format!("/trace/{id}/offline.html"),
            "/map".to_owned(),
            "/overview".to_owned(),
            format!("/compare?a={id}"),
            format!("/compare?a={id}&b={id}"),
            "/api/services".to_owned(),
            "/api/services/a/operations".to_owned(),
            "/api/operations?service=a".to_owned(),
            "/api/traces?service=unknown_service".to_owned(),
            format!("/api/traces?traceID={id}"),
            format!("/api/traces/{id}"),
            "/api/dependencies?endTs=1".to_owned(),
            "/api/v3/services".to_owned(),
            "/api/v3/operations?service=a".to_owned(),
            format!("/api/v3/traces?{v3}"),
            format!("/api/v3/traces/{id}"),
            format!("/api/v3/trace-summaries?{v3}"),
            "/api/v3/dependencies?startTime=1970-01-01T00:00:00Z&endTime=2200-01-01T00:00:00Z"
                .to_owned(),
            "/api/v2/services".to_owned(),
            "/api/v2/spans?serviceName=a".to_owned(),
            "/api/v2/remoteServices?serviceName=a".to_owned(),
            "/api/v2/traces".to_owned(),
            "/api/v2/traces?annotationQuery=word&endTs=1&lookback=1".to_owned(),
            format!("/api/v2/trace/{id}"),
            format!("/api/v2/traceMany?traceIds={id},{}", "02".repeat(16)),
            "/api/v2/dependencies?endTs=1".to_owned(),
        ];
        let mut ask = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            routes.call(request).await.unwrap().status()
        };
        for path in &paths {
            assert_eq!(ask(path).await, StatusCode::OK, "{path}");
        }
        let _all = store.0.pages.acquire_many(PAGES as u32).await.unwrap();
        for path in &paths {
            assert_eq!(ask(path).await, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        }
    }

    /// What is read may be large: it is not held while others have their turns.
    #[tokio::test(start_paused = true)]
    async fn a_trace_is_read_when_there_is_a_turn() {
        let (store, id) = filled().await;
        let (_stop, stop) = watch::channel(false);
        let v3 = "query.startTimeMin=1970-01-01T00:00:00Z&query.startTimeMax=2200-01-01T00:00:00Z";
        for path in [
            format!("/trace/{id}"),
            format!("/trace/{id}/span/{}", "02".repeat(8)),
            format!("/trace/{id}/find?text=a"),
            format!("/trace/{id}/otlp.json"),
            format!("/trace/{id}/jaeger.json"),
            format!("/trace/{id}/offline.html"),
            format!("/compare?a={id}"),
            format!("/compare?a={id}&b={id}"),
            "/api/traces?service=unknown_service".to_owned(),
            format!("/api/traces?traceID={id}"),
            format!("/api/traces/{id}"),
            format!("/api/v3/traces?{v3}"),
            format!("/api/v3/traces/{id}"),
            "/api/v2/traces?endTs=1&lookback=1".to_owned(),
            "/api/v2/traces?annotationQuery=word&endTs=1&lookback=1".to_owned(),
            format!("/api/v2/trace/{id}"),
            format!("/api/v2/traceMany?traceIds={id},{}", "02".repeat(16)),
        ] {
            let request = Request::get(&path).body(Body::empty()).unwrap();
            let mut routes = page::routes(&store, None, stop.clone());
            let pages = store.0.pages.acquire_many(PAGES as u32).await.unwrap();
            let answer = tokio::spawn(routes.call(request));
            // The clock goes on when all others wait.
            let all_wait = || tokio::time::sleep(Duration::from_secs(1));
            all_wait().await;
            let readers = store.0.turns.acquire_many(READERS as u32).await.unwrap();
            drop(pages);
            all_wait().await;
            assert!(!answer.is_finished(), "{path}");
            drop(readers);
            assert_eq!(
                answer.await.unwrap().unwrap().status(),
                StatusCode::OK,
                "{path}"
            );
        }
    }
}
