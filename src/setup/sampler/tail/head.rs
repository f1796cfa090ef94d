//! Recording what a sampler leaves out, because it is not decided yet.

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, SpanKind, TraceContextExt},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::decision;

/// Records all. What the sampler within samples is sampled.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    pub(super) head: Box<dyn ShouldSample>,
    pub(super) follows_callers: bool,
}

impl ShouldSample for Recording {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let mut result = self
            .head
            .should_sample(parent, trace_id, name, kind, attributes, links);
        let is_refused = || self.follows_callers && parent.is_some_and(is_refused);
        if result.decision == SamplingDecision::Drop && !is_refused() {
            result.decision = SamplingDecision::RecordOnly;
        }
        result
    }
}

/// Whether the caller decided against sampling, or the span within this process that followed it.
fn is_refused(context: &Context) -> bool {
    let span = context.span();
    let parent = span.span_context();
    let is_local = parent.is_valid() && !parent.is_remote();
    if is_local {
        !span.is_recording()
    } else {
        decision::of(context) == Some(false)
    }
}
