//! In place of Jaeger's remote sampling, where the feature that brings its HTTP client is off.

use opentelemetry_sdk::trace::ShouldSample;

use super::{
    endpoint::Shown,
    error::SetupError,
    sampler::{Server, Site, polling::Polling},
};

/// Until the first answer `initial` decides, and there is none.
#[allow(clippy::unnecessary_wraps, reason = "the other one may fail")]
pub(super) fn start(
    server: Server<'_>,
    initial: Box<dyn ShouldSample>,
    site: &Site<'_>,
) -> Result<(Box<dyn ShouldSample>, Option<Polling>), SetupError> {
    site.report.warn(&format!(
        "jaeger_remote needs throughline's feature `otlp-http`, which this build is without: {} is not asked, and the \
         initial sampling rate stays",
        Shown(server.endpoint)
    ));
    Ok((initial, None))
}
