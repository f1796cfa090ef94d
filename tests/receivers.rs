//! Spans by every protocol, to real servers of it that decode what comes; and what the counts say where none takes them.

#[path = "common/vacant.rs"]
mod vacant;

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use axum::{Router, body::Body, extract::State, routing::post};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Request};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::ResourceSpans,
};
use prost::Message;
use throughline::{ServerLayer, Setup, Telemetry};
use tonic::{
    codec::CompressionEncoding,
    transport::{Server, server::TcpIncoming},
};
use tower::ServiceExt;

type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// What a gRPC server took. It says that it left out so many.
#[derive(Clone, Default)]
struct Taken {
    spans: Arc<Mutex<Vec<ResourceSpans>>>,
    leaves_out: i64,
}

#[tonic::async_trait]
impl TraceService for Taken {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let spans = request.into_inner().resource_spans;
        self.spans.lock().unwrap().extend(spans);
        let partial = (self.leaves_out > 0).then(|| ExportTracePartialSuccess {
            rejected_spans: self.leaves_out,
            error_message: "too old".to_owned(),
        });
        Ok(tonic::Response::new(ExportTraceServiceResponse {
            partial_success: partial,
        }))
    }
}

fn setup(vars: &[(&str, &str)]) -> Setup {
    let vars: HashMap<String, String> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .chain([
            ("OTEL_METRICS_EXPORTER".to_owned(), "none".to_owned()),
            ("OTEL_LOGS_EXPORTER".to_owned(), "none".to_owned()),
        ])
        .collect();
    Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(|_| {})
}

async fn serve(telemetry: &Telemetry, count: usize) {
    let app = Router::new()
        .route("/a", axum::routing::get(|| async { "" }))
        .layer(ServerLayer::new().telemetry(telemetry));
    for _ in 0..count {
        let request = Request::get("/a").body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap();
    }
}

fn names(spans: &[ResourceSpans]) -> Vec<&str> {
    let scopes = spans.iter().flat_map(|resource| &resource.scope_spans);
    let spans = scopes.flat_map(|scope| &scope.spans);
    spans.map(|span| &*span.name).collect()
}

async fn http_server() -> (String, Seen) {
    let seen = Seen::default();
    let keep = |State(seen): State<Seen>, headers: HeaderMap, body: Bytes| async move {
        seen.lock().unwrap().push((headers, body));
    };
    let app = Router::new()
        .route("/{*path}", post(keep))
        .with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, seen)
}

#[tokio::test]
async fn http_in_both_encodings_and_compressed() {
    for (protocol, compression) in [
        ("http/protobuf", "none"),
        ("http/protobuf", "gzip"),
        ("http/protobuf", "zstd"),
        ("http/json", "none"),
        ("http/json", "gzip"),
        ("http/json", "zstd"),
    ] {
        let (url, seen) = http_server().await;
        let telemetry = setup(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
        ])
        .build()
        .unwrap();
        serve(&telemetry, 2).await;
        telemetry.shutdown().await.unwrap();
        let (headers, body) = seen.lock().unwrap().remove(0);
        let body = match headers.get("content-encoding").map(|name| name.as_bytes()) {
            None => body.to_vec(),
            Some(b"gzip") => {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&*body)
                    .read_to_end(&mut plain)
                    .unwrap();
                plain
            }
            Some(_) => zstd::decode_all(&*body).unwrap(),
        };
        assert_eq!(
            headers.contains_key("content-encoding"),
            compression != "none"
        );
        let request = if protocol == "http/json" {
            assert_eq!(headers["content-type"], "application/json");
            serde_json::from_slice(&body).unwrap()
        } else {
            ExportTraceServiceRequest::decode(&*body).unwrap()
        };
        assert_eq!(
            names(&request.resource_spans),
            ["GET /a"; 2],
            "{protocol} {compression}"
        );
    }
}

#[tokio::test]
async fn grpc_plain_compressed_and_in_part() {
    for (compression, leaves_out) in [("none", 0), ("gzip", 0), ("none", 2)] {
        let taken = Taken {
            leaves_out,
            ..Taken::default()
        };
        let service =
            TraceServiceServer::new(taken.clone()).accept_compressed(CompressionEncoding::Gzip);
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = incoming.local_addr().unwrap();
        tokio::spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        let telemetry = setup(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
        ])
        .build()
        .unwrap();
        serve(&telemetry, 3).await;
        telemetry.flush().await.ok();
        let counts = telemetry.counts();
        assert_eq!(names(&taken.spans.lock().unwrap()), ["GET /a"; 3]);
        let rejected = u64::try_from(leaves_out).unwrap();
        assert_eq!(
            (counts.made, counts.acknowledged, counts.rejected),
            (3, 3 - rejected, rejected)
        );
        drop(telemetry);
    }
}

