//! Datadog's own format: `x-datadog-…`.
//!
//! <https://docs.datadoghq.com/tracing/trace_collection/trace_context_propagation/>

use std::{fmt::Write, sync::LazyLock};

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanId, TraceContextExt, TraceId},
};

use super::{found::Found, hex};
use crate::decision::{self, Decision};

/// Reads and writes `x-datadog-trace-id`, `x-datadog-parent-id`, `x-datadog-sampling-priority`, `x-datadog-origin` and
/// `x-datadog-tags`.
///
/// * Ids are decimal numbers of 64 bits; the high half of a longer trace id is the tag `_dd.p.tid`.
/// * A priority above 0 is sampled, one of 0 or below is not; none leaves the decision to this service, where parent-based
///   samplers decide as for a new trace. The priority that came goes on while the decision is the same; else 1 or 0 is sent,
///   and 2 for a trace that is to be kept whatever it costs.
/// * Origin and tags go on with their trace, up to 512 bytes each. The tag of who decided goes with the priority.
/// * A trace id without a parent's is the id of a trace that begins here. Of a provider that set-up did not make, the
///   trace has another id.
#[derive(Clone, Copy, Debug, Default)]
pub struct DatadogPropagator {
    _private: (),
}

/// What goes on as it came: a context value.
#[derive(Clone, Debug)]
struct Others {
    trace_id: TraceId,
    priority: Option<i8>,
    origin: String,
    /// Each with a `,` in front; without the high half of the trace id.
    tags: String,
}

impl DatadogPropagator {
    /// The propagator; it has no settings.
    pub fn new() -> Self {
        Self::default()
    }
}

impl TextMapPropagator for DatadogPropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        let span_context = span.span_context();
        if !span_context.is_valid() {
            return;
        }
        let trace_id = span_context.trace_id();
        let (high, low) = halves(trace_id);
        injector.set(TRACE_ID, low.to_string());
        let span_id = u64::from_be_bytes(span_context.span_id().to_bytes());
        injector.set(PARENT_ID, span_id.to_string());

        let others = cx.get::<Others>();
        let others = others.filter(|others| others.trace_id == trace_id);
        let decision = decision::to_send(cx);
        let received = others.and_then(|others| others.priority);
        let as_received = received.filter(|received| Some(decided(*received)) == kept(decision));
        if let Some(priority) = as_received.or_else(|| priority(decision)) {
            injector.set(PRIORITY, priority.to_string());
        }
        if let Some(others) = others.filter(|others| !others.origin.is_empty()) {
            injector.set(ORIGIN, others.origin.clone());
        }
        let tags = others.map_or("", |others| others.tags.as_str());
        let tags = write_tags(high, tags, as_received.is_some());
        if !tags.is_empty() {
            injector.set(TAGS, tags);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        extract(cx, extractor).unwrap_or_else(|| cx.clone())
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<[String; 5]> =
            LazyLock::new(|| [TRACE_ID, PARENT_ID, PRIORITY, ORIGIN, TAGS].map(str::to_owned));
        FieldIter::new(FIELDS.as_slice())
    }
}

fn extract(cx: &Context, extractor: &dyn Extractor) -> Option<Context> {
    let get = |name| {
        extractor
            .get(name)
            .map(|text| text.trim_matches([' ', '\t']))
    };
    let low = number(get(TRACE_ID)?)?;
    let span_id = match get(PARENT_ID) {
        Some(text) => SpanId::from(number(text)?),
        None => SpanId::INVALID,
    };
    let priority: Option<i8> = get(PRIORITY).and_then(|text| text.parse().ok());
    let tags = get(TAGS)
        .filter(|tags| tags.len() <= MAX_LEN)
        .unwrap_or_default();
    let (high, tags) = read_tags(tags);
    let trace_id = TraceId::from((u128::from(high) << 64) | u128::from(low));
    if low == 0 {
        return None;
    }
    let found = Found {
        trace_id,
        span_id,
        decision: match priority.map(decided) {
            None => Decision::Deferred,
            Some(false) => Decision::Drop,
            Some(true) => Decision::Keep,
        },
    };
    let origin = get(ORIGIN).filter(|origin| origin.len() <= MAX_LEN && is_text(origin));
    let context = found.into_context(cx);
    // The whole of it, where another format has told it.
    let trace_id = match context.span().span_context().trace_id() {
        whole if halves(whole).1 == low => whole,
        _ => trace_id,
    };
    Some(context.with_value(Others {
        trace_id,
        priority,
        origin: origin.unwrap_or_default().to_owned(),
        tags,
    }))
}

/// The high half of the trace id, and the other tags that go on.
fn read_tags(text: &str) -> (u64, String) {
    let mut high = 0;
    let mut others = String::new();
    for tag in text.split(',').map(str::trim) {
        let Some((key, value)) = tag.split_once('=') else {
            continue;
        };
        if key == HIGH {
            high = (value.len() == 16)
                .then(|| hex::read_u64(value))
                .flatten()
                .unwrap_or(0);
        } else if key.starts_with("_dd.p.") && is_text(tag) {
            others.push(',');
            others.push_str(tag);
        }
    }
    (high, others)
}

fn write_tags(high: u64, others: &str, with_decider: bool) -> String {
    let mut text = String::new();
    if high != 0 {
        // Writing into a String cannot fail.
        let _written = write!(text, "{HIGH}={high:016x}");
    }
    for tag in others.split(',').filter(|tag| !tag.is_empty()) {
        let is_decider = tag.starts_with(DECIDER);
        if (is_decider && !with_decider) || text.len() + 1 + tag.len() > MAX_LEN {
            continue;
        }
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(tag);
    }
    text
}

fn decided(priority: i8) -> bool {
    priority > 0
}

fn kept(decision: Decision) -> Option<bool> {
    match decision {
        Decision::Deferred => None,
        Decision::Drop => Some(false),
        Decision::Keep | Decision::Debug => Some(true),
    }
}

fn priority(decision: Decision) -> Option<i8> {
    match decision {
        Decision::Deferred => None,
        Decision::Drop => Some(0),
        Decision::Keep => Some(1),
        Decision::Debug => Some(2),
    }
}

fn halves(trace_id: TraceId) -> (u64, u64) {
    let id = u128::from_be_bytes(trace_id.to_bytes());
    let low = id & u128::from(u64::MAX);
    ((id >> 64) as u64, low as u64)
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal.then(|| text.parse().ok()).flatten()
}

/// Whether a header can carry it on.
fn is_text(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

const TRACE_ID: &str = "x-datadog-trace-id";
const PARENT_ID: &str = "x-datadog-parent-id";
const PRIORITY: &str = "x-datadog-sampling-priority";
const ORIGIN: &str = "x-datadog-origin";
const TAGS: &str = "x-datadog-tags";

const HIGH: &str = "_dd.p.tid";
const DECIDER: &str = "_dd.p.dm=";

/// Of the tags, as Datadog's own libraries limit them, and of the origin.
const MAX_LEN: usize = 512;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
