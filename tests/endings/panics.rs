//! A panic of the service is in its span, and goes on as if there were no layer.

use std::{
    convert::Infallible,
    future::Ready,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use hyper::body::Incoming;
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    Spans,
    common::{
        assert_ending, assert_error,
        net::{get as request, http1, raw, serve, serve_axum},
    },
};

/// Panics when it is called, before there is a future.
#[derive(Clone)]
struct PanicsInCall;

impl<B> Service<Request<B>> for PanicsInCall {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<B>) -> Self::Future {
        panic!("in call")
    }
}

struct PanicsInBody;

impl http_body::Body for PanicsInBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("in the body")
    }
}

/// Serves one connection and gives back whether its task panicked.
async fn panicked<S, B>(service: S) -> bool
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    let mut server = serve(service).await;
    raw(server.addr, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let connection = server.connections.recv().await.unwrap().await;
    connection.is_err_and(|error| error.is_panic())
}

#[tokio::test]
async fn in_the_call() {
    let spans = Spans::new();
    let layer = spans.server();
    assert!(panicked(ServiceBuilder::new().layer(layer).service(PanicsInCall)).await);
    let span = spans.wait_only().await;
    assert_error(&span, Some("panic"));
    assert_ending(&span, None);
}

#[tokio::test]
async fn in_the_future() {
    let spans = Spans::new();
    let service = ServiceBuilder::new().layer(spans.server()).service_fn(
        async |_: Request<Incoming>| -> Result<Response<Body>, Infallible> {
            tokio::task::yield_now().await;
            panic!("in poll")
        },
    );
    assert!(panicked(service).await);
    let span = spans.wait_only().await;
    assert_error(&span, Some("panic"));
    assert_ending(&span, None);
}

#[tokio::test]
async fn in_the_body() {
    let spans = Spans::new();
    let service = ServiceBuilder::new()
        .layer(spans.server())
        .service_fn(async |_: Request<Incoming>| Ok::<_, Infallible>(Response::new(PanicsInBody)));
    assert!(panicked(service).await);
    let span = spans.wait_only().await;
    assert_error(&span, Some("panic"));
    assert_ending(&span, None);
}

#[tokio::test]
async fn under_a_layer_that_catches_panics() {
    let spans = Spans::new();
    let app = Router::new()
        .route("/", get(async || -> &'static str { panic!("handler") }))
        .layer(spans.server())
        .layer(CatchPanicLayer::new());
    let addr = serve_axum(app).await;
    let response = http1().request(request(addr, "/")).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_error(&spans.wait_only().await, Some("panic"));
}

#[tokio::test]
async fn caught_inside_it_is_a_500() {
    let spans = Spans::new();
    let app = Router::new()
        .route("/", get(async || -> &'static str { panic!("handler") }))
        .layer(CatchPanicLayer::new())
        .layer(spans.server());
    let addr = serve_axum(app).await;
    let response = http1().request(request(addr, "/")).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_error(&spans.wait_only().await, Some("500"));
}

#[tokio::test]
async fn a_spawned_service_is_a_join_error() {
    let spans = Spans::new();
    let mut service = ServiceBuilder::new().layer(spans.server()).service_fn(
        async |_: Request<()>| -> Result<Response<Body>, Infallible> { panic!("in poll") },
    );
    let joined = tokio::spawn(service.call(Request::new(()))).await;
    assert!(joined.unwrap_err().is_panic());
    assert_error(&spans.only(), Some("panic"));
    // The context is not left behind on this thread.
    assert!(throughline::current_ids().is_none());
}
