//! The mark on the context of a request that is recorded whatever the sampler says.

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt, TraceFlags},
};

use crate::decision;

/// Goes with the context, so to all that the request starts in this process.
#[derive(Clone, Copy, Debug)]
struct Forced;

/// Marks a context. A caller that decided against sampling is taken to have decided for it, which is what parent-based
/// samplers understand that know no mark.
pub(crate) fn force(context: &Context) -> Context {
    let marked = decision::kept(context.with_value(Forced));
    let span = context.span();
    let parent = span.span_context();
    if !parent.is_valid() || parent.is_sampled() {
        return marked;
    }
    marked.with_remote_span_context(SpanContext::new(
        parent.trace_id(),
        parent.span_id(),
        parent.trace_flags() | TraceFlags::SAMPLED,
        parent.is_remote(),
        parent.trace_state().clone(),
    ))
}

#[allow(dead_code, reason = "samplers are set-up's")]
pub(crate) fn is_forced(context: &Context) -> bool {
    context.get::<Forced>().is_some()
}
