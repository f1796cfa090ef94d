//! Layers for a `tracing` subscriber: spans into the pipeline, events into log records.

use std::any::Any;

use opentelemetry::{Context, InstrumentationScope, trace::TracerProvider};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::{
    logs::SdkLoggerProvider,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::{Level, Metadata, level_filters::LevelFilter, subscriber::Interest};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    Layer,
    layer::{self, Filter},
    registry::LookupSpan,
};

use super::{
    error::SetupError,
    pipeline::{Disabled, Pipeline},
};
use crate::telemetry::Telemetry;

/// Keeps an exporter's own work out of what it exports.
#[derive(Clone, Copy, Debug)]
struct Unsuppressed;

/// Spans, and the errors in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfSpans;

impl Telemetry {
    /// A layer for a subscriber of one's own: tracing-opentelemetry, with this pipeline's tracer. Spans of `tracing` become
    /// spans of OpenTelemetry, children of its current span, and are current themselves while they are entered; events in
    /// them become their events.
    ///
    /// What is said on a thread that exports is left out. It does nothing where `OTEL_SDK_DISABLED` is set.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tracing_subscriber::{
    ///     EnvFilter, Layer, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt,
    /// };
    ///
    /// let telemetry = throughline::init()?;
    /// tracing_subscriber::registry()
    ///     .with(telemetry.spans_layer()?.with_filter(LevelFilter::INFO))
    ///     .with(tracing_subscriber::fmt::layer().with_filter(EnvFilter::from_default_env()))
    ///     .init();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// For a pipeline of [`otel::telemetry`](crate::otel::telemetry): its provider's owner has the tracer.
    pub fn spans_layer<S>(&self) -> Result<impl Layer<S> + Send + Sync + use<S>, SetupError>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let provider = self.tracer_provider()?;
        Ok(provider.map(|provider| spans(&provider).with_filter(Unsuppressed)))
    }

    /// A layer for a subscriber of one's own: events become log records, with the ids of OpenTelemetry's current span, and
    /// go to the exporters that `OTEL_LOGS_EXPORTER` names. These are made with the first such layer; `None` of them is a
    /// layer that does nothing, as where `OTEL_SDK_DISABLED` is set.
    ///
    /// What is said on a thread that exports is left out. Which events are exported is a filter's business:
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use tracing_subscriber::{Layer, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt};
    ///
    /// let telemetry = throughline::init()?;
    /// tracing_subscriber::registry()
    ///     .with(telemetry.logs_layer()?.with_filter(LevelFilter::INFO))
    ///     .with(tracing_subscriber::fmt::layer())
    ///     .init();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When this build is without a feature that the environment asks for, and for a pipeline of
    /// [`otel::telemetry`](crate::otel::telemetry).
    pub fn logs_layer<S>(&self) -> Result<impl Layer<S> + Send + Sync + use<S>, SetupError>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let provider = self.logger_provider()?;
        // Its logger keeps silent while telemetry is suppressed.
        Ok(provider.map(|provider| OpenTelemetryTracingBridge::new(&provider)))
    }

    /// `None` where nothing is recorded.
    pub(super) fn tracer_provider(&self) -> Result<Option<SdkTracerProvider>, SetupError> {
        Ok(self.of_setup()?.map(|pipeline| pipeline.provider))
    }

    /// `None` where nothing is exported.
    fn logger_provider(&self) -> Result<Option<SdkLoggerProvider>, SetupError> {
        match self.of_setup()? {
            Some(pipeline) => pipeline.loggers.provider(),
            None => Ok(None),
        }
    }

    fn of_setup(&self) -> Result<Option<Pipeline>, SetupError> {
        match self.pipeline() {
            None if !self.is_disabled() => Err(SetupError::new(
                "this pipeline is around a provider of your own, of which set-up has no tracer and no logger: give them to \
                 tracing_opentelemetry::layer and opentelemetry_appender_tracing",
            )),
            pipeline => Ok(pipeline),
        }
    }

    /// Whether nothing is recorded, by the user's wish.
    fn is_disabled(&self) -> bool {
        let lifecycle: Option<&dyn Any> = self.lifecycle.as_deref().map(|lifecycle| lifecycle as _);
        lifecycle.is_some_and(|lifecycle| lifecycle.is::<Disabled>())
    }
}

impl<S> Filter<S> for Unsuppressed {
    fn enabled(&self, _metadata: &Metadata<'_>, _cx: &layer::Context<'_, S>) -> bool {
        !Context::is_current_telemetry_suppressed()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}

impl<S> Filter<S> for OfSpans {
    fn enabled(&self, metadata: &Metadata<'_>, cx: &layer::Context<'_, S>) -> bool {
        is_of_span(metadata) && Unsuppressed.enabled(metadata, cx)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_of_span(metadata) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }
}

fn is_of_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() || *metadata.level() == Level::ERROR
}

/// tracing-opentelemetry with this provider's tracer.
pub(super) fn spans<S>(provider: &SdkTracerProvider) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let scope = InstrumentationScope::builder("tracing-opentelemetry").build();
    OpenTelemetryLayer::new(provider.tracer_with_scope(scope))
}
