//! Active requests are counted while they last and are back at zero, however they end.

use std::{convert::Infallible, future::pending, io, time::Duration};

use axum::{
    BoxError, Router, body::Body, error_handling::HandleErrorLayer, response::Response,
    routing::get,
};
use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tokio::{io::AsyncWriteExt, sync::mpsc};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::{
    Spans,
    common::{
        PATIENCE,
        net::{connect, get as request, http1, http2, read_until, serve_axum},
        text,
    },
};

const SHORT: Duration = Duration::from_millis(20);

/// `/slow` says when it began and never answers, `/endless` never ends its body, `/panics` panics.
fn routes() -> (Router, mpsc::UnboundedReceiver<()>) {
    let (began, begins) = mpsc::unbounded_channel();
    let slow = move || {
        began.send(()).unwrap();
        pending::<()>()
    };
    let app = Router::new()
        .route("/slow", get(slow))
        .route("/endless", get(endless))
        .route("/panics", get(panics));
    (app, begins)
}

async fn endless() -> Body {
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    Body::from_stream(stream::repeat_with(move || {
        Ok::<_, io::Error>(chunk.clone())
    }))
}

async fn panics() -> StatusCode {
    panic!("on purpose")
}

#[track_caller]
fn assert_active(spans: &Spans, side: &str, wanted: f64) {
    let points = spans.meters.of(&format!("http.{side}.active_requests"));
    assert!(!points.is_empty(), "nothing was counted");
    let sum: f64 = points.iter().map(|point| point.sum()).sum();
    assert_eq!(sum, wanted, "{points:#?}");
}

/// The one request is over, with this error or none (a client may leave).
async fn assert_over(spans: &Spans, side: &str, error_type: Option<&str>) {
    let span = spans.wait_only().await;
    assert_eq!(text(&span, "error.type").as_deref(), error_type);
    assert_active(spans, side, 0.0);
}

#[tokio::test]
async fn a_caller_that_leaves_before_the_head() {
    let spans = Spans::new();
    let (app, mut begins) = routes();
    let addr = serve_axum(app.layer(spans.server())).await;
    let mut socket = connect(addr).await;
    let asked = b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n";
    socket.write_all(asked).await.unwrap();
    begins.recv().await.unwrap();
    assert_active(&spans, "server", 1.0);
    drop(socket);
    assert_over(&spans, "server", Some("cancelled")).await;
}

#[tokio::test]
async fn a_caller_that_resets_its_stream() {
    let spans = Spans::new();
    let (app, mut begins) = routes();
    let addr = serve_axum(app.layer(spans.server())).await;
    let client = http2();
    let call = tokio::spawn(client.request(request(addr, "/slow")));
    begins.recv().await.unwrap();
    assert_active(&spans, "server", 1.0);
    call.abort();
    assert_over(&spans, "server", Some("cancelled")).await;
}

#[tokio::test]
async fn a_caller_that_leaves_in_the_body() {
    let spans = Spans::new();
    let (app, _begins) = routes();
    let addr = serve_axum(app.layer(spans.server())).await;
    let mut socket = connect(addr).await;
    let asked = b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n";
    socket.write_all(asked).await.unwrap();
    read_until(&mut socket, "xxxx").await;
    assert_active(&spans, "server", 1.0);
    drop(socket);
    assert_over(&spans, "server", Some("cancelled")).await;
}

#[tokio::test]
async fn a_handler_that_panics() {
    let spans = Spans::new();
    let (app, _begins) = routes();
    let addr = serve_axum(app.layer(spans.server())).await;
    http1().request(request(addr, "/panics")).await.unwrap_err();
    assert_over(&spans, "server", Some("panic")).await;
}

#[tokio::test]
async fn a_timeout_on_either_side_of_the_layer() {
    for (is_inside, error_type) in [(true, "504"), (false, "cancelled")] {
        let spans = Spans::new();
        let (app, _begins) = routes();
        let timeout = ServiceBuilder::new()
            .layer(HandleErrorLayer::new(async |_: BoxError| {
                StatusCode::GATEWAY_TIMEOUT
            }))
            .timeout(SHORT);
        let app = if is_inside {
            app.layer(timeout).layer(spans.server())
        } else {
            app.layer(spans.server()).layer(timeout)
        };
        let addr = serve_axum(app).await;
        let response = http1().request(request(addr, "/slow")).await.unwrap();
        assert_eq!(response.status(), 504);
        response.into_body().collect().await.unwrap();
        assert_over(&spans, "server", Some(error_type)).await;
    }
}

#[tokio::test]
async fn a_client_that_gives_up() {
    let spans = Spans::new();
    let (sent, mut sends) = mpsc::unbounded_channel();
    let client = spans.client().layer(service_fn(move |_: Request<Body>| {
        sent.send(()).unwrap();
        pending::<Result<Response, Infallible>>()
    }));
    let asked = Request::get("http://shop.example/").body(Body::empty());
    let call = tokio::spawn(client.oneshot(asked.unwrap()));
    let sends = tokio::time::timeout(PATIENCE, sends.recv());
    sends.await.unwrap().unwrap();
    assert_active(&spans, "client", 1.0);
    call.abort();
    assert_over(&spans, "client", None).await;
}
