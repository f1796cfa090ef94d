//! A collector on the loopback: OTLP over HTTP, decoded, on a thread of its own.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

#[allow(
    clippy::duplicate_mod,
    reason = "a test may have the common parts besides"
)]
#[path = "../common/vacant.rs"]
pub mod vacant;

use std::{
    future::pending,
    io::{self, Read},
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, mpsc},
    thread,
    time::Duration,
};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest,
        metrics::v1::ExportMetricsServiceRequest,
        trace::v1::{
            ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
        },
    },
    common::v1::any_value::Value,
    logs::v1::{LogRecord, ResourceLogs},
    metrics::v1::{Metric, ResourceMetrics},
    trace::v1::ResourceSpans,
};
use prost::Message;
use tokio::net::TcpListener;

/// Far more than anything here takes; only a test that fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
pub enum Answer {
    Status(u16),
    /// 200, and that it took all spans but so many.
    AllBut(i64),
    /// 200, but not at once.
    After(Duration),
    /// Accepts and never answers.
    Never,
    /// Closes the connection instead.
    HangUp,
}

/// What a collector was asked.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    pub headers: HeaderMap,
    pub spans: Vec<ResourceSpans>,
    pub logs: Vec<ResourceLogs>,
}

#[derive(Default)]
struct Seen {
    calls: Mutex<Vec<Call>>,
    metrics: Mutex<Vec<Vec<ResourceMetrics>>>,
    more: Condvar,
    metrics_answer: Mutex<Option<Answer>>,
}

pub struct Collector {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    answer: Arc<Mutex<Answer>>,
}

impl Collector {
    pub fn start() -> Self {
        Self::answering(Answer::Status(200))
    }

    pub fn answering(answer: Answer) -> Self {
        let seen = Arc::new(Seen::default());
        let answer = Arc::new(Mutex::new(answer));
        let (tell, told) = mpsc::channel();
        let served = (Arc::clone(&seen), Arc::clone(&answer));
        thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    tell.send(listener.local_addr().unwrap()).unwrap();
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        let (seen, answer) = served.clone();
                        let service = service_fn(move |request| {
                            serve(Arc::clone(&seen), Arc::clone(&answer), request)
                        });
                        tokio::spawn(
                            http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                        );
                    }
                })
        });
        Self {
            address: told.recv().unwrap(),
            seen,
            answer,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// What metrics get instead of 200.
    pub fn answer_metrics(&self, answer: Answer) {
        *self.seen.metrics_answer.lock().unwrap() = Some(answer);
    }

    /// Each export of metrics, once there are so many.
    #[track_caller]
    pub fn wait_for_metrics(&self, count: usize) -> Vec<Vec<ResourceMetrics>> {
        let metrics = self.seen.metrics.lock().unwrap();
        let (metrics, timeout) = self
            .seen
            .more
            .wait_timeout_while(metrics, PATIENCE, |metrics| metrics.len() < count)
            .unwrap();
        assert!(!timeout.timed_out(), "only {} exports", metrics.len());
        metrics.clone()
    }

    /// How many exports of metrics there were.
    pub fn metrics_so_far(&self) -> usize {
        self.seen.metrics.lock().unwrap().len()
    }

    /// What the last export says of the instrument of this name.
    #[track_caller]
    pub fn metric(&self, name: &str) -> Metric {
        let exports = self.wait_for_metrics(1);
        let metrics: Vec<_> = exports.last().unwrap().iter().flat_map(metrics).collect();
        let found = metrics.iter().find(|metric| metric.name == name);
        let Some(found) = found else {
            panic!("no {name}: {metrics:#?}")
        };
        found.clone()
    }

    /// What came but metrics.
    pub fn calls(&self) -> Vec<Call> {
        self.seen.calls.lock().unwrap().clone()
    }

    /// The calls, once there are so many.
    #[track_caller]
    pub fn wait_for_calls(&self, count: usize) -> Vec<Call> {
        let calls = self.seen.calls.lock().unwrap();
        let (calls, timeout) = self
            .seen
            .more
            .wait_timeout_while(calls, PATIENCE, |calls| calls.len() < count)
            .unwrap();
        assert!(!timeout.timed_out(), "only {} calls", calls.len());
        calls.clone()
    }

    /// The names of all spans that arrived.
    pub fn names(&self) -> Vec<String> {
        self.calls().iter().flat_map(Call::names).collect()
    }
}

