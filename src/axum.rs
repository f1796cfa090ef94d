//! For layers around a whole axum router: the route comes from inside, and the body is given back in axum's own type.
//!
//! A [`ServerLayer`](crate::ServerLayer) given to `Router::layer` needs none of this. One *outside* of the router, in a
//! `ServiceBuilder` or around `NormalizePath`, sees no route; [`route_layer`] inside of it tells it, and [`AxumBodyLayer`]
//! at the very outside makes the stack a service that `axum::serve` takes.
//!
//! ```
//! use axum::{Router, ServiceExt, extract::Request, routing::get};
//! use throughline::{ServerLayer, axum::{AxumBodyLayer, route_layer}};
//! use tower::ServiceBuilder;
//!
//! # async fn serve(listener: tokio::net::TcpListener) -> std::io::Result<()> {
//! let app: Router = Router::new().route("/orders/{id}", get(|| async { "order" })).layer(route_layer());
//! let app = ServiceBuilder::new().layer(AxumBodyLayer).layer(ServerLayer::new()).service(app);
//! axum::serve(listener, ServiceExt::<Request>::into_make_service(app)).await
//! # }
//! ```

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use ::axum::{BoxError, body::Body};
use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::route;

/// Tells a [`ServerLayer`](crate::ServerLayer) outside of the router which route matched. For `Router::layer` or
/// `Router::route_layer`. Without such a layer outside it does nothing.
pub fn route_layer() -> RouteLayer {
    RouteLayer
}

/// The layer that [`route_layer`] returns.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RouteLayer;

/// The service that [`RouteLayer`] makes.
#[derive(Clone, Debug)]
pub struct RouteService<S> {
    inner: S,
}

/// Gives a response its body in axum's own type, which `axum::serve` asks of a service.
#[derive(Clone, Copy, Debug, Default)]
#[allow(
    clippy::exhaustive_structs,
    reason = "it is a word in a ServiceBuilder and has nothing to configure"
)]
pub struct AxumBodyLayer;

/// The service that [`AxumBodyLayer`] makes.
#[derive(Clone, Debug)]
pub struct AxumBodyService<S> {
    inner: S,
}

impl<S> Layer<S> for RouteLayer {
    type Service = RouteService<S>;

    fn layer(&self, inner: S) -> RouteService<S> {
        RouteService { inner }
    }
}

impl<S, B> Service<Request<B>> for RouteService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        route::fill(request.extensions());
        self.inner.call(request)
    }
}

impl<S> Layer<S> for AxumBodyLayer {
    type Service = AxumBodyService<S>;

    fn layer(&self, inner: S) -> AxumBodyService<S> {
        AxumBodyService { inner }
    }
}

impl<S, B, R> Service<Request<B>> for AxumBodyService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = AxumBodyFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        AxumBodyFuture {
            inner: self.inner.call(request),
        }
    }
}

pin_project! {
    /// The future of an [`AxumBodyService`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct AxumBodyFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F, R, E> Future for AxumBodyFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.project().inner.poll(cx));
        Poll::Ready(response.map(|response| response.map(Body::new)))
    }
}
