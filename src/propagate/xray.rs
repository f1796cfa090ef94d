//! AWS X-Ray: `x-amzn-trace-id`, and on Lambda a variable of the environment.
//!
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>

use std::{fmt::Write, sync::LazyLock};

use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanId, TraceContextExt, TraceId},
};

use super::{
    environment::Environment,
    found::Found,
    hex::{self, Digits},
};
use crate::decision::{self, Decision};

/// Reads and writes `x-amzn-trace-id: Root=…;Parent=…;Sampled=…`.
///
/// * The parts may come in any order.
/// * `Sampled=?`, or none, leaves the decision to this service: parent-based samplers decide as for a new trace.
/// * A `Root` alone, as load balancers send it, is the id of a trace that begins here. Of a provider that set-up did not
///   make, the trace has another id.
/// * Other parts, such as `Lineage`, are sent on with their trace as they came, up to 256 bytes of them.
///
/// A header with a malformed part of these three is ignored. Ids are sent as they are: X-Ray accepts those of W3C.
#[derive(Clone, Copy, Debug, Default)]
pub struct XRayPropagator {
    _private: (),
}

/// [`XRayPropagator`] for a Lambda function: the caller is that of the variable `_X_AMZN_TRACE_ID`, which is read at each
/// request, over one of the header (semantic conventions, "AWS Lambda").
///
/// It stands instead of [`XRayPropagator`], not beside it. The variable is not read where a format before it found a trace.
#[derive(Clone, Debug, Default)]
pub struct XRayLambdaPropagator {
    environment: Environment,
}

/// The parts that are none of ours: a context value.
#[derive(Clone, Debug)]
struct Others {
    trace_id: TraceId,
    /// Each with its `;` in front.
    text: String,
}

impl XRayPropagator {
    /// The propagator; it has no settings.
    pub fn new() -> Self {
        Self::default()
    }
}

impl XRayLambdaPropagator {
    /// Looks into the environment of the process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks this function for the variable instead, at each request.
    pub fn lookup(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::of(Environment::of(std::sync::Arc::new(lookup)))
    }

    pub(crate) fn of(environment: Environment) -> Self {
        Self { environment }
    }
}

impl TextMapPropagator for XRayPropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        if let Some(text) = write(cx) {
            injector.set(HEADER, text);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let header = extractor.get(HEADER);
        header
            .and_then(|text| extract(cx, text))
            .unwrap_or_else(|| cx.clone())
    }

    fn fields(&self) -> FieldIter<'_> {
        fields()
    }
}

impl TextMapPropagator for XRayLambdaPropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        XRayPropagator::new().inject_context(cx, injector);
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let context = XRayPropagator::new().extract_with_context(cx, extractor);
        if cx.span().span_context().is_valid() {
            return context;
        }
        let variable = self.environment.get(VARIABLE);
        variable
            .and_then(|text| extract(&context, &text))
            .unwrap_or(context)
    }

    fn fields(&self) -> FieldIter<'_> {
        fields()
    }
}

fn fields() -> FieldIter<'static> {
    static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [HEADER.to_owned()]);
    FieldIter::new(FIELDS.as_slice())
}

fn write(cx: &Context) -> Option<String> {
    let span = cx.span();
    let span_context = span.span_context();
    let others = cx.get::<Others>();
    let others = |trace_id| others.filter(|others: &&Others| others.trace_id == trace_id);
    let mut text = String::with_capacity(74);
    if span_context.is_valid() {
        let ids = Digits::of(span_context);
        let sampled = sampled(decision::to_send(cx));
        push_root(&mut text, ids.trace_id());
        write!(text, ";Parent={};Sampled={sampled}", ids.span_id()).ok()?;
        text.push_str(others(span_context.trace_id()).map_or("", |others| &others.text));
    } else {
        // No span was begun here: a root that came alone goes on.
        let (decision, trace_id) = decision::of_root(cx)?;
        if trace_id == TraceId::INVALID {
            return None;
        }
        push_root(&mut text, &trace_id.to_string());
        write!(text, ";Sampled={}", sampled(decision)).ok()?;
        text.push_str(others(trace_id).map_or("", |others| &others.text));
    }
    Some(text)
}

fn push_root(text: &mut String, trace_id: &str) {
    let (time, unique) = trace_id.split_at_checked(8).unwrap_or_default();
    text.push_str("Root=1-");
    text.push_str(time);
    text.push('-');
    text.push_str(unique);
}

fn sampled(decision: Decision) -> char {
    match decision {
        Decision::Deferred => '?',
        Decision::Drop => '0',
        Decision::Keep | Decision::Debug => '1',
    }
}

fn extract(cx: &Context, text: &str) -> Option<Context> {
    let mut found = Found::root(Decision::Deferred);
    let mut others = String::new();
    for part in text.split(';').map(str::trim) {
        match part.split_once('=') {
            Some(("Root", root)) => found.trace_id = read_root(root)?,
            Some(("Parent", parent)) if parent.len() == 16 => {
                found.span_id = SpanId::from(hex::read_u64(parent)?);
            }
            Some(("Parent", _)) => return None,
            Some(("Sampled", "0")) => found.decision = Decision::Drop,
            Some(("Sampled", "1")) => found.decision = Decision::Keep,
            Some(("Sampled", "?" | "")) => found.decision = Decision::Deferred,
            Some(("Sampled", _)) => return None,
            _ if is_other(part) && others.len() + part.len() < MAX_OTHERS => {
                others.push(';');
                others.push_str(part);
            }
            _ => {}
        }
    }
    if found.trace_id == TraceId::INVALID {
        return None;
    }
    let context = found.into_context(cx);
    Some(match cx.get::<Others>() {
        None if others.is_empty() => context,
        _ => context.with_value(Others {
            trace_id: found.trace_id,
            text: others,
        }),
    })
}

/// `1-{time}-{unique}`; the time may lack the zeros in front.
fn read_root(text: &str) -> Option<TraceId> {
    let (time, unique) = text.strip_prefix("1-")?.split_once('-')?;
    if time.len() > 8 || unique.len() != 24 {
        return None;
    }
    let trace_id = (hex::read(time)? << 96) | hex::read(unique)?;
    (trace_id != 0).then(|| TraceId::from(trace_id))
}

/// Whether a part can be sent on.
fn is_other(part: &str) -> bool {
    part.contains('=') && part.bytes().all(|byte| matches!(byte, b'!'..=b'~'))
}

const HEADER: &str = "x-amzn-trace-id";
const VARIABLE: &str = "_X_AMZN_TRACE_ID";

/// The bytes of others' parts that are kept.
const MAX_OTHERS: usize = 256;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
