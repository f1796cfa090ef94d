//! Pages that are told when there is something new.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        Redirect, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};

use crate::store::{Store, StoreError};

/// News come no oftener.
const PACE: Duration = Duration::from_millis(250);

/// An event for each time that something new was stored.
pub(super) async fn events(
    State(store): State<Store>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut changes = store.changes();
    changes.mark_unchanged();
    let news = stream::unfold(changes, |mut changes| async move {
        // An error: the store is closed, and with it the stream.
        changes.changed().await.ok()?;
        tokio::time::sleep(PACE).await;
        let number = *changes.borrow_and_update();
        let event = Event::default().event("stored").data(number.to_string());
        Some((Ok(event), changes))
    });
    Sse::new(news).keep_alive(KeepAlive::default())
}

/// Forgets all traces.
pub(super) async fn clear(State(store): State<Store>) -> Result<Redirect, StoreError> {
    store.clear().await?;
    Ok(Redirect::to("/"))
}
