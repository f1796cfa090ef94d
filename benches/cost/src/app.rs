//! The service that is traced, and a request's way through it.

use std::task::{Context, Poll};

use axum::{
    Router,
    body::Body,
    extract::Path,
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tower::{Layer, Service};

/// A route with a parameter, and one that answers as a gRPC server does.
pub fn router() -> Router {
    Router::new()
        .route("/orders/{id}", get(order))
        .route("/shop.Orders/{method}", post(call))
}

/// Sends a request through the router and reads the response to its end. Returns the length of its body.
pub fn run(router: &Router, request: Request<Body>) -> usize {
    // A connection's task clones its service for each request.
    let response = router.clone().call(request).now_or_never();
    let Ok(response) = response.expect("nothing in the router waits");
    assert!(response.status().is_success(), "{}", response.status());
    let mut body = response.into_body();
    let mut read = 0;
    while let Some(frame) = body
        .frame()
        .now_or_never()
        .expect("nothing in the body waits")
    {
        let frame = frame.expect("the body is whole");
        read += frame.data_ref().map_or(0, Bytes::len);
    }
    read
}

/// The baseline: any layer on a router costs something, a layer that does nothing costs just that.
#[derive(Clone, Debug)]
pub struct IdentityLayer;

/// The service that [`IdentityLayer`] makes.
#[derive(Clone, Debug)]
pub struct Identity<S>(S);

impl<S> Layer<S> for IdentityLayer {
    type Service = Identity<S>;

    fn layer(&self, inner: S) -> Identity<S> {
        Identity(inner)
    }
}

impl<S: Service<R>, R> Service<R> for Identity<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.0.call(request)
    }
}

async fn order(Path(_id): Path<u32>) -> &'static str {
    ANSWER
}

async fn call() -> Response {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [
        Ok::<_, axum::Error>(Frame::data(Bytes::from_static(ANSWER.as_bytes()))),
        Ok(Frame::trailers(trailers)),
    ];
    let body = Body::new(StreamBody::new(futures_util::stream::iter(frames)));
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", content_type);
    response
}

pub(crate) const ANSWER: &str = r#"{"id":4711}"#;
