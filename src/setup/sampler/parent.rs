//! The caller's decision, and another sampler's where there is none.

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, SpanKind, TraceContextExt},
};
use opentelemetry_sdk::trace::{
    ParentBasedSampler, SamplingDecision, SamplingResult, ShouldSample,
};

use crate::{decision, threshold};

/// As the SDK's; besides, a caller may leave the decision to us, or send one without a span, and a threshold in the trace
/// state that cannot have led to the caller's decision goes no further.
#[derive(Clone, Debug)]
pub(super) struct ParentBased {
    root: Box<dyn ShouldSample>,
    /// Where not every caller is simply followed.
    parts: Option<ParentBasedSampler>,
}

impl ParentBased {
    pub(super) fn new(root: Box<dyn ShouldSample>) -> Self {
        Self { root, parts: None }
    }

    /// Asks the parts of this one about a span that has a parent.
    pub(super) fn of_parts(root: Box<dyn ShouldSample>, parts: ParentBasedSampler) -> Self {
        Self {
            root,
            parts: Some(parts),
        }
    }
}

impl ShouldSample for ParentBased {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let Some((context, sampled)) =
            parent.and_then(|context| Some((context, decision::of(context)?)))
        else {
            return self
                .root
                .should_sample(parent, trace_id, name, kind, attributes, links);
        };
        let span = context.span();
        let caller = span.span_context();
        match &self.parts {
            Some(parts) if caller.is_valid() => {
                parts.should_sample(parent, trace_id, name, kind, attributes, links)
            }
            _ => SamplingResult {
                decision: if sampled {
                    SamplingDecision::RecordAndSample
                } else {
                    SamplingDecision::Drop
                },
                attributes: Vec::new(),
                trace_state: threshold::followed(caller),
            },
        }
    }
}
