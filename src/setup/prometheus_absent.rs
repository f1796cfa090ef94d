//! In place of Prometheus, where its feature is off.

use std::net::SocketAddr;

use opentelemetry_sdk::metrics::MeterProviderBuilder;

use super::{error::SetupError, report::Report};

pub(super) fn serve(
    _builder: MeterProviderBuilder,
    _host: &str,
    _port: u16,
    _report: &Report,
) -> Result<(MeterProviderBuilder, Option<SocketAddr>), SetupError> {
    Err(SetupError::new(
        "OTEL_METRICS_EXPORTER names prometheus, which needs throughline's feature `prometheus`; this build is without it",
    ))
}
