//! The instruments of OpenTelemetry's global provider, as it is at each request.

use std::{
    ptr,
    sync::{Arc, PoisonError, RwLock},
};

use opentelemetry::{
    InstrumentationScope, global,
    metrics::{Meter, MeterProvider},
};

use super::{Metering, Meters};

type Provider = Arc<dyn MeterProvider + Send + Sync>;

/// The provider that was last seen, and its instruments. Keeping it keeps its address from being another's.
static LAST: RwLock<Option<(Provider, Option<Arc<Meters>>)>> = RwLock::new(None);

/// The instruments of the provider that is set now; none while it is the one that does nothing.
pub(crate) fn meters(scope: impl FnOnce() -> InstrumentationScope) -> Option<Arc<Meters>> {
    let provider = global::meter_provider();
    {
        let last = LAST.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, meters)) = &*last
            && ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(&provider))
        {
            return meters.clone();
        }
    }
    let meter = provider.meter_with_scope(scope());
    let meters = (!is_noop(&meter)).then(|| {
        Arc::new(Meters::new(Metering {
            meter,
            // It may be anyone's.
            binds: false,
            warn: None,
        }))
    });
    let mut last = LAST.write().unwrap_or_else(PoisonError::into_inner);
    // Who was faster has made what all share.
    if let Some((known, meters)) = &*last
        && ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(&provider))
    {
        return meters.clone();
    }
    let previous = last.replace((provider, meters.clone()));
    drop(last);
    // The end of a provider may take its time.
    drop(previous);
    meters
}

/// Whether the meter makes instruments that forget all: it has no state, as only such a one can do without.
fn is_noop(meter: &Meter) -> bool {
    let builder = meter.f64_histogram("http.server.request.duration");
    size_of_val(builder.instrument_provider) == 0
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::NoopMeterProvider;
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    use super::*;

    #[test]
    fn a_meter_that_forgets_is_told() {
        assert!(is_noop(&NoopMeterProvider::new().meter("test")));
        let provider = SdkMeterProvider::default();
        assert!(!is_noop(&provider.meter("test")));
        provider.shutdown().unwrap();
        assert!(is_noop(&provider.meter("test")));
    }
}
