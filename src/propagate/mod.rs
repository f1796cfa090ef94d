//! How a trace crosses a process: reading it from a request's head, writing it into a request's headers.

pub(crate) mod b3;
pub(crate) mod baggage;
pub(crate) mod binary;
pub(crate) mod carrier;
pub(crate) mod datadog;
pub(crate) mod environment;
mod fields;
mod found;
mod hex;
pub(crate) mod jaeger;
mod merge;
pub(crate) mod ot_trace;
pub(crate) mod parent;
mod percent;
pub(crate) mod trace_context;
pub(crate) mod trace_state;
pub(crate) mod xray;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context,
    baggage::BaggageExt,
    global,
    propagation::{TextMapCompositePropagator, TextMapPropagator},
    trace::TraceContextExt,
};

use self::{
    carrier::{HeadCarrier, HeadersCarrier},
    fields::Fields,
    trace_context::Remote,
};
use crate::{head::RequestHead, scan::Scan, unrecorded};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// For carriers that are no headers.
static W3C: LazyLock<TextMapCompositePropagator> = LazyLock::new(|| {
    TextMapCompositePropagator::new(vec![
        Box::new(trace_context::TraceContextPropagator::new()),
        Box::new(baggage::BaggagePropagator::new()),
    ])
});

/// Which formats a pipeline reads and writes.
#[derive(Clone)]
pub(crate) enum Propagation {
    /// W3C Trace Context and Baggage, written here and read in the walk over the headers.
    W3c,
    /// Another one, of ours or of the user's own.
    Custom(Arc<Custom>),
    /// OpenTelemetry's global one as it is at each request; W3C while nobody has set any.
    Global,
}

/// A propagator, and its headers.
#[derive(Debug)]
pub(crate) struct Custom {
    propagator: Arc<dyn TextMapPropagator + Send + Sync>,
    fields: Fields,
}

impl Propagation {
    pub(crate) fn custom(propagator: Arc<dyn TextMapPropagator + Send + Sync>) -> Self {
        let fields = Fields::of(&*propagator);
        Self::Custom(Arc::new(Custom { propagator, fields }))
    }

    /// Reads what the caller sent. Where it sent nothing, or nothing valid, the base comes back.
    pub(crate) fn extract(
        &self,
        head: &RequestHead<'_>,
        scan: &Scan<'_>,
        base: &Context,
    ) -> Context {
        match self {
            Self::W3c => extract_w3c(scan, base),
            Self::Custom(custom) => custom
                .propagator
                .extract_with_context(base, &HeadCarrier::new(head)),
            Self::Global => global::get_text_map_propagator(|propagator| {
                if propagator.fields().next().is_none() {
                    extract_w3c(scan, base)
                } else {
                    propagator.extract_with_context(base, &HeadCarrier::new(head))
                }
            }),
        }
    }

    /// For a caller that decided against sampling, where its decision stands: the context of a span of one's own that is
    /// not recorded. `None` where there is no such caller, or it takes more than a look to know.
    pub(crate) fn pass(&self, scan: &Scan<'_>, base: &Context) -> Option<Context> {
        // The flags are the last two digits; a version of the future may end otherwise, and is read in full.
        let is_refusal =
            |line: &[u8]| line.len() == 55 && line.last().is_some_and(|flag| flag & 1 == 0);
        match (self, scan.traceparent.as_slice()) {
            (Self::W3c, [line]) if is_refusal(line) => {
                let remote = read_w3c(scan)?;
                if remote.span_context.is_sampled() {
                    return None;
                }
                let remote = Remote {
                    span_context: unrecorded::span_context(&remote.span_context),
                    raw: remote.raw,
                };
                Some(with_baggage(scan, remote.into_context(base)))
            }
            _ => None,
        }
    }

    /// Writes the context into the headers of an outgoing request, over what they held.
    pub(crate) fn inject(&self, context: &Context, headers: &mut HeaderMap, with_baggage: bool) {
        if with_baggage || context.baggage().is_empty() {
            self.inject_whole(context, headers, with_baggage);
        } else {
            self.inject_whole(&context.with_cleared_baggage(), headers, with_baggage);
        }
    }

    /// Takes out what a handler copied from its own caller's request, for a host that must not get it.
    pub(crate) fn strip(&self, headers: &mut HeaderMap) {
        self.with_fields(|fields| fields.remove_all(headers));
    }

    fn inject_whole(&self, context: &Context, headers: &mut HeaderMap, with_baggage: bool) {
        if !with_baggage {
            self.with_fields(|fields| fields.remove_baggage(headers));
        }
        match self {
            Self::W3c => inject_w3c(context, headers),
            Self::Custom(custom) => {
                if context.span().span_context().is_valid() {
                    custom.fields.remove_trace(headers);
                }
                let mut carrier = HeadersCarrier::new(headers);
                custom.propagator.inject_context(context, &mut carrier);
            }
            Self::Global => global::get_text_map_propagator(|propagator| {
                if propagator.fields().next().is_none() {
                    inject_w3c(context, headers);
                } else {
                    propagator.inject_context(context, &mut HeadersCarrier::new(headers));
                }
            }),
        }
    }

    /// Shows the formats as one propagator.
    fn with_propagator<T>(&self, mut look: impl FnMut(&dyn TextMapPropagator) -> T) -> T {
        match self {
            Self::W3c => look(&*W3C),
            Self::Custom(custom) => look(&*custom.propagator),
            Self::Global => {
                global::get_text_map_propagator(|propagator| match propagator.fields().next() {
                    Some(_) => look(propagator),
                    None => look(&*W3C),
                })
            }
        }
    }

    fn with_fields(&self, mut look: impl FnMut(&Fields)) {
        match self {
            Self::W3c => look(&Fields::default()),
            Self::Custom(custom) => look(&custom.fields),
            Self::Global => {
                global::get_text_map_propagator(|propagator| look(&Fields::of(propagator)));
            }
        }
    }
}

impl fmt::Debug for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::W3c => f.write_str("W3c"),
            Self::Custom(custom) => write!(f, "Custom({:?})", custom.propagator),
            Self::Global => f.write_str("Global"),
        }
    }
}

fn extract_w3c(scan: &Scan<'_>, base: &Context) -> Context {
    let context = read_w3c(scan).map_or_else(|| base.clone(), |remote| remote.into_context(base));
    with_baggage(scan, context)
}

fn read_w3c(scan: &Scan<'_>) -> Option<Remote> {
    let traceparent = scan.traceparent.iter().copied();
    trace_context::extract(traceparent, scan.tracestate.iter().copied())
}

fn with_baggage(scan: &Scan<'_>, context: Context) -> Context {
    if scan.baggage.is_empty() {
        return context;
    }
    match baggage::parse(scan.baggage.iter().copied()) {
        Some(baggage) => context.with_baggage(baggage),
        None => context,
    }
}

fn inject_w3c(context: &Context, headers: &mut HeaderMap) {
    let span = context.span();
    if span.span_context().is_valid() {
        let traceparent = trace_context::traceparent(span.span_context());
        if let Ok(value) = HeaderValue::from_bytes(&traceparent) {
            headers.insert(TRACEPARENT, value);
        }
        match trace_context::tracestate(context)
            .and_then(|state| HeaderValue::from_str(&state).ok())
        {
            Some(value) => headers.insert(TRACESTATE, value),
            None => headers.remove(TRACESTATE),
        };
    }
    if let Some(value) =
        baggage::encode(context.baggage()).and_then(|value| HeaderValue::from_str(&value).ok())
    {
        headers.insert(BAGGAGE, value);
    }
}

#[cfg(test)]
mod tests;
