use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

/// Counts the attempts of one request, for `http.request.resend_count`. [`AttemptsLayer`] puts it into the request's
/// extensions; each [`ClientService`](crate::ClientService) inside a retry takes the next number from it.
#[derive(Clone, Debug, Default)]
pub struct Attempts(Arc<AtomicU32>);

/// The layer that [`ClientLayer::attempts`](crate::ClientLayer::attempts) returns. It goes outside of the retry layer.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AttemptsLayer;

/// The service that [`AttemptsLayer`] makes.
#[derive(Clone, Debug)]
pub struct AttemptsService<S> {
    inner: S,
}

impl Attempts {
    /// A count that begins with the first attempt.
    pub fn new() -> Self {
        Self::default()
    }

    /// 0 for the first attempt, 1 for the first re-send, and so on.
    pub(crate) fn next(&self) -> u32 {
        self.0.fetch_add(1, Relaxed)
    }
}

impl<S> Layer<S> for AttemptsLayer {
    type Service = AttemptsService<S>;

    fn layer(&self, inner: S) -> AttemptsService<S> {
        AttemptsService { inner }
    }
}

impl<S, B> Service<Request<B>> for AttemptsService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.extensions_mut().insert(Attempts::default());
        self.inner.call(request)
    }
}
