//! A caller that leaves, and timeouts on either side of the layer.

use std::{convert::Infallible, io, time::Duration};

use axum::{
    Router, body::Body, error_handling::HandleErrorLayer, response::Response, routing::get,
};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http_body_util::BodyExt;
use opentelemetry_sdk::trace::SpanData;
use tokio::{io::AsyncWriteExt, sync::mpsc, time::sleep};
use tower::{ServiceBuilder, ServiceExt};

use crate::{
    Spans,
    common::{
        assert_ending, assert_error, duration,
        net::{connect, get as request, http1, http2, raw, read_until, serve, serve_axum},
        text,
    },
};

/// How long the slow handler would take; nobody waits that long.
const FOREVER: Duration = Duration::from_secs(600);
const STAY: Duration = Duration::from_millis(300);

/// A handler that says when it began and takes for ever.
fn slow(spans: &Spans) -> (Router, mpsc::UnboundedReceiver<()>) {
    let (began, begins) = mpsc::unbounded_channel();
    let handler = move || {
        let began = began.clone();
        async move {
            began.send(()).unwrap();
            sleep(FOREVER).await;
        }
    };
    let app = Router::new()
        .route("/slow", get(handler))
        .layer(spans.server());
    (app, begins)
}

/// A handler whose body never ends.
fn endless(spans: &Spans) -> Router {
    let handler = async || {
        let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
        Body::from_stream(stream::repeat_with(move || {
            Ok::<_, io::Error>(chunk.clone())
        }))
    };
    Router::new()
        .route("/endless", get(handler))
        .layer(spans.server())
}

#[track_caller]
fn assert_left(span: &SpanData) {
    assert_error(span, Some("cancelled"));
    assert_ending(span, Some("cancelled"));
}

#[tokio::test]
async fn a_caller_that_leaves_a_slow_handler_over_http1() {
    let spans = Spans::new();
    let (app, mut begins) = slow(&spans);
    let addr = serve_axum(app).await;
    let mut socket = connect(addr).await;
    socket
        .write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    begins.recv().await.unwrap();
    assert_eq!(spans.ended().len(), 0);
    sleep(STAY).await;
    drop(socket);

    let span = spans.wait_only().await;
    assert_left(&span);
    assert_eq!(text(&span, "http.response.status_code"), None);
    assert_eq!(text(&span, "http.route").as_deref(), Some("/slow"));
    assert!(duration(&span) >= STAY, "{:?}", duration(&span));
    assert!(duration(&span) < FOREVER, "{:?}", duration(&span));
    assert_eq!(spans.started(), 1);
}

#[tokio::test]
async fn a_caller_that_resets_its_stream_over_http2() {
    let spans = Spans::new();
    let (app, mut begins) = slow(&spans);
    let addr = serve_axum(app).await;
    let client = http2();
    let call = tokio::spawn(client.request(request(addr, "/slow")));
    begins.recv().await.unwrap();
    sleep(STAY).await;
    call.abort();

    let span = spans.wait_only().await;
    assert_left(&span);
    assert!(duration(&span) >= STAY, "{:?}", duration(&span));
    assert!(duration(&span) < FOREVER, "{:?}", duration(&span));
}

#[tokio::test]
async fn a_caller_that_stops_reading_a_body_over_http1() {
    let spans = Spans::new();
    let addr = serve_axum(endless(&spans)).await;
    let mut socket = connect(addr).await;
    socket
        .write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut socket, "xxxx").await;
    assert_eq!(spans.ended().len(), 0);
    drop(socket);

    let span = spans.wait_only().await;
    assert_left(&span);
    assert_eq!(
        text(&span, "http.response.status_code").as_deref(),
        Some("200")
    );
}

#[tokio::test]
async fn a_caller_that_stops_reading_a_body_over_http2() {
    let spans = Spans::new();
    let addr = serve_axum(endless(&spans)).await;
    // The client stays connected: only the stream is reset.
    let client = http2();
    let mut body = client
        .request(request(addr, "/endless"))
        .await
        .unwrap()
        .into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(spans.ended().len(), 0);
    drop(body);

    let span = spans.wait_only().await;
    assert_left(&span);
    assert_eq!(
        text(&span, "http.response.status_code").as_deref(),
        Some("200")
    );
    drop(client);
}

#[tokio::test]
async fn a_timeout_inside_of_the_layer_is_an_answer() {
    let spans = Spans::new();
    let (app, _begins) = slow(&Spans::new());
    let app = app.layer(
        ServiceBuilder::new()
            .layer(spans.server())
            .layer(HandleErrorLayer::new(async |_: tower::BoxError| {
                StatusCode::GATEWAY_TIMEOUT
            }))
            .timeout(Duration::from_millis(20)),
    );
    let addr = serve_axum(app).await;
    let response = http1().request(request(addr, "/slow")).await.unwrap();
    assert_eq!(response.status(), 504);

    let span = spans.wait_only().await;
    assert_error(&span, Some("504"));
    assert_ending(&span, None);
    assert!(duration(&span) >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_timeout_outside_of_the_layer_cancels_it() {
    let spans = Spans::new();
    let (app, _begins) = slow(&spans);
    let app = Router::new().fallback_service(app).layer(
        ServiceBuilder::new()
            .layer(HandleErrorLayer::new(async |_: tower::BoxError| {
                StatusCode::GATEWAY_TIMEOUT
            }))
            .timeout(Duration::from_millis(20)),
    );
    let addr = serve_axum(app).await;
    let response = http1().request(request(addr, "/slow")).await.unwrap();
    assert_eq!(response.status(), 504);

    let span = spans.wait_only().await;
    assert_left(&span);
    assert_eq!(text(&span, "http.response.status_code"), None);
    assert!(duration(&span) >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_service_error_is_named_by_what_it_is() {
    let spans = Spans::new();
    let service = ServiceBuilder::new()
        .layer(spans.server())
        .timeout(Duration::from_millis(20))
        .service_fn(async |_: http::Request<hyper::body::Incoming>| {
            sleep(FOREVER).await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
    let mut server = serve(service).await;
    let answer = raw(server.addr, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(answer.is_empty(), "hyper closes on a service's error");
    // The error went on to hyper as it was.
    let connection = server.connections.recv().await.unwrap().await.unwrap();
    assert!(connection.is_err());

    let span = spans.wait_only().await;
    assert_error(&span, Some("timeout"));
    assert_ending(&span, None);
}

#[tokio::test]
async fn a_future_that_is_dropped_before_its_first_poll_is_cancelled() {
    let spans = Spans::new();
    let (app, _begins) = slow(&spans);
    let request = http::Request::get("/slow").body(Body::empty()).unwrap();
    drop(app.oneshot(request));
    // A router calls its layers when it is polled; a bare service when it is called.
    assert_eq!(spans.started(), 0);

    let mut service =
        ServiceBuilder::new()
            .layer(spans.server())
            .service_fn(async |_: http::Request<Body>| {
                Ok::<_, Infallible>(Response::new(Body::empty()))
            });
    let future = tower::Service::call(&mut service, http::Request::new(Body::empty()));
    assert_eq!((spans.started(), spans.ended().len()), (1, 0));
    drop(future);
    assert_left(&spans.only());
}

#[test]
fn a_runtime_that_stops_ends_what_it_was_at() {
    let spans = Spans::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (app, mut begins) = slow(&spans);
    let socket = runtime.block_on(async {
        let mut socket = connect(serve_axum(app).await).await;
        socket
            .write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        begins.recv().await.unwrap();
        socket
    });
    drop(runtime);
    drop(socket);
    assert_left(&spans.only());
}
