//! What of set-up names OpenTelemetry's types. It is published as part of [`otel`](crate::otel).

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_sdk::{
    metrics::{Instrument, SdkMeterProvider, Stream, reader::MetricReader},
    trace::{SdkTracerProvider, ShouldSample, SpanExporter, SpanProcessor},
};

use super::{builder::Setup, propagators, sampler};
use crate::telemetry::Telemetry;

/// Parts of OpenTelemetry's own in a [`Setup`]. Each beats the environment.
pub trait SetupExt: Sized + sealed::Sealed {
    /// Sends spans by this exporter instead of those that `OTEL_TRACES_EXPORTER` names, in batches, from a thread of its own
    /// that belongs to no runtime. Called again, it adds another.
    fn exporter(self, exporter: impl SpanExporter + 'static) -> Self;

    /// Adds this processor, in front of those that export. One that exports by itself wants `OTEL_TRACES_EXPORTER=none` beside it.
    ///
    /// It may look at a span when it starts, so attributes are made before the sampler decides: unsampled requests cost more.
    fn processor(self, processor: impl SpanProcessor + 'static) -> Self;

    /// Decides by this sampler instead of that which `OTEL_TRACES_SAMPLER` names.
    ///
    /// Unless it is one of the SDK's that look at the trace id alone, attributes are made before it decides, and
    /// unsampled requests cost more.
    fn sampler(self, sampler: impl ShouldSample + 'static) -> Self;

    /// Uses this provider as it is: resource, sampler, processors and exporters of the setup and of the environment
    /// have no part in it. What it was given, it ends: the provider is flushed and shut down with the pipeline. To keep that in
    /// your own hands, use [`Pipeline`](crate::otel::Pipeline).
    fn provider(self, provider: SdkTracerProvider) -> Self;

    /// Reads and writes traces by this propagator instead of those that `OTEL_PROPAGATORS` names.
    fn propagator(self, propagator: impl TextMapPropagator + Send + Sync + 'static) -> Self;

    /// Reads metrics by this reader instead of those that `OTEL_METRICS_EXPORTER` names. Called again, it adds another.
    /// A push exporter is read by the SDK's `PeriodicReader`.
    fn reader(self, reader: impl MetricReader) -> Self;

    /// Asks this for each new instrument, the layers' own among them, which streams it is to make; for `None` others are
    /// asked, and last the defaults. It can rename an instrument, drop it, or give it other buckets. It runs when an
    /// instrument is made, and not when one is used.
    fn view(self, view: impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static) -> Self;

    /// Measures by this provider as it is: the resource, views and readers of the setup and of the environment have no part
    /// in it. What it was given, it ends: the provider is flushed and shut down with the pipeline.
    fn meter_provider(self, provider: SdkMeterProvider) -> Self;
}

/// The provider behind a pipeline's metrics, for instruments of one's own beside a [`Setup::build`]; [`Setup::init`] makes it
/// OpenTelemetry's global one. `None` where nobody reads metrics.
///
/// The pipeline ends it.
pub fn meter_provider(telemetry: &Telemetry) -> Option<SdkMeterProvider> {
    Some(telemetry.pipeline()?.meters?.provider)
}

pub(super) mod sealed {
    #[allow(unnameable_types, reason = "nobody else implements it")]
    pub trait Sealed {}

    impl Sealed for crate::setup::Setup {}
}

impl SetupExt for Setup {
    fn exporter(mut self, exporter: impl SpanExporter + 'static) -> Self {
        self.exporters.push(Box::new(move |exporters, batch| {
            exporters.own(exporter, "the exporter", batch)
        }));
        self
    }

    fn processor(mut self, processor: impl SpanProcessor + 'static) -> Self {
        self.processors.push(Box::new(processor));
        self
    }

    fn sampler(mut self, sampler: impl ShouldSample + 'static) -> Self {
        self.sampler = Some(sampler::Choice::Own(sampler::Chosen::own(sampler)));
        self
    }

    fn provider(mut self, provider: SdkTracerProvider) -> Self {
        self.provider = Some(provider);
        self
    }

    fn propagator(mut self, propagator: impl TextMapPropagator + Send + Sync + 'static) -> Self {
        self.propagator = Some(propagators::Chosen::own(propagator));
        self
    }

    fn reader(mut self, reader: impl MetricReader) -> Self {
        self.meters.reader(reader);
        self
    }

    fn view(
        mut self,
        view: impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static,
    ) -> Self {
        self.meters.view(view);
        self
    }

    fn meter_provider(mut self, provider: SdkMeterProvider) -> Self {
        self.meters.provider = Some(provider);
        self
    }
}
