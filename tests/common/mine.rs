//! A format of the user's own, for traces on their way.

use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanContext, TraceContextExt, TraceState},
};

/// `x-mine: {trace id}/{span id}`.
#[derive(Debug)]
pub struct Mine([String; 1]);

impl Default for Mine {
    fn default() -> Self {
        Self(["x-mine".to_owned()])
    }
}

impl TextMapPropagator for Mine {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        let span = span.span_context();
        injector.set("X-Mine", format!("{}/{}", span.trace_id(), span.span_id()));
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let parsed = extractor
            .get("X-Mine")
            .and_then(|text| text.split_once('/'));
        let Some((trace, span)) = parsed else {
            return cx.clone();
        };
        cx.with_remote_span_context(SpanContext::new(
            TraceId::from_hex(trace).unwrap(),
            SpanId::from_hex(span).unwrap(),
            TraceFlags::SAMPLED,
            true,
            TraceState::NONE,
        ))
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.0)
    }
}
