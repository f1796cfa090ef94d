//! A `tracing` subscriber as a service has it: lines of JSON, spans into the pipeline, log records to an exporter.

use std::{io, sync::Once};

use axum::{Router, extract::Path, routing::get};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    logs::{LogBatch, LogExporter},
    trace::SdkTracerProvider,
};
use throughline::{
    Setup,
    logs::WithTraceIds,
    otel::{SetupExt, SetupLogsExt},
};
use tracing_subscriber::{
    Layer, filter::LevelFilter, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

/// What a handler says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Nothing,
    /// One line, which is one log record as well.
    OneLine,
    /// One span of `tracing`.
    OneSpan,
}

/// Takes all, and keeps nothing.
#[derive(Debug)]
struct Forget;

/// Installs it, once for the process. Its pipeline is never ended.
pub fn subscribe(provider: &SdkTracerProvider) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // As with spans: the queue holds all records of a run, and no thread is woken before it is over.
        let telemetry = Setup::new()
            .lookup(|name| match name {
                "OTEL_METRICS_EXPORTER" => Some("none".to_owned()),
                "OTEL_BLRP_SCHEDULE_DELAY" => Some("3600000".to_owned()),
                _ => None,
            })
            .provider(provider.clone())
            .log_exporter(Forget)
            .build()
            .expect("the settings are right");
        let lines = fmt::layer().json().with_writer(io::sink);
        registry()
            .with(
                lines
                    .map_event_format(WithTraceIds::new)
                    .with_filter(LevelFilter::INFO),
            )
            .with(
                telemetry
                    .spans_layer()
                    .expect("it is of a set-up")
                    .with_filter(LevelFilter::INFO),
            )
            .with(
                telemetry
                    .logs_layer()
                    .expect("it is of a set-up")
                    .with_filter(LevelFilter::INFO),
            )
            .init();
        std::mem::forget(telemetry);
    });
}

/// The route that the others have, with a handler that says something.
pub fn router(says: Says) -> Router {
    match says {
        Says::Nothing => crate::app::router(),
        Says::OneLine => Router::new().route("/orders/{id}", get(line)),
        Says::OneSpan => Router::new().route("/orders/{id}", get(span)),
    }
}

async fn line(Path(id): Path<u32>) -> &'static str {
    tracing::info!(id, "shown");
    crate::app::ANSWER
}

async fn span(Path(id): Path<u32>) -> &'static str {
    tracing::info_span!("show", id).in_scope(|| crate::app::ANSWER)
}

impl LogExporter for Forget {
    async fn export(&self, _batch: LogBatch<'_>) -> OTelSdkResult {
        Ok(())
    }
}