/// The pipeline has a thread of its own for it: there need be no runtime, and a runtime's only thread may wait for the end.
#[test]
fn grpc_needs_nobody_s_runtime() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let taken = Taken::default();
    let service = TraceServiceServer::new(taken.clone());
    let (tell, told) = mpsc::channel();
    // It lives as long as the test's process.
    thread::spawn(move || {
        runtime().block_on(async {
            let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            tell.send(incoming.local_addr().unwrap()).unwrap();
            let server = Server::builder().add_service(service);
            server.serve_with_incoming(incoming).await
        })
    });
    let url = format!("http://{}", told.recv().unwrap());
    let pipeline = || {
        let setup = setup(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ]);
        setup.build().unwrap()
    };
    let telemetry = pipeline();
    serve(&telemetry, 2).now_or_never().unwrap();
    drop(telemetry);
    assert_eq!(names(&taken.spans.lock().unwrap()), ["GET /a"; 2]);

    let telemetry = runtime().block_on(async {
        let telemetry = pipeline();
        serve(&telemetry, 3).await;
        drop(telemetry);
        pipeline()
    });
    assert_eq!(names(&taken.spans.lock().unwrap()), ["GET /a"; 5]);

    // The runtime that it was built in is gone.
    serve(&telemetry, 1).now_or_never().unwrap();
    let counts = telemetry.counts_reader();
    drop(telemetry);
    assert_eq!(names(&taken.spans.lock().unwrap()), ["GET /a"; 6]);
    assert_eq!((counts().made, counts().acknowledged), (1, 1));
}

#[tokio::test]
async fn zipkin_takes_what_its_api_describes() {
    let (url, seen) = http_server().await;
    let endpoint = format!("{url}/api/v2/spans");
    let telemetry = setup(&[
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &endpoint),
        ("OTEL_SERVICE_NAME", "shop"),
    ])
    .build()
    .unwrap();
    serve(&telemetry, 1).await;
    telemetry.shutdown().await.unwrap();
    let (headers, body) = seen.lock().unwrap().remove(0);
    assert_eq!(headers["content-type"], "application/json");
    let spans: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let span = &spans[0];
    let is_hex = |value: &serde_json::Value, length| {
        let text = value.as_str().unwrap();
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    assert!(
        is_hex(&span["traceId"], 32) && is_hex(&span["id"], 16),
        "{span}"
    );
    assert_eq!(span["kind"], "SERVER");
    assert_eq!(span["name"], "GET /a");
    assert_eq!(span["localEndpoint"]["serviceName"], "shop");
    assert!(span["timestamp"].as_u64().unwrap() > 1_600_000_000_000_000);
    assert!(span["duration"].as_u64().unwrap() >= 1);
    let tags = span["tags"].as_object().unwrap();
    assert!(tags.values().all(serde_json::Value::is_string), "{span}");
    assert_eq!(tags["http.response.status_code"], "200");
}

/// A server that answers each connection with these bytes, and closes it.
fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 1024];
            drop(stream.read(&mut head));
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    address
}

#[tokio::test]
async fn whatever_a_collector_does_every_span_is_accounted_for() {
    for (what, address) in [
        ("refuses", vacant::address()),
        ("resets", answering("")),
        (
            "breaks off",
            answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"),
        ),
        (
            "503",
            answering("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"),
        ),
        (
            "429",
            answering("HTTP/1.1 429 No\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n"),
        ),
        (
            "400",
            answering("HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n"),
        ),
    ] {
        let url = format!("http://{address}");
        let telemetry = setup(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
        ])
        .shutdown_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
        let counts = telemetry.counts_reader();
        serve(&telemetry, 300).await;
        telemetry.shutdown().await.unwrap_err();
        let counts = counts();
        let sum = counts.acknowledged + counts.rejected + counts.dropped + counts.unknown;
        assert_eq!(
            (counts.made, sum, counts.queued),
            (300, 300, 0),
            "{what}: {counts:?}"
        );
        assert_eq!(counts.acknowledged, 0, "{what}: {counts:?}");
    }
}

/// The collector has named a time after the end: what waits for it is given up at once, however much it is.
#[tokio::test]
async fn a_long_queue_does_not_outlast_the_end() {
    const SPANS: usize = 20_000;
    let address = answering("HTTP/1.1 429 No\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n");
    let url = format!("http://{address}");
    let telemetry = setup(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_BSP_MAX_QUEUE_SIZE", &SPANS.to_string()),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
    ])
    .shutdown_timeout(Duration::from_millis(1))
    .build()
    .unwrap();
    let counts = telemetry.counts_reader();
    serve(&telemetry, SPANS).await;
    telemetry.shutdown().await.unwrap_err();
    let counts = counts();
    assert_eq!(
        (counts.made, counts.dropped, counts.queued),
        (SPANS as u64, SPANS as u64, 0),
        "{counts:?}"
    );
}
