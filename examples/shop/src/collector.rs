//! The receiving end of OTLP/HTTP: what an OpenTelemetry collector does, as little of it as the shop needs.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse},
        trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::ResourceLogs,
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, Span as OtlpSpan, span::SpanKind, status::StatusCode as OtlpStatus,
    },
};
use prost::Message;
use throughline_viewer::Store;
use tokio::{net::TcpListener, sync::mpsc};

use crate::{
    logs::Record,
    trace::{Kind, Span},
};

/// More than any batch of spans.
const BODY_LIMIT: usize = 16 << 20;

/// Takes in the spans and log records of all services, on a port of its own, and shows them to the viewer.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    spans: mpsc::UnboundedReceiver<Vec<Span>>,
    records: mpsc::UnboundedReceiver<Vec<Record>>,
}

/// Where what comes is handed on.
#[derive(Clone, Debug)]
struct Hands {
    spans: mpsc::UnboundedSender<Vec<Span>>,
    records: mpsc::UnboundedSender<Vec<Record>>,
    viewer: Store,
}

impl Collector {
    pub(crate) async fn start(viewer: Store) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (to_spans, spans) = mpsc::unbounded_channel();
        let (to_records, records) = mpsc::unbounded_channel();
        let hands = Hands {
            spans: to_spans,
            records: to_records,
            viewer,
        };
        tokio::spawn(accept(listener, hands));
        Ok(Self {
            address,
            spans,
            records,
        })
    }

    /// The next spans to come, however long that takes.
    pub(crate) async fn next(&mut self) -> Vec<Span> {
        match self.spans.recv().await {
            Some(spans) => spans,
            None => std::future::pending().await,
        }
    }

    /// The spans that have come already.
    pub(crate) fn rest(&mut self) -> Vec<Span> {
        let mut rest = Vec::new();
        while let Ok(spans) = self.spans.try_recv() {
            rest.extend(spans);
        }
        rest
    }

    /// The log records that have come.
    pub(crate) fn records(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        while let Ok(come) = self.records.try_recv() {
            records.extend(come);
        }
        records
    }
}

async fn accept(listener: TcpListener, hands: Hands) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let hands = hands.clone();
        let service = service_fn(move |request| receive(request, hands.clone()));
        tokio::spawn(async move {
            // A service that ends drops its connection; nobody waits for the outcome.
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
        });
    }
}

/// Hands all on before it answers: once a service has ended in order, all of its is there.
async fn receive(
    request: Request<Incoming>,
    hands: Hands,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = |status, body: Vec<u8>| {
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        let protobuf = http::HeaderValue::from_static("application/x-protobuf");
        response.headers_mut().insert(CONTENT_TYPE, protobuf);
        Ok(response)
    };
    let path = request.uri().path().to_owned();
    if request.method() != Method::POST {
        return answer(StatusCode::NOT_FOUND, Vec::new());
    }
    let Ok(body) = Limited::new(request.into_body(), BODY_LIMIT)
        .collect()
        .await
    else {
        return answer(StatusCode::BAD_REQUEST, Vec::new());
    };
    let body = body.to_bytes();
    let taken = match path.as_str() {
        "/v1/traces" => hands.take_spans(body).await,
        "/v1/logs" => hands.take_records(body).await,
        _ => Err(StatusCode::NOT_FOUND),
    };
    match taken {
        Ok(taken) => answer(StatusCode::OK, taken),
        Err(status) => answer(status, Vec::new()),
    }
}

/// Nobody receives any more while the launcher ends; then nobody misses what comes. What the viewer cannot take now, the
/// services send again.
impl Hands {
    async fn take_spans(&self, body: Bytes) -> Result<Vec<u8>, StatusCode> {
        let export =
            ExportTraceServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
        let shown = self.viewer.accept(export.clone()).await;
        shown.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        let spans = export.resource_spans.into_iter().flat_map(spans).collect();
        self.spans.send(spans).ok();
        Ok(ExportTraceServiceResponse::default().encode_to_vec())
    }

    async fn take_records(&self, body: Bytes) -> Result<Vec<u8>, StatusCode> {
        let export = ExportLogsServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
        let shown = self.viewer.accept_logs(export.clone()).await;
        shown.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        let records = export.resource_logs.into_iter().flat_map(records);
        self.records.send(records.collect()).ok();
        Ok(ExportLogsServiceResponse::default().encode_to_vec())
    }
}

fn spans(export: ResourceSpans) -> Vec<Span> {
    let service = service(export.resource);
    let spans = export.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(|span| read(&service, span)).collect()
}

fn records(export: ResourceLogs) -> Vec<Record> {
    let service = service(export.resource);
    let records = export.scope_logs.into_iter();
    let records = records.flat_map(|scope| scope.log_records);
    records
        .map(|record| Record {
            service: service.clone(),
            text: record.body.and_then(text).unwrap_or_default(),
            ids: (!record.trace_id.is_empty())
                .then(|| (hex(&record.trace_id), hex(&record.span_id))),
        })
        .collect()
}

fn service(resource: Option<Resource>) -> String {
    let attributes = resource.unwrap_or_default().attributes;
    let mut attributes = attributes.into_iter().filter_map(attribute);
    attributes
        .find_map(|(key, value)| (key == "service.name").then_some(value))
        .unwrap_or_else(|| "?".to_owned())
}

fn read(service: &str, span: OtlpSpan) -> Span {
    let nanos = span
        .end_time_unix_nano
        .saturating_sub(span.start_time_unix_nano);
    Span {
        service: service.to_owned(),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
        kind: match span.kind() {
            SpanKind::Server => Kind::Server,
            SpanKind::Client => Kind::Client,
            SpanKind::Unspecified
            | SpanKind::Internal
            | SpanKind::Producer
            | SpanKind::Consumer => Kind::Other,
        },
        start: Duration::from_nanos(span.start_time_unix_nano),
        duration: Duration::from_nanos(nanos),
        is_error: span
            .status
            .is_some_and(|status| status.code() == OtlpStatus::Error),
        attributes: span.attributes.into_iter().filter_map(attribute).collect(),
        name: span.name,
    }
}

fn attribute(pair: KeyValue) -> Option<(String, String)> {
    Some((pair.key, text(pair.value?)?))
}

/// Lists and maps are left out: the layers write none that the shop shows.
fn text(AnyValue { value }: AnyValue) -> Option<String> {
    Some(match value? {
        Value::StringValue(text) => text,
        Value::IntValue(int) => int.to_string(),
        Value::DoubleValue(double) => double.to_string(),
        Value::BoolValue(bool) => bool.to_string(),
        _ => return None,
    })
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
