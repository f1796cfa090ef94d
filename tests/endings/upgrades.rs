//! A connection that becomes something else: the span covers the handshake.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Service, ServiceBuilder};

use crate::{
    Spans,
    common::{
        assert_ending, assert_error,
        net::{connect, http1, read_until, serve},
        text,
    },
};

/// Says what it gets, over the connection that is no longer HTTP.
async fn echo(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.method() != Method::CONNECT {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut io = TokioIo::new(upgrade.await.unwrap());
        let mut said = [0; 4];
        io.read_exact(&mut said).await.unwrap();
        io.write_all(&said).await.unwrap();
    });
    Ok(response)
}

async fn handshake(spans: &Spans, head: &str) -> String {
    let service = ServiceBuilder::new().layer(spans.server()).service_fn(echo);
    let mut socket = connect(serve(service).await.addr).await;
    socket.write_all(head.as_bytes()).await.unwrap();
    let answer = read_until(&mut socket, "\r\n\r\n").await;
    // The exchange is over, the connection is not.
    let span = spans.wait_only().await;
    assert_error(&span, None);
    assert_ending(&span, Some("upgraded"));
    socket.write_all(b"ping").await.unwrap();
    let mut said = [0; 4];
    socket.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"ping");
    assert_eq!((spans.started(), spans.ended().len()), (1, 1));
    answer
}

#[tokio::test]
async fn a_websocket_handshake() {
    let spans = Spans::new();
    let head = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let answer = handshake(&spans, head).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert_eq!(
        text(&spans.only(), "http.response.status_code").as_deref(),
        Some("101")
    );
}

#[tokio::test]
async fn a_connect_tunnel() {
    let spans = Spans::new();
    let head = "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n";
    let answer = handshake(&spans, head).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let span = spans.only();
    assert_eq!(span.name, "CONNECT");
    // The target of CONNECT is a host and no path.
    assert_eq!(text(&span, "url.path"), None);
    assert_eq!(
        text(&span, "server.address").as_deref(),
        Some("example.com")
    );
}

#[tokio::test]
async fn a_connect_that_is_refused_is_no_upgrade() {
    let spans = Spans::new();
    let service =
        ServiceBuilder::new()
            .layer(spans.server())
            .service_fn(async |_: Request<Incoming>| {
                let mut response = Response::new(Full::<Bytes>::from("no"));
                *response.status_mut() = StatusCode::FORBIDDEN;
                Ok::<_, Infallible>(response)
            });
    let mut socket = connect(serve(service).await.addr).await;
    socket
        .write_all(b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut socket, "no").await;
    let span = spans.wait_only().await;
    assert_ending(&span, None);
    assert_error(&span, None);
}

#[tokio::test]
async fn a_client_s_own_upgrade() {
    let spans = Spans::new();
    let server = serve(tower::service_fn(echo)).await;
    let mut client = ServiceBuilder::new().layer(spans.client()).service(http1());
    let request = Request::get(format!("http://{}/chat", server.addr))
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .body(Full::<Bytes>::default())
        .unwrap();
    let response = client.call(request).await.unwrap();
    assert_eq!(response.status(), 101);
    let span = spans.only();
    assert_ending(&span, Some("upgraded"));
    assert_error(&span, None);

    let mut io = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    io.write_all(b"ping").await.unwrap();
    let mut said = [0; 4];
    io.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"ping");
    assert_eq!(spans.ended().len(), 1);
}
