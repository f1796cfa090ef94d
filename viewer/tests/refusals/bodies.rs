//! Bodies that are not as long as they say, and those that do not come.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::Code;

use crate::{
    assert_well,
    common::{Running, request, span, start, start_with},
    grpc::{TRACES, call},
    http::{JSON, refusal},
};

/// Sends by hand, and reads to the end.
async fn by_hand(viewer: &Running, head: &str, body: &[u8], close: bool) -> String {
    let address = viewer.http.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: {JSON}\r\n{head}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It may have been refused by then.
    stream.write_all(body).await.ok();
    if close {
        stream.shutdown().await.ok();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn bodies_that_are_not_as_long_as_they_say() {
    let viewer = start().await;
    let body = serde_json::to_vec(&request("shop", vec![span(1, 1, None, "a")])).unwrap();
    let longer = format!("content-length: {}", body.len() + 1);
    let answer = by_hand(&viewer, &longer, &body, true).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    let answer = by_hand(&viewer, "content-length: 7", &body, true).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");

    let mut chunks = [b"100000\r\n", &*vec![b' '; 1 << 20], b"\r\n"]
        .concat()
        .repeat(16);
    chunks.extend_from_slice(b"1\r\n{\r\n0\r\n\r\n");
    let answer = by_hand(&viewer, "transfer-encoding: chunked", &chunks, false).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_well(&viewer).await;
}

#[tokio::test]
async fn bodies_that_do_not_come() {
    let viewer = start_with(|options| options.receive_timeout = Duration::from_millis(300)).await;
    let answer = by_hand(&viewer, "content-length: 100", b"{", false).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let refusal = refusal(JSON, body.as_bytes());
    assert_eq!(refusal.code, Code::DeadlineExceeded as i32, "{refusal:?}");

    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let status = call(&viewer, TRACES, None, never).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(viewer.traces().await, 0);
}
