//! The future of a traced response: it polls the service under the span's context and hands the exchange to the body.

use std::{
    fmt::Display,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, HeaderName, Response, header::CONTENT_LENGTH};
use http_body::Body;
use pin_project_lite::pin_project;

use crate::{
    body::TracedBody, exchange::Exchange, head::ResponseHead, outcome::End, scan::decimal,
    semconv::error,
};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

pin_project! {
    /// The future that [`ServerService`](crate::ServerService) and [`ClientService`](crate::ClientService) return.
    ///
    /// Dropping it before it is ready cancels the exchange, which ends the span at that moment.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        // Before the exchange: spans that the service's future holds end before the request's own.
        #[pin]
        inner: F,
        exchange: Exchange,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(inner: F, exchange: Exchange) -> Self {
        Self { inner, exchange }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    B::Error: Display + 'static,
    E: Display + 'static,
{
    type Output = Result<Response<TracedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let inner = this.inner;
        let result = ready!(this.exchange.enter(|| inner.poll(cx)));
        let mut exchange = std::mem::take(this.exchange);
        Poll::Ready(match result {
            Ok(mut response) => {
                if exchange.is_live() {
                    let timing = exchange.server_timing();
                    exchange.head(&ResponseHead::of(&response));
                    if response.body().size_hint().exact().is_none() {
                        exchange.declare(|| declared(response.headers()));
                    }
                    if let Some(timing) = timing {
                        response.headers_mut().append(SERVER_TIMING, timing);
                    }
                }
                Ok(response.map(|body| TracedBody::new(body, exchange)))
            }
            Err(error) => {
                exchange.end(|is_told| End::ServiceError(error::failure(&error, is_told)));
                Err(error)
            }
        })
    }
}

/// The length that a head declares for a body that does not know its own: whoever writes such a body stops there.
fn declared(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(CONTENT_LENGTH)
        .and_then(|length| decimal(length.as_bytes()))
}
