//! The caller's decision, and another sampler's for what has no caller.

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, SpanKind, TraceContextExt},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::threshold;

/// As the SDK's with its four parts as they are by default; besides, a threshold in the trace state that cannot have led
/// to the caller's decision goes no further.
#[derive(Clone, Debug)]
pub(super) struct ParentBased {
    root: Box<dyn ShouldSample>,
}

impl ParentBased {
    pub(super) fn new(root: Box<dyn ShouldSample>) -> Self {
        Self { root }
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
        let span = parent.map(TraceContextExt::span);
        let caller = span.as_ref().map(|span| span.span_context());
        match caller.filter(|caller| caller.is_valid()) {
            None => self
                .root
                .should_sample(parent, trace_id, name, kind, attributes, links),
            Some(caller) => SamplingResult {
                decision: if caller.is_sampled() {
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
