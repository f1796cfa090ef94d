//! OpenTracing's `sampling.priority`, by a sampler that reads it.

use opentelemetry::{
    Context, KeyValue, TraceId, Value,
    trace::{Link, Span, SpanKind, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

use crate::app::App;

/// Records what starts with a `sampling.priority` above 0, leaves out what starts with 0, and asks another about the rest.
#[derive(Clone, Debug)]
struct ByPriority(Sampler);

impl ShouldSample for ByPriority {
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
            .0
            .should_sample(parent, trace_id, name, kind, attributes, links);
        let mut set = attributes.iter().rev();
        let priority = set.find(|kv| kv.key.as_str() == "sampling.priority");
        match priority.map(|kv| &kv.value) {
            Some(Value::I64(0)) => result.decision = SamplingDecision::Drop,
            Some(Value::I64(_)) => result.decision = SamplingDecision::RecordAndSample,
            _ => {}
        }
        result
    }
}

#[test]
fn a_priority_at_the_start_decides() {
    let started = |default: Sampler, priority: Option<i64>| {
        let app = App::sampled(ByPriority(Sampler::ParentBased(Box::new(default))));
        let builder = app
            .tracer
            .span_builder("start")
            .with_attributes(priority.map(|priority| KeyValue::new("sampling.priority", priority)));
        let span = builder.start(&app.tracer);
        let is_sampled = span.span_context().is_sampled();
        // And its children follow.
        let context = Context::new().with_span(span);
        let child = app.tracer.start_with_context("child", &context);
        assert_eq!(child.span_context().is_sampled(), is_sampled);
        is_sampled
    };
    assert!(started(Sampler::AlwaysOff, Some(1)));
    assert!(!started(Sampler::AlwaysOn, Some(0)));
    assert!(started(Sampler::AlwaysOn, None));
    assert!(!started(Sampler::AlwaysOff, None));
}
