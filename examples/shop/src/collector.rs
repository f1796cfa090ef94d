//! The receiving end of OTLP/HTTP: what an OpenTelemetry collector does, as little of it as the shop needs.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{
        ResourceSpans, Span as OtlpSpan, span::SpanKind, status::StatusCode as OtlpStatus,
    },
};
use prost::Message;
use throughline_viewer::Store;
use tokio::{net::TcpListener, sync::mpsc};

use crate::trace::{Kind, Span};

/// More than any batch of spans.
const BODY_LIMIT: usize = 16 << 20;

/// Takes in the spans of all services, on a port of its own, and shows them to the viewer.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    spans: mpsc::UnboundedReceiver<Vec<Span>>,
}

impl Collector {
    pub(crate) async fn start(viewer: Store) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (sender, spans) = mpsc::unbounded_channel();
        tokio::spawn(accept(listener, sender, viewer));
        Ok(Self { address, spans })
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
}

async fn accept(listener: TcpListener, sender: mpsc::UnboundedSender<Vec<Span>>, viewer: Store) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (sender, viewer) = (sender.clone(), viewer.clone());
        let service = service_fn(move |request| receive(request, sender.clone(), viewer.clone()));
        tokio::spawn(async move {
            // A service that ends drops its connection; nobody waits for the outcome.
            http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await
        });
    }
}

/// Hands the spans on before it answers: once a service has ended in order, all its spans are there.
async fn receive(
    request: Request<Incoming>,
    sender: mpsc::UnboundedSender<Vec<Span>>,
    viewer: Store,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = |status, body: Vec<u8>| {
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = status;
        let protobuf = http::HeaderValue::from_static("application/x-protobuf");
        response.headers_mut().insert(CONTENT_TYPE, protobuf);
        Ok(response)
    };
    if (request.method(), request.uri().path()) != (&Method::POST, "/v1/traces") {
        return answer(StatusCode::NOT_FOUND, Vec::new());
    }
    let Ok(body) = Limited::new(request.into_body(), BODY_LIMIT)
        .collect()
        .await
    else {
        return answer(StatusCode::BAD_REQUEST, Vec::new());
    };
    match ExportTraceServiceRequest::decode(body.to_bytes()) {
        Ok(export) => {
            if viewer.accept(export.clone()).await.is_err() {
                // The services send it again.
                return answer(StatusCode::SERVICE_UNAVAILABLE, Vec::new());
            }
            let spans = export.resource_spans.into_iter().flat_map(spans).collect();
            // Nobody receives any more while the launcher ends; then nobody misses them.
            sender.send(spans).ok();
            answer(
                StatusCode::OK,
                ExportTraceServiceResponse::default().encode_to_vec(),
            )
        }
        Err(_) => answer(StatusCode::BAD_REQUEST, Vec::new()),
    }
}

fn spans(export: ResourceSpans) -> Vec<Span> {
    let resource = export.resource.unwrap_or_default();
    let service = resource.attributes.into_iter().filter_map(attribute);
    let service = service
        .into_iter()
        .find_map(|(key, value)| (key == "service.name").then_some(value))
        .unwrap_or_else(|| "?".to_owned());
    let spans = export.scope_spans.into_iter().flat_map(|scope| scope.spans);
    spans.map(|span| read(&service, span)).collect()
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

/// Lists and maps are left out: the layers write none that the shop shows.
fn attribute(pair: KeyValue) -> Option<(String, String)> {
    let AnyValue { value } = pair.value?;
    let text = match value? {
        Value::StringValue(text) => text,
        Value::IntValue(int) => int.to_string(),
        Value::DoubleValue(double) => double.to_string(),
        Value::BoolValue(bool) => bool.to_string(),
        _ => return None,
    };
    Some((pair.key, text))
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
