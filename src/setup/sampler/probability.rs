//! Consistent probability: the same share of traces wherever it is asked.

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, SpanKind, TraceContextExt, TraceState},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::threshold::{self, Threshold};

/// Samples a share of the traces by their random bits, and says which share: as `ot=th:…` in the trace state, by which a
/// backend can tell how many requests a recorded one stands for (OpenTelemetry, "ProbabilitySampler").
///
/// Where it is asked about a span that has a parent, it decides anew and by the same bits: of services that sample
/// with different probabilities, the one of the greater keeps all traces that another keeps. To follow the caller's
/// decision instead, use [`Setup::sample_probability`](crate::Setup::sample_probability), or put it into
/// `Sampler::parent_based`. The random bits are those of `ot=rv:…` where a caller sends them, else the last 56 of the
/// trace id.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbabilitySampler {
    /// `None` keeps nothing.
    threshold: Option<Threshold>,
}

impl ProbabilitySampler {
    /// From 0, which samples nothing, to 1, which samples all. What is above is 1, and what is below or no number is 0.
    pub fn new(probability: f64) -> Self {
        Self {
            threshold: Threshold::of(probability),
        }
    }

    /// The decision about a trace, with the state that tells it.
    pub(in crate::setup) fn decide(
        &self,
        trace_id: TraceId,
        state: &TraceState,
    ) -> (bool, TraceState) {
        let randomness = || threshold::randomness(trace_id, state);
        let kept = self
            .threshold
            .filter(|threshold| threshold.keeps(randomness()));
        (kept.is_some(), threshold::state(state, kept))
    }
}

impl ShouldSample for ProbabilitySampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let span = parent.map(TraceContextExt::span);
        let state = span.as_ref().map(|span| span.span_context().trace_state());
        let (is_kept, trace_state) = self.decide(trace_id, state.unwrap_or(&TraceState::NONE));
        SamplingResult {
            decision: if is_kept {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: Vec::new(),
            trace_state,
        }
    }
}
