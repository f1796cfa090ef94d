//! Whatever the sampler says: requests that a layer forces.

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, SpanKind, TraceContextExt, TraceState},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use crate::{forced, threshold};

/// A sampler around another one, for a provider of one's own: it samples what
/// [`ServerLayer::force_sampling`](crate::ServerLayer::force_sampling) forces, and leaves the rest to the other. A
/// threshold in the trace state that cannot have led to the decision goes no further.
///
/// [`Setup`](crate::Setup) puts it around every sampler by itself.
#[derive(Clone, Debug)]
pub struct Forcible(pub(super) Box<dyn ShouldSample>);

impl Forcible {
    /// Around this one.
    pub fn new(sampler: impl ShouldSample + 'static) -> Self {
        Self(Box::new(sampler))
    }
}

impl ShouldSample for Forcible {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        match parent.filter(|context| forced::is_forced(context)) {
            None => {
                let asked = self
                    .0
                    .should_sample(parent, trace_id, name, kind, attributes, links);
                let is_sampled = asked.decision == SamplingDecision::RecordAndSample;
                SamplingResult {
                    trace_state: threshold::fitting(asked.trace_state, trace_id, is_sampled),
                    ..asked
                }
            }
            Some(context) => SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes: Vec::new(),
                trace_state: state(context),
            },
        }
    }
}

/// The caller's, without a threshold that would not have let it in.
fn state(context: &Context) -> TraceState {
    let span = context.span();
    let caller = span.span_context();
    if caller.is_valid() {
        threshold::followed(caller)
    } else {
        TraceState::NONE
    }
}
