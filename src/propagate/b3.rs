//! B3, of Zipkin: one `b3` header, or several that begin with `x-b3-`.
//!
//! <https://github.com/openzipkin/b3-propagation>, and the B3 section of OpenTelemetry's specification of propagators.

use std::sync::LazyLock;

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanId, TraceContextExt, TraceId},
};

use super::{
    found::Found,
    hex::{self, Digits},
};
use crate::decision::{self, Decision};

/// Reads B3 in either of its forms, and writes it in one: `b3`, or the headers that begin with `x-b3-`.
///
/// * Of both forms in one request the single header counts, unless it is malformed.
/// * Trace ids of 64 bits are accepted; ids are sent in full.
/// * *Debug* (`d`, or `x-b3-flags: 1`) means sampled, and goes on to whom the service calls.
/// * Ids without a decision leave it to this service: parent-based samplers decide as for a new trace.
/// * A decision without ids is one about a new trace, which parent-based samplers follow: `b3: 0` begins one that is not
///   sampled.
/// * No parent's id is sent, and none is read: the caller's span is the parent.
///
/// A malformed header is ignored. Without a valid span nothing is injected but a decision that came without ids.
#[derive(Clone, Copy, Debug)]
pub struct B3Propagator {
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Single,
    Multi,
}

impl B3Propagator {
    /// Sends one header, `b3: {trace id}-{span id}-{decision}`: what OpenTelemetry calls `b3`.
    pub fn single() -> Self {
        Self { form: Form::Single }
    }

    /// Sends `x-b3-traceid`, `x-b3-spanid` and `x-b3-sampled` or `x-b3-flags`: what OpenTelemetry calls `b3multi`.
    pub fn multi() -> Self {
        Self { form: Form::Multi }
    }
}

impl TextMapPropagator for B3Propagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        let span_context = span.span_context();
        let decision = if span_context.is_valid() {
            decision::to_send(cx)
        } else {
            match decision::of_root(cx) {
                Some((decision, _)) => decision,
                None => return,
            }
        };
        let ids = span_context.is_valid().then(|| Digits::of(span_context));
        match self.form {
            Form::Single => inject_single(ids.as_ref(), decision, injector),
            Form::Multi => inject_multi(ids.as_ref(), decision, injector),
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let single = extractor.get(SINGLE).and_then(read_single);
        match single.or_else(|| read_multi(extractor)) {
            Some(found) => found.into_context(cx),
            None => cx.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<[String; 6]> = LazyLock::new(|| {
            [SINGLE, TRACE_ID, SPAN_ID, SAMPLED, FLAGS, PARENT].map(str::to_owned)
        });
        FieldIter::new(FIELDS.as_slice())
    }
}

fn inject_single(ids: Option<&Digits>, decision: Decision, injector: &mut dyn Injector) {
    let state = match decision {
        Decision::Deferred => "",
        Decision::Drop => "0",
        Decision::Keep => "1",
        Decision::Debug => "d",
    };
    let mut text = String::with_capacity(51);
    if let Some(ids) = ids {
        text.push_str(ids.both());
        if !state.is_empty() {
            text.push('-');
        }
    }
    text.push_str(state);
    if !text.is_empty() {
        injector.set(SINGLE, text);
    }
}

fn inject_multi(ids: Option<&Digits>, decision: Decision, injector: &mut dyn Injector) {
    if let Some(ids) = ids {
        injector.set(TRACE_ID, ids.trace_id().to_owned());
        injector.set(SPAN_ID, ids.span_id().to_owned());
    }
    match decision {
        Decision::Deferred => {}
        Decision::Drop => injector.set(SAMPLED, "0".to_owned()),
        Decision::Keep => injector.set(SAMPLED, "1".to_owned()),
        Decision::Debug => injector.set(FLAGS, "1".to_owned()),
    }
}

/// `{trace id}-{span id}[-{state}][-{parent}]`, or a state alone.
fn read_single(text: &str) -> Option<Found> {
    let text = text.trim_matches([' ', '\t']);
    if let Some(decision) = read_state(text) {
        return Some(Found::root(decision));
    }
    let mut parts = text.split('-');
    let (trace_id, span_id) = read_ids(parts.next()?, parts.next()?)?;
    let decision = match (parts.next(), parts.next(), parts.next()) {
        (None, _, _) => Decision::Deferred,
        (Some(state), None, _) if state.len() == 1 => read_state(state)?,
        (Some(parent), None, _) => {
            read_span_id(parent)?;
            Decision::Deferred
        }
        (Some(state), Some(parent), None) => {
            read_span_id(parent)?;
            read_state(state)?
        }
        (Some(_), Some(_), Some(_)) => return None,
    };
    Some(Found {
        trace_id,
        span_id,
        decision,
    })
}

fn read_multi(extractor: &dyn Extractor) -> Option<Found> {
    let get = |name| {
        extractor
            .get(name)
            .map(|text| text.trim_matches([' ', '\t']))
    };
    let decision = || match (get(FLAGS), get(SAMPLED)) {
        (Some("1"), _) => Some(Decision::Debug),
        (_, Some(text)) if text == "1" || text.eq_ignore_ascii_case("true") => Some(Decision::Keep),
        (_, Some(text)) if text == "0" || text.eq_ignore_ascii_case("false") => {
            Some(Decision::Drop)
        }
        _ => None,
    };
    match (get(TRACE_ID), get(SPAN_ID)) {
        (Some(trace_id), Some(span_id)) => {
            let (trace_id, span_id) = read_ids(trace_id, span_id)?;
            Some(Found {
                trace_id,
                span_id,
                decision: decision().unwrap_or(Decision::Deferred),
            })
        }
        (None, None) => decision().map(Found::root),
        _ => None,
    }
}

fn read_state(text: &str) -> Option<Decision> {
    match text {
        "0" => Some(Decision::Drop),
        "1" => Some(Decision::Keep),
        "d" => Some(Decision::Debug),
        _ => None,
    }
}

fn read_ids(trace_id: &str, span_id: &str) -> Option<(TraceId, SpanId)> {
    if !matches!(trace_id.len(), 16 | 32) {
        return None;
    }
    let trace_id = TraceId::from(hex::read(trace_id)?);
    let span_id = read_span_id(span_id)?;
    let is_valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
    is_valid.then_some((trace_id, span_id))
}

fn read_span_id(text: &str) -> Option<SpanId> {
    (text.len() == 16)
        .then(|| hex::read_u64(text))?
        .map(SpanId::from)
}

const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";
const PARENT: &str = "x-b3-parentspanid";

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
