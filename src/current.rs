//! The current context, for handlers and for the tasks they start.

use std::{
    pin::Pin,
    task::{self, Poll},
};

use opentelemetry::Context;
use pin_project_lite::pin_project;

use crate::span::SpanIds;

/// The ids of the current span: in a handler, the request's. `None` outside of any trace.
///
/// ```
/// if let Some(ids) = throughline::current_ids() {
///     println!("trace {}", ids.trace_id_hex());
/// }
/// ```
pub fn current_ids() -> Option<SpanIds> {
    let ids = Context::map_current(SpanIds::of);
    ids.is_valid().then_some(ids)
}

/// Carries the current context into a future that runs elsewhere: it is current in each of its polls.
///
/// A task of its own does not know the request that started it; spans made in it would be roots.
///
/// ```
/// # async fn audit() {}
/// # async fn handler() {
/// tokio::spawn(throughline::carry(audit()));
/// # }
/// ```
pub fn carry<F>(future: F) -> Carried<F> {
    Carried {
        future,
        context: Context::current(),
    }
}

pin_project! {
    /// The future that [`carry`] returns.
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Carried<F> {
        #[pin]
        future: F,
        context: Context,
    }
}

impl<F: Future> Future for Carried<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _context = this.context.clone().attach();
        this.future.poll(cx)
    }
}
