//! Measurements of ended exchanges, through OpenTelemetry's metrics API.

use std::{any::Any, fmt, sync::Arc};

use opentelemetry::{
    InstrumentationScope,
    metrics::{Meter, MeterProvider},
};

use crate::otel_sdk;

/// What tells people of a warning.
pub(crate) type Warn = dyn Fn(&str) + Send + Sync;

/// Where a pipeline's measurements go: the layers' meter, and what is known of its provider.
#[derive(Clone)]
pub(crate) struct Metering {
    #[allow(dead_code, reason = "its instruments are to come")]
    meter: Meter,
    /// Whether instruments can be bound to their attributes. Elsewhere OpenTelemetry loses what a bound one records.
    binds: bool,
    /// Told once when there are too many routes, methods or hosts.
    warn: Option<Arc<Warn>>,
}

impl Metering {
    /// Takes the layers' meter from this provider now. Layers make instruments when they first serve a request; a provider
    /// that has been shut down by then takes none.
    pub(crate) fn of<P: MeterProvider + 'static>(
        provider: &P,
        scope: InstrumentationScope,
    ) -> Self {
        Self {
            meter: provider.meter_with_scope(scope),
            binds: otel_sdk::is_meter_provider(provider as &dyn Any),
            warn: None,
        }
    }

    /// Tells warnings to this function; without it they are for nobody.
    #[allow(dead_code, reason = "set-up is a feature")]
    pub(crate) fn warn(mut self, warn: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.warn = Some(Arc::new(warn));
        self
    }
}

impl fmt::Debug for Metering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metering")
            .field("binds", &self.binds)
            .finish_non_exhaustive()
    }
}
