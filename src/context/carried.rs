//! Futures and streams that run in a context of their own.

use std::{
    pin::Pin,
    task::{self, Poll},
};

use futures_core::Stream;
use opentelemetry::Context;
use pin_project_lite::pin_project;

use crate::{context::carry, guard::guarded};

pin_project! {
    /// The future or stream that [`carry`](crate::carry) returns. It allocates nothing.
    #[must_use = "futures and streams do nothing unless polled"]
    #[derive(Debug)]
    pub struct Carried<T> {
        // There until it is dropped.
        #[pin]
        inner: Option<T>,
        context: Context,
    }

    impl<T> PinnedDrop for Carried<T> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // On a thread that is ending there may be no context to replace; attaching then panics.
            let _context = guarded(|| this.context.clone().attach());
            this.inner.set(None);
        }
    }
}

/// [`carry`] as a method of any future or stream.
///
/// ```
/// use throughline::CarryExt;
/// # async fn audit() {}
/// # async fn handler() {
/// let mut tasks = tokio::task::JoinSet::new();
/// tasks.spawn(audit().carried());
/// # }
/// ```
pub trait CarryExt: Sized {
    /// Carries the current context into it.
    fn carried(self) -> Carried<Self> {
        carry(self)
    }
}

impl<T> Carried<T> {
    pub(super) fn new(inner: T, context: Context) -> Self {
        Self {
            inner: Some(inner),
            context,
        }
    }
}

impl<F: Future> Future for Carried<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else {
            return Poll::Pending;
        };
        let _context = this.context.clone().attach();
        inner.poll(cx)
    }
}

impl<S: Stream> Stream for Carried<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(inner) = this.inner.as_pin_mut() else {
            return Poll::Ready(None);
        };
        let _context = this.context.clone().attach();
        inner.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<T> CarryExt for T {}
