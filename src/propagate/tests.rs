//! What the tests of all formats share.

use std::collections::BTreeMap;

use opentelemetry::{
    Context,
    baggage::BaggageExt,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};

use crate::decision::{self, Decision};

pub(super) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(super) const SPAN: &str = "00f067aa0ba902b7";

/// Header lines, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lines(pub(super) Vec<(String, String)>);

impl Lines {
    pub(super) fn of(lines: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(lines.iter().map(owned).collect())
    }

    pub(super) fn map(&self) -> BTreeMap<&str, &str> {
        let lines = self.0.iter();
        lines.map(|(name, value)| (&**name, &**value)).collect()
    }
}

impl Extractor for Lines {
    fn get(&self, key: &str) -> Option<&str> {
        let line = self
            .0
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key));
        line.map(|(_, value)| &**value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| &**name).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let lines = self.0.iter().filter(|(name, _)| name == key);
        Some(lines.map(|(_, value)| &**value).collect())
    }
}

impl Injector for Lines {
    fn set(&mut self, key: &str, value: String) {
        self.0.push((key.to_owned(), value));
    }
}

/// What a caller was found to be: `{trace id}-{span id}-{flags}` and its decision, in a context that had none.
pub(super) fn found(
    propagator: &dyn TextMapPropagator,
    lines: &[(&str, &str)],
) -> Option<(String, Decision)> {
    let context = extract(propagator, lines);
    let span = context.span();
    let caller = span.span_context();
    assert!(!caller.is_valid() || caller.is_remote());
    assert_eq!(
        decision::of(&context).is_some_and(|sampled| sampled),
        caller.is_sampled() || decision::of_root(&context).is_some_and(|(said, _)| keeps(said)),
    );
    match decision::of_root(&context) {
        Some((decision, trace_id)) => Some((trace_id.to_string(), decision)),
        None if caller.is_valid() => Some((ids(caller), decision::to_send(&context))),
        None => None,
    }
}

pub(super) fn keeps(decision: Decision) -> bool {
    matches!(decision, Decision::Keep | Decision::Debug)
}

pub(super) fn ids(caller: &SpanContext) -> String {
    format!(
        "{}-{}-{:02x}",
        caller.trace_id(),
        caller.span_id(),
        caller.trace_flags()
    )
}

pub(super) fn extract(propagator: &dyn TextMapPropagator, lines: &[(&str, &str)]) -> Context {
    propagator.extract_with_context(&Context::new(), &Lines::of(lines))
}

pub(super) fn inject(propagator: &dyn TextMapPropagator, context: &Context) -> Lines {
    let mut lines = Lines::default();
    propagator.inject_context(context, &mut lines);
    for (name, _) in &lines.0 {
        let is_known = propagator.fields().any(|field| field == name)
            || name.starts_with("uberctx-")
            || name.starts_with("ot-baggage-");
        assert!(is_known, "{name} is no field of {propagator:?}");
    }
    lines
}

/// A span of ours.
pub(super) fn local(trace_id: u128, span_id: u64, flags: u8) -> Context {
    remote(&Context::new(), trace_id, span_id, flags, false)
}

pub(super) fn remote(
    base: &Context,
    trace_id: u128,
    span_id: u64,
    flags: u8,
    remote: bool,
) -> Context {
    base.with_remote_span_context(SpanContext::new(
        TraceId::from(trace_id),
        SpanId::from(span_id),
        TraceFlags::new(flags),
        remote,
        TraceState::NONE,
    ))
}

pub(super) fn entries(context: &Context) -> BTreeMap<String, String> {
    let entries = context.baggage().iter();
    entries
        .map(|(key, (value, metadata))| match metadata.as_str() {
            "" => (key.to_string(), value.to_string()),
            metadata => (key.to_string(), format!("{value};{metadata}")),
        })
        .collect()
}
