//! What of log records names OpenTelemetry's types. It is published as part of [`otel`](crate::otel).

use opentelemetry_sdk::logs::{LogExporter, LogProcessor, SdkLoggerProvider};

use super::{builder::Setup, otel_types::sealed};

/// Parts of OpenTelemetry's own for log records in a [`Setup`]. Each beats the environment, and takes effect with
/// [`Setup::subscriber`] or [`Telemetry::logs_layer`](crate::Telemetry::logs_layer).
pub trait SetupLogsExt: Sized + sealed::Sealed {
    /// Sends log records by this exporter instead of those that `OTEL_LOGS_EXPORTER` names, in batches, from a thread of its
    /// own that belongs to no runtime. Called again, it adds another.
    fn log_exporter(self, exporter: impl LogExporter + 'static) -> Self;

    /// Adds this processor, in front of those that export. It sees records before their attributes are held to their limits.
    fn log_processor(self, processor: impl LogProcessor + 'static) -> Self;

    /// Uses this provider as it is: resource, limits, processors and exporters of the setup and of the environment have no
    /// part in it. What it was given, it ends: the provider is flushed and shut down with the pipeline.
    fn logger_provider(self, provider: SdkLoggerProvider) -> Self;
}

impl SetupLogsExt for Setup {
    fn log_exporter(mut self, exporter: impl LogExporter + 'static) -> Self {
        self.loggers.exporter(exporter);
        self
    }

    fn log_processor(mut self, processor: impl LogProcessor + 'static) -> Self {
        self.loggers.processor(processor);
        self
    }

    fn logger_provider(mut self, provider: SdkLoggerProvider) -> Self {
        self.loggers.provider = Some(provider);
        self
    }
}
