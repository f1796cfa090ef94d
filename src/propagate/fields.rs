//! Which headers belong to a propagator, so that a copy of them can be taken out of a request.

use http::{HeaderMap, HeaderName};
use opentelemetry::propagation::TextMapPropagator;

use super::{BAGGAGE, TRACEPARENT, TRACESTATE, jaeger, ot_trace};

/// The headers that a propagator reads and writes.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    trace: Vec<HeaderName>,
    baggage: Vec<HeaderName>,
}

/// Formats whose baggage has a header for each entry, told by a field that they have.
const PREFIXES: [(&str, &str); 2] = [
    (jaeger::TRACE_ID, jaeger::BAGGAGE_PREFIX),
    (ot_trace::TRACE_ID, ot_trace::BAGGAGE_PREFIX),
];

impl Fields {
    pub(crate) fn of(propagator: &dyn TextMapPropagator) -> Self {
        let names = propagator
            .fields()
            .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        let (baggage, trace) = names.partition(|name| *name == BAGGAGE || *name == jaeger::BAGGAGE);
        Self { trace, baggage }
    }

    /// What may not leave.
    pub(crate) fn remove_all(&self, headers: &mut HeaderMap) {
        self.remove_trace(headers);
        self.remove_baggage(headers);
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
    }

    /// What a span that is written now would stand beside.
    pub(crate) fn remove_trace(&self, headers: &mut HeaderMap) {
        for name in &self.trace {
            headers.remove(name);
        }
    }

    pub(crate) fn remove_baggage(&self, headers: &mut HeaderMap) {
        for name in &self.baggage {
            headers.remove(name);
        }
        headers.remove(BAGGAGE);
        for (field, prefix) in PREFIXES {
            if self.trace.iter().any(|name| name == field) {
                remove_prefixed(headers, prefix);
            }
        }
    }
}

/// How the baggage headers of this propagator begin.
pub(crate) fn prefixes(propagator: &dyn TextMapPropagator) -> impl Iterator<Item = &'static str> {
    let has = |field: &str| propagator.fields().any(|known| known == field);
    PREFIXES
        .into_iter()
        .filter_map(move |(field, prefix)| has(field).then_some(prefix))
}

fn remove_prefixed(headers: &mut HeaderMap, prefix: &str) {
    let is_one = |name: &&HeaderName| name.as_str().starts_with(prefix);
    let found: Vec<_> = headers.keys().filter(is_one).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}
