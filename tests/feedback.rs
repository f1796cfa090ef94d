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
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use throughline::{ServerLayer, Setup, Subscriber};
use tower::ServiceExt;

/// Many times the delay of the queues. That nothing comes has no event to wait for; a busy machine makes it no failure.
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
    check(calls.iter().flat_map(|call| &call.logs));
    assert_eq!(collector.names(), ["GET /"]);
}

/// By gRPC, whose connections have more to say, and spans of their own.
#[test]
fn so_does_one_that_exports_by_grpc() {
    let (url, received) = grpc::serve();
    let mut service = Service::start(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
    ]);
    service.wait_for("nothing more to do");
    let before = received.calls();
    assert!(before >= 2, "spans and log records came");
    thread::sleep(IDLE);
    assert_eq!(received.calls(), before);
    service.end();
    check(&received.logs());
    assert_eq!(received.names(), ["GET /"]);
}

/// Only the service's one record is there, whatever its connections said.
#[track_caller]
fn check<'l>(logs: impl IntoIterator<Item = &'l ResourceLogs>) {
    let scopes = logs.into_iter().flat_map(|logs| &logs.scope_logs);
    let mut own = 0;
    for logs in scopes {
        let target = &logs.scope.as_ref().unwrap().name;
        for stranger in [
            "hyper",
            "h2",
            "reqwest",
            "tonic",
            "tower",
            "rustls",
            "opentelemetry",
        ] {
            assert!(!target.starts_with(stranger), "{logs:#?}");
        }
        if target.starts_with("feedback") {
            own += logs.log_records.len();
        }
    }
    assert_eq!(own, 1);
}

/// A collector that speaks gRPC, on a thread of its own.
mod grpc {
    use std::sync::{Arc, Mutex, mpsc};

    use opentelemetry_proto::tonic::{
        collector::{
            logs::v1::{
                ExportLogsServiceRequest, ExportLogsServiceResponse,
                logs_service_server::{LogsService, LogsServiceServer},
            },
            trace::v1::{
                ExportTraceServiceRequest, ExportTraceServiceResponse,
                trace_service_server::{TraceService, TraceServiceServer},
            },
        },
        logs::v1::ResourceLogs,
    };
    use tonic::{
        Request, Response, Status,
        transport::{Server, server::TcpIncoming},
    };

    #[derive(Clone, Default)]
    pub(super) struct Received(Arc<Mutex<All>>);

    #[derive(Default)]
    struct All {
        calls: usize,
        names: Vec<String>,
        logs: Vec<ResourceLogs>,
    }

    impl Received {
        pub(super) fn calls(&self) -> usize {
            self.0.lock().unwrap().calls
        }

        pub(super) fn names(&self) -> Vec<String> {
            self.0.lock().unwrap().names.clone()
        }

        pub(super) fn logs(&self) -> Vec<ResourceLogs> {
            self.0.lock().unwrap().logs.clone()
        }
    }

    pub(super) fn serve() -> (String, Received) {
        let received = Received::default();
        let (spans, logs) = (received.clone(), received.clone());
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
                tell.send(incoming.local_addr().unwrap()).unwrap();
                Server::builder()
                    .add_service(TraceServiceServer::new(spans))
                    .add_service(LogsServiceServer::new(logs))
                    .serve_with_incoming(incoming)
                    .await
            })
        });
        (format!("http://{}", told.recv().unwrap()), received)
    }

    #[tonic::async_trait]
    impl TraceService for Received {
        async fn export(
            &self,
            request: Request<ExportTraceServiceRequest>,
        ) -> Result<Response<ExportTraceServiceResponse>, Status> {
            let mut all = self.0.lock().unwrap();
            all.calls += 1;
            let spans = request.into_inner().resource_spans.into_iter();
            let spans = spans
                .flat_map(|spans| spans.scope_spans)
                .flat_map(|spans| spans.spans);
            all.names.extend(spans.map(|span| span.name));
            Ok(Response::new(ExportTraceServiceResponse::default()))
        }
    }

    #[tonic::async_trait]
    impl LogsService for Received {
        async fn export(
            &self,
            request: Request<ExportLogsServiceRequest>,
        ) -> Result<Response<ExportLogsServiceResponse>, Status> {
            let mut all = self.0.lock().unwrap();
            all.calls += 1;
            all.logs.extend(request.into_inner().resource_logs);
            Ok(Response::new(ExportLogsServiceResponse::default()))
        }
    }
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
