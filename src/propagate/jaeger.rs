//! Jaeger's own format: `uber-trace-id`, and a header for each entry of the baggage.
//!
//! <https://www.jaegertracing.io/sdk-migration/#propagation-format>

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
    percent,
};
use crate::decision::{self, Decision};

/// Reads and writes `uber-trace-id` and the baggage headers that begin with `uberctx-`.
///
/// * Ids may be shorter than they are long, and the whole value percent-encoded. Ids are sent in full.
/// * Of the flags, *sampled* and *debug* are read and sent; debug means sampled.
/// * No parent's id is sent (`0`), and none is read: the caller's span is the parent.
/// * Values of baggage are percent-encoded. Its keys lose their case on the way, as names of headers do.
/// * `jaeger-baggage: k=v,k2=v2` is read too, and `jaeger-debug-id` begins a trace that is to be kept, where the caller
///   sent no span. [`record_request_headers`](crate::ServerLayer::record_request_headers) writes that id into the span.
///
/// Baggage is added to that of the given context. A malformed `uber-trace-id` is ignored.
#[derive(Clone, Copy, Debug, Default)]
pub struct JaegerPropagator {
    _private: (),
}

impl JaegerPropagator {
    /// The propagator; it has no settings.
    pub fn new() -> Self {
        Self::default()
    }
}

impl TextMapPropagator for JaegerPropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        if span.span_context().is_valid() {
            let ids = Digits::of(span.span_context());
            let flags = match decision::to_send(cx) {
                Decision::Deferred | Decision::Drop => "0",
                Decision::Keep => "1",
                Decision::Debug => "3",
            };
            let (trace_id, span_id) = (ids.trace_id(), ids.span_id());
            injector.set(TRACE_ID, format!("{trace_id}:{span_id}:0:{flags}"));
        }
        for (key, (value, _)) in cx.baggage() {
            let mut text = String::with_capacity(value.as_str().len());
            percent::encode(value.as_str(), is_unreserved, &mut text);
            injector.set(&format!("{BAGGAGE_PREFIX}{key}"), text);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let caller = extractor.get(TRACE_ID).and_then(read);
        let found = caller.or_else(|| {
            let is_set = extractor.get(DEBUG_ID).is_some_and(|id| !id.is_empty());
            is_set.then(|| Found::root(Decision::Debug))
        });
        let context = found.map_or_else(|| cx.clone(), |found| found.into_context(cx));
        let mut merge = Merge::onto(context);
        for member in extractor.get(BAGGAGE).unwrap_or_default().split(',') {
            if let Some((key, value)) = member.split_once('=') {
                merge.add(key.trim(), percent::decode(value.trim()));
            }
        }
        merge.add_prefixed(extractor, BAGGAGE_PREFIX, percent::decode);
        merge.finish()
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<[String; 3]> =
            LazyLock::new(|| [TRACE_ID, DEBUG_ID, BAGGAGE].map(str::to_owned));
        FieldIter::new(FIELDS.as_slice())
    }
}

/// `{trace id}:{span id}:{parent}:{flags}`, percent-encoded or not.
fn read(text: &str) -> Option<Found> {
    // Longer than any valid one, with each character encoded.
    if text.len() > 256 {
        return None;
    }
    let text = match text.contains('%') {
        true => percent::decode(text),
        false => Cow::Borrowed(text),
    };
    let mut parts = text.trim_matches([' ', '\t']).split(':');
    let (trace_id, span_id) = (parts.next()?, parts.next()?);
    let (_parent, flags) = (parts.next()?, parts.next()?);
    if parts.next().is_some() || flags.len() > 2 {
        return None;
    }
    let trace_id = TraceId::from(hex::read(trace_id)?);
    let span_id = SpanId::from(hex::read_u64(span_id)?);
    let flags = hex::read_u64(flags)?;
    let decision = match (flags & DEBUG != 0, flags & SAMPLED != 0) {
        (true, _) => Decision::Debug,
        (false, true) => Decision::Keep,
        (false, false) => Decision::Drop,
    };
    let is_valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
    is_valid.then_some(Found {
        trace_id,
        span_id,
        decision,
    })
}

/// RFC 3986, § 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

pub(crate) const TRACE_ID: &str = "uber-trace-id";
const DEBUG_ID: &str = "jaeger-debug-id";
pub(crate) const BAGGAGE: &str = "jaeger-baggage";
pub(crate) const BAGGAGE_PREFIX: &str = "uberctx-";

const SAMPLED: u64 = 1;
const DEBUG: u64 = 2;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
