//! Spans through receivers that others wrote: oteltap, which prints what it takes, and rotel, a collector that relays it;
//! and from a service that has another exporter besides. `.ci/receivers` installs the first two and builds the third.

#![allow(
    clippy::disallowed_methods,
    reason = "what a test is asked for stands in the environment"
)]

mod collector;

use std::{
    collections::HashSet,
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use axum::{Router, body::Body, routing::get};
use collector::{Collector, vacant};
use http::Request;
use opentelemetry_proto::tonic::trace::v1::Span;
use throughline::{ServerLayer, Setup, Telemetry};
use tower::ServiceExt;

/// So many that they are several batches.
const SPANS: usize = 1200;

/// A program that ends with the test.
struct Program(Child);

impl Program {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        let out: ChildStdout = self.0.stdout.take().unwrap();
        BufReader::new(out).lines().map_while(Result::ok)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A file of those that are installed. `None` where it is not there, which is told.
fn installed(what: &str) -> Option<PathBuf> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    let path = target.join(what);
    if path.exists() {
        return Some(path);
    }
    let why = format!(
        "skipped: {} is not there; .ci/receivers installs it",
        path.display()
    );
    assert!(
        env::var("THROUGHLINE_REQUIRE").as_deref() != Ok("1"),
        "{why}"
    );
    eprintln!("{why}");
    None
}

/// What is refused while the receiver starts is sent again.
fn telemetry(protocol: &'static str, to: SocketAddr) -> Telemetry {
    Setup::new()
        .lookup(move |name| {
            let value = match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => format!("http://{to}"),
                "OTEL_EXPORTER_OTLP_PROTOCOL" => protocol.to_owned(),
                "OTEL_EXPORTER_OTLP_TIMEOUT" => "60000".to_owned(),
                "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => "none".to_owned(),
                _ => return None,
            };
            Some(value)
        })
        .shutdown_timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}

/// Each is a span; all are acknowledged.
async fn deliver(telemetry: Telemetry) {
    let app = Router::new()
        .route("/orders/{id}", get(|| async { "" }))
        .layer(ServerLayer::new().telemetry(&telemetry));
    for id in 0..SPANS {
        let request = Request::get(format!("/orders/{id}"));
        let request = request.body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap();
    }
    let counts = telemetry.counts_reader();
    telemetry.shutdown().await.unwrap();
    let (made, acknowledged) = (counts().made, counts().acknowledged);
    assert_eq!((made, acknowledged), (SPANS as u64, SPANS as u64));
}

/// No span is there twice.
#[track_caller]
fn assert_all_differ(spans: &[(String, String)]) {
    let ids: HashSet<_> = spans.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), SPANS);
    assert!(spans.iter().all(|(_, name)| name == "GET /orders/{id}"));
}

#[tokio::test]
async fn oteltap_prints_each_span() {
    let Some(program) = installed("receivers/bin/oteltap") else {
        return;
    };
    let address = vacant::address();
    let mut tap = Program::start(
        Command::new(program)
            .args(["--port", &address.port().to_string()])
            .env("PYTHONUNBUFFERED", "1"),
    );
    let mut lines = tap.lines();
    let first = lines.next().expect("it says that it listens");
    assert!(first.starts_with("Listening"), "{first}");
    deliver(telemetry("http/protobuf", address)).await;
    let spans = lines.take(SPANS).map(|line| {
        let span: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |key: &str| span[key].as_str().unwrap().to_owned();
        (text("spanId"), text("name"))
    });
    assert_all_differ(&spans.collect::<Vec<_>>());
}

/// A collector that sends on what it takes, and its addresses for gRPC and HTTP.
fn relay(program: &Path, behind: &Collector) -> (Program, [SocketAddr; 2]) {
    let (grpc, http) = (vacant::address(), vacant::address());
    let mut command = Command::new(program);
    command
        .arg("start")
        .args(["--otlp-grpc-endpoint", &grpc.to_string()])
        .args(["--otlp-http-endpoint", &http.to_string()])
        .args(["--exporter", "otlp"])
        .args(["--otlp-exporter-endpoint", &behind.url()])
        .args(["--otlp-exporter-protocol", "http"]);
    (Program::start(&mut command), [grpc, http])
}

#[tokio::test]
async fn rotel_relays_each_span() {
    let Some(program) = installed("receivers/bin/rotel-agent") else {
        return;
    };
    for protocol in ["grpc", "http/protobuf", "http/json"] {
        let behind = Collector::start();
        let (_relay, [grpc, http]) = relay(&program, &behind);
        let to = if protocol == "grpc" { grpc } else { http };
        deliver(telemetry(protocol, to)).await;
        assert_all_differ(&taken(&behind, SPANS));
    }
}

/// What `opentelemetry-otlp/reqwest-client` turns on in the crates that both depend on is in our exporter too.
#[test]
fn a_service_with_another_exporter_besides_delivers() {
    let (Some(service), Some(program)) = (
        installed("debug/foreign-otlp"),
        installed("receivers/bin/rotel-agent"),
    ) else {
        return;
    };
    for protocol in ["grpc", "http/protobuf"] {
        let behind = Collector::start();
        let (_relay, [grpc, _]) = relay(&program, &behind);
        let to = if protocol == "grpc" {
            grpc
        } else {
            behind.address
        };
        let status = Command::new(&service)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{to}"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
            .env("OTEL_METRICS_EXPORTER", "none")
            .status();
        assert!(status.unwrap().success(), "{protocol}");
        assert_eq!(taken(&behind, 3).len(), 3, "{protocol}");
    }
}

/// Ids and names of all, once there are so many.
fn taken(behind: &Collector, count: usize) -> Vec<(String, String)> {
    let mut calls = 1;
    loop {
        let all = behind.wait_for_calls(calls);
        let spans = all.iter().flat_map(|call| &call.spans);
        let spans = spans.flat_map(|resource| &resource.scope_spans);
        let spans = spans.flat_map(|scope| &scope.spans);
        let spans: Vec<_> = spans
            .map(|span: &Span| (format!("{:x?}", span.span_id), span.name.clone()))
            .collect();
        if spans.len() >= count {
            assert_eq!(spans.len(), count);
            return spans;
        }
        calls = all.len() + 1;
    }
}
