//! Samplers and ids that know what a caller can say beyond the sampled flag.

use opentelemetry::{
    Context, KeyValue, SpanId, TraceId,
    trace::{Link, SpanKind, TraceContextExt},
};
use opentelemetry_sdk::trace::{
    IdGenerator, ParentBasedSampler, RandomIdGenerator, Sampler, SamplingResult, ShouldSample,
};

use crate::decision;

/// A parent-based sampler whose root also decides what a caller left to us, and which follows a caller that sent a decision
/// and no ids.
#[derive(Clone, Debug)]
pub(super) struct ParentBased {
    root: Box<dyn ShouldSample>,
    followed: ParentBasedSampler,
}

/// The SDK's ids, but for a trace whose id its caller chose without being its parent.
#[derive(Debug, Default)]
pub(super) struct ChosenIds(RandomIdGenerator);

impl ParentBased {
    pub(super) fn new(root: Box<dyn ShouldSample>, followed: ParentBasedSampler) -> Self {
        Self { root, followed }
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
        let has_caller = parent.is_some_and(|parent| parent.span().span_context().is_valid());
        let sampler: &dyn ShouldSample = match parent.and_then(decision::of) {
            None => &*self.root,
            Some(_) if has_caller => &self.followed,
            Some(true) => &Sampler::AlwaysOn,
            Some(false) => &Sampler::AlwaysOff,
        };
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
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
