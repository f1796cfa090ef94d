//! A service under a sampler, and what a request comes to in it.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::body::Body;
use http::{HeaderMap, Request, Response};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use throughline::{
    ClientLayer, ServerLayer, Setup, SpanIds, Telemetry, current_ids, otel::SetupExt,
};
use tower::{Layer, ServiceExt, service_fn};

/// A service of its own: its pipeline, and the spans that left it.
pub(crate) struct Service {
    pub(crate) telemetry: Telemetry,
    pub(crate) exported: InMemorySpanExporter,
}

/// What a request came to within.
pub(crate) struct Seen {
    pub(crate) ids: Option<SpanIds>,
    /// The headers of the request that the handler sent on.
    pub(crate) sent: HeaderMap,
}

impl Service {
    pub(crate) fn of(setup: Setup) -> Self {
        let exported = InMemorySpanExporter::default();
        let setup = setup.exporter(exported.clone());
        let telemetry = setup.build().unwrap();
        Self {
            telemetry,
            exported,
        }
    }

    pub(crate) fn from_env(sampler: &'static str) -> Self {
        Self::of(setup().lookup(move |name| match name {
            "OTEL_TRACES_SAMPLER" => Some(sampler.to_owned()),
            _ => no_metrics(name),
        }))
    }

    /// Sends a request through the layer to a handler that sends one on.
    pub(crate) async fn ask(&self, layer: ServerLayer, request: http::request::Builder) -> Seen {
        let sent = Arc::new(Mutex::new(None));
        let (kept, ids) = (Arc::clone(&sent), Arc::new(Mutex::new(None)));
        let next = service_fn(move |request: Request<Body>| {
            *kept.lock().unwrap() = Some(request.headers().clone());
            async { Ok::<_, Infallible>(Response::new(Body::empty())) }
        });
        let next = ClientLayer::new().telemetry(&self.telemetry).layer(next);
        let seen = Arc::clone(&ids);
        let handler = service_fn(move |_: Request<Body>| {
            *seen.lock().unwrap() = current_ids();
            let request = Request::get("http://next.example/").body(Body::empty());
            next.clone().oneshot(request.unwrap())
        });
        let service = layer.telemetry(&self.telemetry).layer(handler);
        let response = service.oneshot(request.body(Body::empty()).unwrap()).await;
        drop(response.unwrap());
        let (sent, ids) = (sent.lock().unwrap().take(), ids.lock().unwrap().take());
        Seen {
            ids,
            sent: sent.unwrap(),
        }
    }

    pub(crate) async fn exported(&self) -> Vec<SpanData> {
        self.telemetry.flush().await.unwrap();
        self.exported.get_finished_spans().unwrap()
    }
}

impl Seen {
    pub(crate) fn is_sampled(&self) -> bool {
        self.ids.is_some_and(|ids| ids.is_sampled())
    }

    pub(crate) fn trace_id(&self) -> String {
        self.ids.unwrap().trace_id_hex()
    }

    pub(crate) fn traceparent(&self) -> &str {
        self.sent["traceparent"].to_str().unwrap()
    }

    pub(crate) fn tracestate(&self) -> Option<&str> {
        self.sent
            .get("tracestate")
            .map(|value| value.to_str().unwrap())
    }
}

/// Sees no variable, but that no metrics are to be sent.
pub(crate) fn setup() -> Setup {
    Setup::new().lookup(no_metrics)
}

pub(crate) fn no_metrics(name: &str) -> Option<String> {
    (name == "OTEL_METRICS_EXPORTER").then(|| "none".to_owned())
}
