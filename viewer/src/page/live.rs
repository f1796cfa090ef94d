//! Pages that are told when there is something new.

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::{Path, Query, State},
    response::{
        IntoResponse, Redirect, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use super::trace::unknown;
use crate::{
    ids::TraceId,
    store::{Store, StoreError},
};

/// Told when the viewer stops: it waits for all that it answers.
#[derive(Clone)]
pub(super) struct Stop(pub(super) watch::Receiver<bool>);

/// News come no oftener.
const PACE: Duration = Duration::from_millis(250);

/// The store's number when the page was made.
#[derive(Deserialize)]
pub(super) struct Since {
    since: Option<u64>,
}

/// An event for each time that something new was stored, also since the page was made.
pub(super) async fn events(
    State(store): State<Store>,
    Query(Since { since }): Query<Since>,
    Extension(stop): Extension<Stop>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut changes = store.changes();
    changes.mark_unchanged();
    if since.is_some_and(|since| since != *changes.borrow()) {
        changes.mark_changed();
    }
    let news = stream::unfold(changes, |mut changes| async move {
        // An error: the store is closed, and with it the stream.
        changes.changed().await.ok()?;
        tokio::time::sleep(PACE).await;
        let number = *changes.borrow_and_update();
        let event = Event::default().event("stored").data(number.to_string());
        Some((Ok(event), changes))
    });
    Sse::new(news.take_until(stop.told())).keep_alive(KeepAlive::default())
}

/// How many spans and logs a trace has: at once, and whenever there are more or fewer.
pub(super) async fn of_trace(
    State(store): State<Store>,
    Path(id): Path<String>,
    Extension(stop): Extension<Stop>,
) -> Response {
    let Some(id) = TraceId::parse(&id) else {
        return unknown(&id);
    };
    let news = stream::unfold(Followed::of(store, id), |mut followed| async move {
        let (spans, logs) = followed.next().await?;
        let counts = json!({ "spans": spans, "logs": logs }).to_string();
        let event = Event::default().event("counts").data(counts);
        Some((Ok::<_, Infallible>(event), followed))
    });
    Sse::new(news.take_until(stop.told()))
        .keep_alive(KeepAlive::default())
        .into_response()
}

impl Stop {
    async fn told(mut self) {
        // An error is a sender that is gone: the end as well.
        self.0.wait_for(|stopped| *stopped).await.ok();
    }
}

/// A trace that somebody looks at.
struct Followed {
    id: TraceId,
    changes: watch::Receiver<u64>,
    store: Store,
    last: Option<(i64, i64)>,
}

impl Followed {
    fn of(store: Store, id: TraceId) -> Self {
        let mut changes = store.changes();
        changes.mark_changed();
        Self {
            id,
            changes,
            store,
            last: None,
        }
    }

    /// `None`: the store is closed, or cannot say.
    async fn next(&mut self) -> Option<(i64, i64)> {
        loop {
            self.changes.changed().await.ok()?;
            if self.last.is_some() {
                tokio::time::sleep(PACE).await;
            }
            self.changes.mark_unchanged();
            let counts = self.store.count(self.id).await.ok()?;
            if self.last.replace(counts) != Some(counts) {
                return Some(counts);
            }
        }
    }
}

/// Forgets all traces.
pub(super) async fn clear(State(store): State<Store>) -> Result<Redirect, StoreError> {
    store.clear().await?;
    Ok(Redirect::to("/"))
}
