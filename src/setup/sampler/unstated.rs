//! Samplers whose probability nobody can tell.

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, SpanKind},
};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};

use crate::threshold;

/// Decides by itself, so a caller's threshold says nothing of what it keeps and goes no further.
#[derive(Clone, Debug)]
pub(super) struct Unstated<S>(pub(super) S);

impl<S: ShouldSample + Clone + 'static> ShouldSample for Unstated<S> {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let asked = self
            .0
            .should_sample(parent, trace_id, name, kind, attributes, links);
        SamplingResult {
            trace_state: threshold::state(&asked.trace_state, None),
            ..asked
        }
    }
}