impl Call {
    pub fn names(&self) -> Vec<String> {
        self.spans
            .iter()
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans)
            .map(|span| span.name.clone())
            .collect()
    }

    /// The log records of this target, in their order. OTLP carries a target as the name of a scope.
    pub fn records(&self, target: &str) -> Vec<LogRecord> {
        let scopes = self.logs.iter().flat_map(|resource| &resource.scope_logs);
        let named = scopes.filter(|logs| {
            let scope = logs.scope.as_ref();
            scope.is_some_and(|scope| scope.name.starts_with(target))
        });
        named.flat_map(|logs| logs.log_records.clone()).collect()
    }

    /// A text attribute of the resource of the first spans.
    pub fn resource(&self, key: &str) -> Option<String> {
        let attributes = &self.spans[0].resource.as_ref()?.attributes;
        let found = attributes.iter().find(|attribute| attribute.key == key)?;
        match found.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => Some(text.clone()),
            other => Some(format!("{other:?}")),
        }
    }
}

pub fn metrics(resource: &ResourceMetrics) -> Vec<Metric> {
    let scopes = resource.scope_metrics.iter();
    scopes.flat_map(|scope| scope.metrics.clone()).collect()
}

/// An address where nobody listens.
pub fn nobody() -> String {
    format!("http://{}", vacant::address())
}

async fn serve(
    seen: Arc<Seen>,
    answer: Arc<Mutex<Answer>>,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let mut body = body.collect().await.unwrap().to_bytes();
    if parts
        .headers
        .get("content-encoding")
        .is_some_and(|coding| coding == "gzip")
    {
        let mut plain = Vec::new();
        GzDecoder::new(&*body).read_to_end(&mut plain).unwrap();
        body = plain.into();
    }
    if parts.uri.path() == "/v1/metrics" {
        let metrics = ExportMetricsServiceRequest::decode(body).unwrap();
        seen.metrics.lock().unwrap().push(metrics.resource_metrics);
        seen.more.notify_all();
        let answer = seen
            .metrics_answer
            .lock()
            .unwrap()
            .unwrap_or(Answer::Status(200));
        return say(answer).await;
    }
    let path = parts.uri.to_string();
    let (mut spans, mut logs) = (Vec::new(), Vec::new());
    if path.ends_with("/v1/logs") {
        logs = ExportLogsServiceRequest::decode(body)
            .unwrap()
            .resource_logs;
    } else {
        spans = ExportTraceServiceRequest::decode(body)
            .unwrap()
            .resource_spans;
    }
    seen.calls.lock().unwrap().push(Call {
        path,
        headers: parts.headers,
        spans,
        logs,
    });
    seen.more.notify_all();
    let answer = *answer.lock().unwrap();
    say(answer).await
}

async fn say(answer: Answer) -> io::Result<Response<Full<Bytes>>> {
    match answer {
        Answer::Never => pending().await,
        Answer::HangUp => Err(io::Error::other("what hyper gets instead of an answer")),
        Answer::After(time) => {
            tokio::time::sleep(time).await;
            Ok(Response::new(Full::default()))
        }
        Answer::AllBut(rejected) => {
            let answer = ExportTraceServiceResponse {
                partial_success: Some(ExportTracePartialSuccess {
                    rejected_spans: rejected,
                    error_message: "too old".to_owned(),
                }),
            };
            Ok(Response::new(Full::from(answer.encode_to_vec())))
        }
        Answer::Status(status) => Ok(Response::builder()
            .status(status)
            // A client that follows redirects goes in circles.
            .header("location", "/elsewhere")
            .body(Full::default())
            .unwrap()),
    }
}
