//! In place of OTLP, where its feature is off.

use std::sync::Arc;

use opentelemetry_sdk::trace::SpanProcessor;

use super::{
    error::SetupError,
    report::Report,
    settings::{Batch, Otlp},
    watch::Watch,
};

pub(super) fn processor(
    _otlp: &Otlp,
    _batch: Batch,
    _report: &Report,
) -> Result<(Box<dyn SpanProcessor>, Arc<Watch>), SetupError> {
    Err(SetupError::new(
        "no exporter: spans are sent by OTLP unless OTEL_TRACES_EXPORTER says otherwise, and OTLP needs throughline's \
         feature `otlp-http`, which this build is without; console and none need no feature",
    ))
}
