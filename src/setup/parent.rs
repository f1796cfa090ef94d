//! Samplers and ids that know what a caller can say beyond the sampled flag.

use opentelemetry::{
    Context, KeyValue, SpanId, TraceId,
    trace::{Link, SpanKind, TraceContextExt},
};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, SamplingDecision, SamplingResult, ShouldSample,
};

use crate::decision;

/// The caller's decision, and another sampler's for what has no caller, or one that left the decision to us.
#[derive(Clone, Debug)]
pub(super) struct ParentBased {
    root: Box<dyn ShouldSample>,
}

/// The SDK's ids, but for a trace whose id its caller chose without being its parent.
#[derive(Debug, Default)]
pub(super) struct ChosenIds(RandomIdGenerator);

impl ParentBased {
    pub(super) fn new(root: impl ShouldSample + 'static) -> Self {
        Self {
            root: Box::new(root),
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
        match parent.and_then(decision::of) {
            None => self
                .root
                .should_sample(parent, trace_id, name, kind, attributes, links),
            Some(sampled) => SamplingResult {
                decision: if sampled {
                    SamplingDecision::RecordAndSample
                } else {
                    SamplingDecision::Drop
                },
                attributes: Vec::new(),
                trace_state: parent
                    .map(|parent| parent.span().span_context().trace_state().clone())
                    .unwrap_or_default(),
            },
        }
    }
}

impl IdGenerator for ChosenIds {
    fn new_trace_id(&self) -> TraceId {
        decision::chosen_trace_id().unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}
