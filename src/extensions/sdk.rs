//! The crates that [`otel`](crate::otel) re-exports, and what set-up adds to it.

use std::any::Any;

pub use opentelemetry;
pub use opentelemetry_sdk as sdk;

pub use crate::setup::otel::*;

/// Tells a warning that no pipeline of set-up tells.
pub(crate) fn warn(text: &str) {
    tracing::warn!(target: "throughline", "{text}");
}

/// Whether this is the SDK's own provider of meters, whose instruments can be bound.
pub(crate) fn is_meter_provider(provider: &dyn Any) -> bool {
    provider.is::<opentelemetry_sdk::metrics::SdkMeterProvider>()
}
