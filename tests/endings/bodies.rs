//! Bodies: streamed ones are covered to their end, and those that nobody polls to the end still end well.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, routing::any};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::sleep;
use tower::ServiceBuilder;

use crate::{
    Spans,
    common::{
        assert_ending, assert_error, duration,
        net::{get, http1, http2, raw, read, serve, serve_axum},
        text,
    },
};

const STEP: Duration = Duration::from_millis(20);

/// Five chunks, each after a step; one of them may be an error.
fn steps(error_at: Option<usize>) -> Body {
    Body::from_stream(stream::iter(0..5).then(move |step| async move {
        sleep(STEP).await;
        if Some(step) == error_at {
            return Err(io::Error::from(io::ErrorKind::ConnectionReset));
        }
        Ok(Bytes::from_static(b"step"))
    }))
}

fn app(spans: &Spans, body: impl Fn() -> Body + Clone + Send + Sync + 'static) -> Router {
    Router::new()
        .route("/", any(async move || body()))
        .layer(spans.server())
}

/// Says how long it is, and nothing about its end, as many wrappers do.
struct Sized(Option<Bytes>, u64);

impl http_body::Body for Sized {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(self.1, |data| data.len() as u64))
    }
}

#[tokio::test]
async fn a_streamed_answer_is_covered_to_its_last_byte() {
    let spans = Spans::new();
    let addr = serve_axum(app(&spans, || steps(None))).await;
    for client in [http1(), http2()] {
        spans.reset();
        let ended = spans.started();
        let body = read(client.request(get(addr, "/")).await.unwrap()).await;
        assert_eq!(body.len(), 20);
        let span = spans.wait(ended + 1).await.remove(0);
        assert!(duration(&span) >= 5 * STEP, "{:?}", duration(&span));
        assert_error(&span, None);
        assert_ending(&span, None);
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_body_is_the_span_s() {
    let spans = Spans::new();
    let addr = serve_axum(app(&spans, || steps(Some(2)))).await;
    let response = http1().request(get(addr, "/")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.into_body().collect().await.is_err());

    let span = spans.wait_only().await;
    assert_error(&span, Some("connection_reset"));
    assert_ending(&span, None);
    assert_eq!(
        text(&span, "http.response.status_code").as_deref(),
        Some("200")
    );
    assert!(duration(&span) >= 3 * STEP, "{:?}", duration(&span));
}

#[tokio::test]
async fn bodies_that_nobody_polls_to_their_end_still_end_well() {
    type Make = fn() -> Response<Body>;
    let cases: [(&str, &str, Make); 11] = [
        ("GET", "known length", || Response::new(Body::from("hello"))),
        ("GET", "length declared, not known", || {
            let chunks = [Ok::<_, Infallible>("he"), Ok("llo")];
            let body = Body::from_stream(stream::iter(chunks));
            let response = Response::builder().header(CONTENT_LENGTH, 5);
            response.body(body).unwrap()
        }),
        ("GET", "nothing declared, not known", || {
            let body = Body::from_stream(stream::empty::<Result<Bytes, Infallible>>());
            let response = Response::builder().status(205).header(CONTENT_LENGTH, 0);
            response.body(body).unwrap()
        }),
        ("GET", "known length, end not told", || {
            Response::new(Body::new(Sized(Some("hello".into()), 0)))
        }),
        ("GET", "no length, end not told", || {
            Response::new(Body::new(Sized(Some(Bytes::new()), 0)))
        }),
        ("GET", "empty", || Response::new(Body::empty())),
        ("HEAD", "a length without a body", || {
            let mut response = Response::new(Body::from("hello"));
            response.headers_mut().insert(CONTENT_LENGTH, 5.into());
            response
        }),
        ("HEAD", "a stream", || {
            Response::new(Body::from_stream(stream::repeat_with(|| {
                Ok::<_, Infallible>(Bytes::from_static(b"x"))
            })))
        }),
        ("GET", "204", || {
            let mut response = Response::new(Body::from_stream(stream::pending::<
                Result<Bytes, Infallible>,
            >()));
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }),
        ("GET", "304", || {
            let mut response = Response::new(Body::from_stream(stream::pending::<
                Result<Bytes, Infallible>,
            >()));
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }),
        ("POST", "sent at once", || {
            Response::new(Body::from("x".repeat(100_000)))
        }),
    ];
    for (method, what, make) in cases {
        let spans = Spans::new();
        let service = ServiceBuilder::new()
            .layer(spans.server())
            .service_fn(move |_: Request<Incoming>| async move { Ok::<_, Infallible>(make()) });
        let server = serve(service).await;
        let request = format!(
            "{method} / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        raw(server.addr, request.as_bytes()).await;
        let span = spans.wait_only().await;
        assert_eq!(text(&span, "throughline.ending"), None, "{what}");
        assert_error(&span, None);

        // Over HTTP/2 hyper would send on a body that has no place.
        let has_place = method != "HEAD" && !matches!(what, "204" | "304");
        let clients = has_place.then(http2).into_iter().chain([http1()]);
        for client in clients {
            let before = spans.started();
            let mut request = get(server.addr, "/");
            *request.method_mut() = method.parse().unwrap();
            read(client.request(request).await.unwrap()).await;
            let span = spans.wait(before + 1).await.pop().unwrap();
            assert_eq!(text(&span, "throughline.ending"), None, "{what}");
            assert_error(&span, None);
        }
    }
}

#[tokio::test]
async fn trailers_are_the_end() {
    let spans = Spans::new();
    let make = || {
        let frames = [
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"data"))),
            Ok(Frame::trailers(http::HeaderMap::from_iter([(
                http::HeaderName::from_static("x-sum"),
                http::HeaderValue::from_static("1"),
            )]))),
        ];
        Body::new(http_body_util::StreamBody::new(stream::iter(frames)))
    };
    let addr = serve_axum(app(&spans, make)).await;
    let response = http2().request(get(addr, "/")).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "1");
    let span = spans.wait_only().await;
    assert_error(&span, None);
    assert_ending(&span, None);
}

#[tokio::test]
async fn a_body_that_is_dropped_before_its_end_is_cancelled_and_one_after_it_is_not() {
    let spans = Spans::new();
    let mut service =
        ServiceBuilder::new()
            .layer(spans.server())
            .service_fn(async |_: Request<()>| {
                Ok::<_, Infallible>(Response::new(Sized(Some("ab".into()), 0)))
            });
    let response = tower::Service::call(&mut service, Request::new(()))
        .await
        .unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(2));
    drop(response);
    assert_ending(&spans.only(), Some("cancelled"));

    let mut body = tower::Service::call(&mut service, Request::new(()))
        .await
        .unwrap()
        .into_body();
    body.frame().await.unwrap().unwrap();
    let ended = spans.ended();
    assert_eq!(ended.len(), 2, "the last byte passed");
    drop(body);
    assert_eq!(spans.ended().len(), 2);
    assert_ending(&ended[1], None);
}
