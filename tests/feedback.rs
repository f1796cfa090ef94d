//! An idle service exports nothing, whatever is filtered: what its exporters' connections say is no span and no log record.
//!
//! The service is a process of its own, this very program, so that no other part speaks through its subscriber.

#[path = "collector/mod.rs"]
mod collector;

use std::{
    io::{self, BufRead, BufReader, Read},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use axum::{Router, body::Body, routing::get};
use collector::Collector;
use http::Request;
use throughline::{ServerLayer, Setup, Subscriber};
use tower::ServiceExt;

/// Many times the delay of the queues.
const IDLE: Duration = Duration::from_millis(500);
const DELAY: &str = "20";

struct Service {
    process: Child,
    /// Closing it ends the service.
    stdin: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
}

impl Service {
    fn start(variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["service", "--exact", "--ignored", "--nocapture"])
            .env("RUST_LOG", "trace")
            .env("OTEL_METRICS_EXPORTER", "none")
            .env("OTEL_BSP_SCHEDULE_DELAY", DELAY)
            .env("OTEL_BLRP_SCHEDULE_DELAY", DELAY)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take());
        Self {
            process,
            stdin,
            lines: BufReader::new(stdout.unwrap()),
        }
    }

    /// Reads lines until one has this in it.
    fn wait_for(&mut self, part: &str) {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            let read = self.lines.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ended before it said {part:?}");
        }
    }

    /// Ends it in order. Returns what it still said.
    fn end(mut self) -> String {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        assert!(self.process.wait().unwrap().success(), "{rest}");
        rest
    }
}

impl Drop for Service {
    /// It does not outlive a test that fails.
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The service that the others start.
#[tokio::test]
#[ignore = "it is run by the others"]
async fn service() {
    let telemetry = Setup::new()
        .subscriber(Subscriber::text().spans("trace"))
        .init()
        .unwrap();
    let handler = async || tracing::info!("sold");
    let app = Router::new()
        .route("/", get(handler))
        .layer(ServerLayer::new());
    let request = Request::get("/").body(Body::empty()).unwrap();
    app.oneshot(request).await.unwrap();
    // The exporters have connections now.
    telemetry.flush().await.unwrap();
    println!("\nnothing more to do");
    tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()))
        .await
        .unwrap()
        .unwrap();
    telemetry.shutdown().await.unwrap();
}

#[test]
fn an_idle_service_exports_nothing_even_if_everything_is_let_through() {
    let collector = Collector::start();
    let url = collector.url();
    let mut service = Service::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]);
    service.wait_for("nothing more to do");
    let before = collector.calls().len();
    thread::sleep(IDLE);
    let after = collector.calls();
    assert_eq!(after.len(), before, "{after:#?}");
    service.end();

    // Of everything that was said, also at the end, only the service's own left it.
    let calls = collector.calls();
    let said: Vec<_> = calls.iter().flat_map(|call| &call.logs).collect();
    let targets = said
        .iter()
        .flat_map(|logs| &logs.scope_logs)
        .map(|logs| logs.scope.as_ref().unwrap().name.as_str());
    for target in targets {
        for stranger in [
            "hyper",
            "h2",
            "reqwest",
            "tonic",
            "tower",
            "rustls",
            "opentelemetry",
        ] {
            assert!(!target.starts_with(stranger), "{target}: {said:#?}");
        }
    }
    let own: Vec<_> = calls
        .iter()
        .flat_map(|call| call.records("feedback"))
        .collect();
    assert_eq!(own.len(), 1, "{own:#?}");
    assert_eq!(collector.names(), ["GET /"]);
}

#[test]
fn records_are_printed_if_the_variable_says_so() {
    let mut service = Service::start(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "console"),
    ]);
    service.wait_for("Log #0");
    service.end();
}

#[test]
fn records_go_nowhere_if_the_variable_says_so() {
    let collector = Collector::start();
    let url = collector.url();
    let mut service = Service::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    service.wait_for("nothing more to do");
    service.end();
    let calls = collector.calls();
    assert!(calls.iter().all(|call| call.logs.is_empty()), "{calls:#?}");
    assert_eq!(collector.names(), ["GET /"]);
}

#[test]
fn lines_are_left_where_the_sdk_is_disabled() {
    let collector = Collector::start();
    let url = collector.url();
    let mut service = Service::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_SDK_DISABLED", "true"),
    ]);
    service.wait_for("feedback: sold");
    service.end();
    assert!(collector.calls().is_empty(), "{:#?}", collector.calls());
}
