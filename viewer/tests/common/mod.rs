//! A viewer on free ports, and what senders send.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod golden;

use std::net::SocketAddr;

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use throughline_viewer::{Options, Viewer};
use tokio::sync::{oneshot, watch};

pub(crate) struct Running {
    pub(crate) page: String,
    pub(crate) http: String,
    pub(crate) grpc: String,
    pub(crate) client: Client,
    /// Grows with each commit.
    pub(crate) changes: watch::Receiver<u64>,
    _stop: oneshot::Sender<()>,
}

pub(crate) async fn start() -> Running {
    start_with(|_| {}).await
}

pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Running {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options::default();
    options.page = free;
    options.grpc = Some(free);
    options.http = Some(free);
    change(&mut options);
    let viewer = Viewer::start(&options).await.unwrap();
    let address = |address: SocketAddr| format!("http://{address}");
    let page = address(viewer.page_addr().unwrap());
    let http = address(viewer.http_addr().unwrap().unwrap());
    let grpc = address(viewer.grpc_addr().unwrap().unwrap());
    let changes = viewer.store().changes();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(viewer.serve(async {
        stopped.await.ok();
    }));
    Running {
        page,
        http,
        grpc,
        client: Client::new(),
        changes,
        _stop: stop,
    }
}

impl Running {
    pub(crate) async fn send(&self, kind: &str, body: impl Into<reqwest::Body>) -> Response {
        self.client
            .post(format!("{}/v1/traces", self.http))
            .header("content-type", kind)
            .body(body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn send_spans(&self, service: &str, spans: Vec<Span>) {
        use prost::Message;
        let body = request(service, spans).encode_to_vec();
        let answer = self.send("application/x-protobuf", body).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.bytes().await.unwrap().len(), 0, "all were taken");
    }

    pub(crate) async fn send_logs(&self, service: &str, records: Vec<LogRecord>) {
        use prost::Message;
        let logs = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(resource(service)),
                scope_logs: vec![ScopeLogs {
                    log_records: records,
                    ..ScopeLogs::default()
                }],
                ..ResourceLogs::default()
            }],
        };
        let answer = self
            .client
            .post(format!("{}/v1/logs", self.http))
            .header("content-type", "application/x-protobuf")
            .body(logs.encode_to_vec())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.bytes().await.unwrap().len(), 0, "all were taken");
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = self
            .client
            .get(format!("{}{path}", self.page))
            .send()
            .await
            .unwrap();
        let status = answer.status();
        (status, answer.text().await.unwrap())
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, text) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// How many traces are there.
    pub(crate) async fn traces(&self) -> usize {
        let all = "/api/v3/trace-summaries?query.startTimeMin=1970-01-01T00:00:00Z&query.startTimeMax=2200-01-01T00:00:00Z&query.searchDepth=1500";
        self.json(all).await["summaries"].as_array().unwrap().len()
    }
}

pub(crate) fn request(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource(service)),
            scope_spans: vec![ScopeSpans {
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn resource(service: &str) -> Resource {
    Resource {
        attributes: vec![attribute("service.name", service)],
        ..Resource::default()
    }
}

pub(crate) fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// A span of 5 ms, a second after 2026 for each number of its trace.
pub(crate) fn span(trace: u128, id: u64, parent: Option<u64>, name: &str) -> Span {
    const YEAR: u64 = 1_767_225_600_000_000_000;
    let start = YEAR + (trace as u64 % 1_000_000) * 1_000_000_000 + id * 1_000_000;
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: parent
            .map(|id| id.to_be_bytes().to_vec())
            .unwrap_or_default(),
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 5_000_000,
        ..Span::default()
    }
}
