//! OTLP over gRPC, in frames sent by hand.

use std::future;

use axum::body::Body;
use http_body_util::BodyExt;
use tonic::{Code, codegen::Service, transport::Channel};

use crate::{
    assert_well,
    common::{Running, start},
    deep, field, good, gzip, hollow, wide,
};

/// What comes back of a frame sent by hand.
pub(crate) async fn call(
    viewer: &Running,
    path: &str,
    coding: Option<&str>,
    body: Body,
) -> tonic::Status {
    let mut channel = Channel::from_shared(viewer.grpc.clone())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut request = http::Request::post(format!("{}{path}", viewer.grpc))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(coding) = coding {
        request = request.header("grpc-encoding", coding);
    }
    let request = request.body(tonic::body::Body::new(body)).unwrap();
    future::poll_fn(|context| channel.poll_ready(context))
        .await
        .unwrap();
    let (head, body) = channel.call(request).await.unwrap().into_parts();
    let trailers = body.collect().await.unwrap().trailers().cloned();
    tonic::Status::from_header_map(&head.headers)
        .or_else(|| tonic::Status::from_header_map(&trailers?))
        .expect("there is a status")
}

fn frame(flag: u8, message: &[u8]) -> Body {
    let mut frame = vec![flag];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

pub(crate) const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

#[tokio::test]
async fn over_grpc() {
    let viewer = start().await;
    let good = good();
    let packed = gzip(&good);
    let truncated = &packed[..packed.len() - 9];
    let zip = Some("gzip");
    let metrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    for (path, coding, body, code) in [
        (
            TRACES,
            None,
            frame(0, &good[..good.len() - 1]),
            Code::InvalidArgument,
        ),
        (TRACES, None, frame(0, &[0xff; 100]), Code::InvalidArgument),
        (LOGS, None, frame(0, &[0xff; 100]), Code::InvalidArgument),
        (TRACES, None, frame(0, &deep(200)), Code::InvalidArgument),
        (
            TRACES,
            None,
            frame(0, &hollow(1 << 20)),
            Code::ResourceExhausted,
        ),
        (
            TRACES,
            None,
            frame(0, &vec![0; 17 << 20]),
            Code::ResourceExhausted,
        ),
        (
            TRACES,
            zip,
            frame(1, &gzip(&vec![0; 200 << 20])),
            Code::ResourceExhausted,
        ),
        (
            TRACES,
            zip,
            frame(1, &gzip(&hollow(31 << 20))),
            Code::ResourceExhausted,
        ),
        (
            TRACES,
            None,
            frame(0, &wide(70, &field(2, &[]))),
            Code::ResourceExhausted,
        ),
        (TRACES, zip, frame(1, truncated), Code::Internal),
        (TRACES, zip, frame(1, &good), Code::Internal),
        (TRACES, Some("br"), frame(1, &good), Code::Unimplemented),
        (metrics, None, frame(0, &[]), Code::Unimplemented),
    ] {
        let status = call(&viewer, path, coding, body).await;
        assert_eq!(status.code(), code, "{path} {coding:?}: {status:?}");
        assert!(!status.message().is_empty(), "{path} {coding:?}");
    }
    assert_well(&viewer).await;
    let status = call(&viewer, TRACES, zip, frame(1, &packed)).await;
    assert_eq!(status.code(), Code::Ok);
}

/// A page can send a form, or fetch without asking, over HTTP/1.1 and in a type that needs no leave.
#[tokio::test]
async fn pages_of_strangers_send_nothing() {
    let viewer = start().await;
    for (name, value, status) in [
        ("host", "evil.example", 403),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("content-type", "text/plain", 415),
        ("content-type", "application/grpc-web+proto", 415),
        ("content-type", "", 415),
    ] {
        let mut request = viewer
            .client
            .post(format!("{}{TRACES}", viewer.grpc))
            .header(name, value);
        if name != "content-type" {
            request = request.header("content-type", "application/grpc");
        }
        let body = frame(0, &good()).collect().await.unwrap().to_bytes();
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{name}: {value}");
    }
    assert_well(&viewer).await;
}

#[tokio::test]
async fn frames_that_are_none() {
    let viewer = start().await;
    let good = good();
    let longer = u32::try_from(good.len() + 1).unwrap().to_be_bytes();
    let whole = frame(0, &good).collect().await.unwrap().to_bytes();
    for body in [
        Vec::new(),
        vec![0; 4],
        [&[0], &longer[..], &good].concat(),
        [&whole[..], &whole].concat(),
        [&[7], &whole[1..]].concat(),
    ] {
        let status = call(&viewer, TRACES, None, body.into()).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    }
    assert_well(&viewer).await;
}
