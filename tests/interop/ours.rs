//! Our two services: `front` calls what it is told to, `back` is called.

use axum::{Json, Router, http::HeaderMap, routing::get};
use bytes::Bytes;
use http_body_util::Full;
use opentelemetry::{
    Context,
    baggage::BaggageExt,
    trace::{SpanKind, TraceContextExt},
};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use serde_json::{Value, json};
use throughline::{ClientLayer, ServerLayer, Setup, Telemetry, otel::SetupExt};
use tower::{ServiceBuilder, ServiceExt};

use super::common::net::{http1, read, serve_axum};

pub(crate) struct Ours {
    telemetry: Telemetry,
    exported: InMemorySpanExporter,
    front: String,
    back: String,
}

/// A span of ours.
#[derive(Debug)]
pub(crate) struct Own {
    kind: &'static str,
    service: String,
    pub(crate) trace: String,
    id: String,
    pub(crate) parent: String,
}

#[derive(Debug)]
pub(crate) struct OwnSpans(Vec<Own>);

impl Ours {
    pub(crate) async fn of(formats: &'static str) -> Self {
        let exported = InMemorySpanExporter::default();
        let telemetry = Setup::new()
            .lookup(move |name| match name {
                "OTEL_PROPAGATORS" => Some(formats.to_owned()),
                "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => Some("none".to_owned()),
                _ => None,
            })
            .on_warning(|text| panic!("{text}"))
            .exporter(exported.clone())
            .build()
            .unwrap();
        let server = ServerLayer::new().telemetry(&telemetry);
        let client = ClientLayer::new().telemetry(&telemetry);

        let front = move |headers: HeaderMap| async move {
            let way = |name| headers.get(name).map(|url| url.to_str().unwrap());
            call(client, way("x-call").unwrap(), way("x-next")).await
        };
        let front = Router::new()
            .route("/front", get(front))
            .layer(server.clone());
        let back = Router::new().route("/back", get(saw)).layer(server);
        Self {
            telemetry,
            exported,
            front: format!("http://{}/front", serve_axum(front).await),
            back: format!("http://{}/back", serve_axum(back).await),
        }
    }

    /// Asks the front, which calls this service, which calls the back. Gives back what the service answered.
    pub(crate) async fn ask(&self, headers: &[(&str, &str)], service: &str) -> (Value, OwnSpans) {
        let way = [("x-call", service), ("x-next", &self.back)];
        self.answer(&self.front, &[headers, &way].concat()).await
    }

    /// Asks this service, which calls the front, which calls the service.
    pub(crate) async fn ask_by(&self, service: &str) -> (Value, OwnSpans) {
        // Their clients send no headers but the trace's, so the way is in the URL.
        let relay = self.relay(service).await;
        self.answer(service, &[("x-next", &relay)]).await
    }

    /// A front that always calls this service.
    async fn relay(&self, service: &str) -> String {
        let client = ClientLayer::new().telemetry(&self.telemetry);
        let service = service.to_owned();
        let front = move || async move { call(client, &service, None).await };
        let server = ServerLayer::new().telemetry(&self.telemetry);
        let app = Router::new().route("/front", get(front)).layer(server);
        format!("http://{}/front", serve_axum(app).await)
    }

    async fn answer(&self, url: &str, headers: &[(&str, &str)]) -> (Value, OwnSpans) {
        let mut request = http::Request::get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = http1().request(request).await.unwrap();
        assert!(response.status().is_success(), "{response:?}");
        let answer = serde_json::from_slice(&read(response).await).unwrap();
        self.telemetry.flush().await.unwrap();
        let spans = self.exported.get_finished_spans().unwrap();
        self.exported.reset();
        (answer, OwnSpans(spans.iter().map(Own::of).collect()))
    }
}

impl OwnSpans {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[track_caller]
    pub(crate) fn find(&self, kind: &str, service: &str) -> &Own {
        let is_it = |span: &&Own| span.kind == kind && span.service == service;
        let found = self.0.iter().find(is_it);
        found.unwrap_or_else(|| panic!("no {kind} of {service}: {self:#?}"))
    }

    #[track_caller]
    pub(crate) fn id(&self, kind: &str, service: &str) -> String {
        self.find(kind, service).id.clone()
    }
}

impl Own {
    fn of(span: &SpanData) -> Self {
        // Only the front calls.
        let (kind, service) = match (&span.span_kind, &*span.name) {
            (SpanKind::Client, _) => ("client", "front"),
            (_, name) => ("server", name.trim_start_matches("GET /")),
        };
        Self {
            kind,
            service: service.to_owned(),
            trace: span.span_context.trace_id().to_string(),
            id: span.span_context.span_id().to_string(),
            parent: span.parent_span_id.to_string(),
        }
    }
}

async fn call(layer: ClientLayer, url: &str, next: Option<&str>) -> Bytes {
    let client = ServiceBuilder::new().layer(layer).service(http1());
    let mut request = http::Request::get(url);
    if let Some(next) = next {
        request = request.header("x-next", next);
    }
    let request = request.body(Full::<Bytes>::default()).unwrap();
    read(client.oneshot(request).await.unwrap()).await
}

/// What a handler of ours sees.
async fn saw(headers: HeaderMap) -> Json<Value> {
    let context = Context::current();
    let span = context.span();
    let span = span.span_context();
    let entries = context.baggage().iter();
    let baggage = entries.map(|(key, (value, _))| (key.to_string(), Value::from(value.as_str())));
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
    Json(json!({
        "trace": span.trace_id().to_string(),
        "span": span.span_id().to_string(),
        "sampled": span.is_sampled(),
        "baggage": baggage.collect::<serde_json::Map<_, _>>(),
        "headers": headers.collect::<serde_json::Map<_, _>>(),
    }))
}
