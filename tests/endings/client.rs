//! The client's side: what it did not get is its error, what it did not want is none.

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
};
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::{
    Spans,
    common::{
        assert_ending, assert_error,
        net::{self, Plain, get as request, http1, http2, listen, serve_axum},
        text, vacant,
    },
};

/// A client's own error shows its cause only to who knows its type.
fn word(known: &'static str) -> &'static str {
    if cfg!(feature = "hyper-util") {
        known
    } else {
        "hyper_util::client::legacy::client::Error"
    }
}

fn client(spans: &Spans, inner: Plain) -> throughline::ClientService<Plain> {
    ServiceBuilder::new().layer(spans.client()).service(inner)
}

#[tokio::test]
async fn a_caller_that_wants_no_answer_is_no_error() {
    let spans = Spans::new();
    let (called, is_called) = oneshot::channel();
    let called = std::sync::Arc::new(std::sync::Mutex::new(Some(called)));
    let app = Router::new().route(
        "/",
        get(move || async move {
            called.lock().unwrap().take().unwrap().send(()).unwrap();
            std::future::pending::<()>().await;
        }),
    );
    let addr = serve_axum(app).await;
    let call = tokio::spawn(client(&spans, http1()).oneshot(request(addr, "/")));
    is_called.await.unwrap();
    call.abort();

    let span = spans.wait_only().await;
    assert_error(&span, None);
    assert_ending(&span, Some("cancelled"));
    assert_eq!(text(&span, "http.response.status_code"), None);
}

#[tokio::test]
async fn a_caller_that_wants_no_body_is_no_error() {
    let spans = Spans::new();
    let app = Router::new().route(
        "/",
        get(async || {
            Body::from_stream(stream::repeat_with(|| {
                Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 64 * 1024]))
            }))
        }),
    );
    let addr = serve_axum(app).await;
    for inner in [http1(), http2()] {
        spans.reset();
        let response = client(&spans, inner)
            .oneshot(request(addr, "/"))
            .await
            .unwrap();
        assert_eq!(spans.ended().len(), 0);
        drop(response);
        let span = spans.only();
        assert_error(&span, None);
        assert_ending(&span, Some("cancelled"));
        assert_eq!(
            text(&span, "http.response.status_code").as_deref(),
            Some("200")
        );
    }
}

#[tokio::test]
async fn a_timeout_outside_is_the_caller_s_wish_and_one_inside_an_error() {
    let (listener, addr) = listen().await;
    let silent = tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            kept.push(listener.accept().await.unwrap());
        }
    });
    let spans = Spans::new();
    let limit = Duration::from_millis(20);
    let layer = spans.client();
    let outside = ServiceBuilder::new()
        .timeout(limit)
        .layer(layer.clone())
        .service(http1());
    assert!(outside.oneshot(request(addr, "/")).await.is_err());
    let span = spans.only();
    assert_error(&span, None);
    assert_ending(&span, Some("cancelled"));

    spans.reset();
    let inside = ServiceBuilder::new()
        .layer(layer)
        .timeout(limit)
        .service(http1());
    assert!(inside.oneshot(request(addr, "/")).await.is_err());
    let span = spans.only();
    assert_error(&span, Some("timeout"));
    assert_ending(&span, None);
    silent.abort();
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let spans = Spans::new();
    let addr = vacant::address();
    let answer = client(&spans, http1()).oneshot(request(addr, "/")).await;
    assert!(answer.is_err());
    let span = spans.only();
    assert_error(&span, Some(word("connection_refused")));
    assert_ending(&span, None);
    assert_eq!(text(&span, "http.response.status_code"), None);
}

#[tokio::test]
async fn a_server_that_breaks_off_is_an_error() {
    let cases: [(&str, &str, &str); 3] = [
        ("", word("incomplete_message"), "before the head"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
            "unexpected_eof",
            "known length",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "unexpected_eof",
            "chunked",
        ),
    ];
    for (answer, error_type, what) in cases {
        let spans = Spans::new();
        let (listener, addr) = listen().await;
        tokio::spawn(async move {
            // The client tries again where no byte was answered, if it may.
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = [0; 1024];
                let _count = socket.read(&mut head).await.unwrap();
                socket.write_all(answer.as_bytes()).await.unwrap();
                socket.shutdown().await.unwrap();
            }
        });
        let result = client(&spans, http1()).oneshot(request(addr, "/")).await;
        if let Ok(response) = result {
            assert!(response.into_body().collect().await.is_err(), "{what}");
        }
        let span = spans.only();
        assert_error(&span, Some(error_type));
        assert_ending(&span, None);
    }
}

#[tokio::test]
async fn a_404_is_the_client_s_error_and_not_the_server_s() {
    let (server, caller) = (Spans::new(), Spans::new());
    let app = Router::new()
        .route("/500", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .layer(server.server());
    let addr = serve_axum(app).await;
    let mut client = client(&caller, http1());
    for (path, status, on_server) in [("/404", "404", None), ("/500", "500", Some("500"))] {
        server.reset();
        caller.reset();
        let before = server.started();
        let response = client.call(request(addr, path)).await.unwrap();
        net::read(response).await;
        assert_error(&caller.only(), Some(status));
        let span = server.wait(before + 1).await.remove(0);
        assert_error(&span, on_server);
        for span in [span, caller.only()] {
            assert_eq!(
                text(&span, "http.response.status_code").as_deref(),
                Some(status)
            );
        }
    }
}

#[tokio::test]
async fn the_span_ends_with_the_last_byte_read_and_not_before() {
    let spans = Spans::new();
    let app = Router::new()
        .route("/", get(async || "hello"))
        .route("/empty", get(async || ()));
    let addr = serve_axum(app).await;
    let mut client = client(&spans, http1());
    let mut body = client.call(request(addr, "/")).await.unwrap().into_body();
    assert_eq!(spans.ended().len(), 0);
    body.frame().await.unwrap().unwrap();
    assert_ending(&spans.only(), None);
    drop(body);

    spans.reset();
    let _response = client.call(request(addr, "/empty")).await.unwrap();
    assert_ending(&spans.only(), None);

    spans.reset();
    let head = Request::head(format!("http://{addr}/"))
        .body(Full::default())
        .unwrap();
    let _response = client.call(head).await.unwrap();
    assert_ending(&spans.only(), None);
}
