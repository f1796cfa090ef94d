//! The format of OpenTracing's basic tracers, which Lightstep's were: `ot-tracer-…`.

use std::{borrow::Cow, sync::LazyLock};

use opentelemetry::{
    Context,
    baggage::BaggageExt,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanId, TraceContextExt, TraceId},
};

use super::{
    found::Found,
    hex::{self, Digits},
    merge::Merge,
};
use crate::decision::{self, Decision};

/// Reads and writes `ot-tracer-traceid`, `ot-tracer-spanid`, `ot-tracer-sampled` and the baggage headers that begin with
/// `ot-baggage-`.
///
/// * Trace ids have 64 bits here: of a longer one the low half is sent. Longer ones, and shorter ones, are read.
/// * Without `ot-tracer-sampled` the decision is left to this service: parent-based samplers decide as for a new trace.
/// * Values of baggage go as they are; one that no header can hold is left out. Keys lose their case on the way, as names
///   of headers do. Baggage without ids is not read.
///
/// Baggage is added to that of the given context. Malformed ids are ignored.
#[derive(Clone, Copy, Debug, Default)]
pub struct OtTracePropagator {
    _private: (),
}

impl OtTracePropagator {
    /// The propagator; it has no settings.
    pub fn new() -> Self {
        Self::default()
    }
}

impl TextMapPropagator for OtTracePropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        if !span.span_context().is_valid() {
            return;
        }
        let ids = Digits::of(span.span_context());
        injector.set(TRACE_ID, ids.low_trace_id().to_owned());
        injector.set(SPAN_ID, ids.span_id().to_owned());
        match decision::to_send(cx) {
            Decision::Deferred => {}
            Decision::Drop => injector.set(SAMPLED, "false".to_owned()),
            Decision::Keep | Decision::Debug => injector.set(SAMPLED, "true".to_owned()),
        }
        for (key, (value, _)) in cx.baggage() {
            if !value.as_str().chars().any(char::is_control) {
                injector.set(&format!("{BAGGAGE_PREFIX}{key}"), value.as_str().to_owned());
            }
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let Some(found) = read(extractor) else {
            return cx.clone();
        };
        let context = found.into_context(cx);
        let mut merge = Merge::onto(context);
        merge.add_prefixed(extractor, BAGGAGE_PREFIX, |value| Cow::Borrowed(value));
        merge.finish()
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<[String; 3]> =
            LazyLock::new(|| [TRACE_ID, SPAN_ID, SAMPLED].map(str::to_owned));
        FieldIter::new(FIELDS.as_slice())
    }
}

fn read(extractor: &dyn Extractor) -> Option<Found> {
    let get = |name| {
        extractor
            .get(name)
            .map(|text| text.trim_matches([' ', '\t']))
    };
    let trace_id = TraceId::from(hex::read(get(TRACE_ID)?)?);
    let span_id = SpanId::from(hex::read_u64(get(SPAN_ID)?)?);
    let decision = match get(SAMPLED) {
        Some(text) if text == "1" || text.eq_ignore_ascii_case("true") => Decision::Keep,
        Some(text) if text == "0" || text.eq_ignore_ascii_case("false") => Decision::Drop,
        _ => Decision::Deferred,
    };
    let is_valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
    is_valid.then_some(Found {
        trace_id,
        span_id,
        decision,
    })
}

pub(crate) const TRACE_ID: &str = "ot-tracer-traceid";
const SPAN_ID: &str = "ot-tracer-spanid";
const SAMPLED: &str = "ot-tracer-sampled";
pub(crate) const BAGGAGE_PREFIX: &str = "ot-baggage-";

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
