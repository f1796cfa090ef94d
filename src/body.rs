//! The body of a traced response: the exchange lives in it until the last frame, an error, or the drop.

use std::{
    fmt::Display,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{exchange::Exchange, outcome::End, semconv::error};

pin_project! {
    /// A response body that ends its exchange: at its last frame, at an error, or when it is dropped before that.
    ///
    /// Frames, size and end are those of the body within. A default one is of no exchange: tonic's interceptors, outside of
    /// a layer, answer by it.
    #[derive(Debug, Default)]
    pub struct TracedBody<B> {
        #[pin]
        inner: B,
        exchange: Exchange,
    }
}

impl<B: Body> TracedBody<B> {
    pub(crate) fn new(inner: B, mut exchange: Exchange) -> Self {
        if !exchange.is_over() {
            exchange.expect(inner.size_hint().exact(), inner.is_end_stream());
        }
        Self { inner, exchange }
    }
}

impl<B> Body for TracedBody<B>
where
    B: Body,
    B::Error: Display + 'static,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let inner = this.inner.as_mut();
        let frame = ready!(this.exchange.enter(|| inner.poll_frame(cx)));
        if this.exchange.is_over() {
            return Poll::Ready(frame);
        }
        match &frame {
            None => this.exchange.end(|_| End::Complete(None)),
            Some(Err(error)) => this
                .exchange
                .end(|is_told| End::BodyError(error::failure(error, is_told))),
            Some(Ok(frame)) => {
                let data = frame.data_ref();
                let is_last = data.is_some_and(|data| this.exchange.count(data.remaining()));
                // Whoever knows that this was the last frame does not poll again.
                if is_last || frame.is_trailers() || this.inner.is_end_stream() {
                    this.exchange.end(|_| End::Complete(frame.trailers_ref()));
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
