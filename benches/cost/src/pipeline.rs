//! The SDK as a service runs it: a batch processor on the request's thread, an exporter on another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry::global;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{
        PeriodicReader, SdkMeterProvider, Temporality, data::ResourceMetrics,
        exporter::PushMetricExporter,
    },
    propagation::TraceContextPropagator,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter},
};
use throughline::{Telemetry, otel::Pipeline as Ours};

use crate::logs;

/// A provider whose spans are queued and then dropped.
#[derive(Debug)]
pub struct Pipeline {
    provider: SdkTracerProvider,
    meters: SdkMeterProvider,
    attributes: Arc<AtomicUsize>,
}

impl Pipeline {
    pub fn new() -> Self {
        let attributes = Arc::new(AtomicUsize::new(0));
        let exporter = Discard {
            attributes: Arc::clone(&attributes),
        };
        // The queue holds all spans of a run: nothing is exported, and no thread woken, before the run is over.
        let config = BatchConfigBuilder::default()
            .with_scheduled_delay(Duration::from_secs(3600))
            .build();
        let processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(config)
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .build();
        let reader = PeriodicReader::builder(Forget)
            .with_interval(Duration::from_secs(3600))
            .build();
        Self {
            provider,
            meters: SdkMeterProvider::builder().with_reader(reader).build(),
            attributes,
        }
    }

    /// Ours on this provider.
    pub fn telemetry(&self) -> Telemetry {
        Ours::of(&self.provider)
            .sampler_follows_parent()
            .random_ids()
            .build()
    }

    /// Ours on this provider, with metrics.
    pub fn measured(&self) -> Telemetry {
        Ours::of(&self.provider)
            .meter_provider(&self.meters)
            .sampler_follows_parent()
            .random_ids()
            .build()
    }

    /// Makes its meters the global ones, besides what [`install_globals`](Self::install_globals) does.
    pub fn install_global_meters(&self) {
        global::set_meter_provider(self.meters.clone());
    }

    /// Installs a `tracing` subscriber whose spans come here.
    pub fn subscribe(&self) {
        logs::subscribe(&self.provider);
    }

    /// Makes this provider and the SDK's propagator the globals.
    pub fn install_globals(&self) {
        global::set_tracer_provider(self.provider.clone());
        global::set_text_map_propagator(TraceContextPropagator::new());
    }

    /// How many attributes the spans have, 0 if there are none.
    pub fn attributes(&self) -> usize {
        self.provider.force_flush().expect("the exporter takes all");
        self.attributes.load(Relaxed)
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Debug)]
struct Discard {
    attributes: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Forget;

impl PushMetricExporter for Forget {
    async fn export(&self, _metrics: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

impl SpanExporter for Discard {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if let Some(span) = batch.last() {
            self.attributes.store(span.attributes.len(), Relaxed);
        }
        Ok(())
    }
}
