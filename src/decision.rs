//! Whether a trace is sampled, as its caller decided: more than the flags of a span context can say.
//!
//! Some formats can leave the decision to whom they call, force it, or send it without a span. None of that may hide in
//! the flags: the bit beside *sampled* says that the trace id is random.

use std::cell::Cell;

use opentelemetry::{
    Context, SpanId, TraceId,
    trace::{SpanContext, TraceContextExt},
};

/// What a caller said of sampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Whoever is called decides.
    Deferred,
    Drop,
    Keep,
    /// Keep it, whatever it costs, and say so to whoever is called.
    Debug,
}

/// What a span context cannot hold of it; a context value, set on extraction. It counts for the ids it was said with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    decision: Decision,
    /// Zero: of a trace that is yet to begin.
    trace_id: TraceId,
    /// Zero: there is no caller's span.
    span_id: SpanId,
}

thread_local! {
    /// The id of the trace that begins on this thread now, where a caller chose it.
    static CHOSEN: Cell<TraceId> = const { Cell::new(TraceId::INVALID) };
}

/// What the caller decided, if there is a caller and it did.
pub(crate) fn of(context: &Context) -> Option<bool> {
    let span = context.span();
    let caller = span.span_context();
    if caller.is_sampled() && caller.is_valid() {
        return Some(true);
    }
    let said = context.get::<Said>();
    if caller.is_valid() {
        let defers = said.is_some_and(|said| said.defers(caller));
        return (!defers).then_some(false);
    }
    match said.filter(|said| said.is_root())?.decision {
        Decision::Deferred => None,
        Decision::Drop => Some(false),
        Decision::Keep | Decision::Debug => Some(true),
    }
}

/// What to tell whom the span of this context calls.
pub(crate) fn to_send(context: &Context) -> Decision {
    let span = context.span();
    let own = span.span_context();
    match context.get::<Said>() {
        Some(said) if said.decision == Decision::Debug && said.is_of(own.trace_id()) => {
            Decision::Debug
        }
        _ if own.is_sampled() => Decision::Keep,
        // Nobody has decided here either: the caller's span goes on as it came.
        Some(said) if said.defers(own) => Decision::Deferred,
        _ => Decision::Drop,
    }
}

/// What was said of a trace that is yet to begin, and the id it is to have (zero: any). `None` where there is a trace.
pub(crate) fn of_root(context: &Context) -> Option<(Decision, TraceId)> {
    let said = context.get::<Said>().filter(|said| said.is_root())?;
    let is_root = !context.span().span_context().is_valid();
    is_root.then_some((said.decision, said.trace_id))
}

/// The context with a refusal of a trace yet to begin taken back.
pub(crate) fn kept(context: Context) -> Context {
    match of_root(&context) {
        Some((Decision::Drop, trace_id)) => {
            context.with_value(Said::new(Decision::Keep, trace_id, SpanId::INVALID))
        }
        _ => context,
    }
}

/// The context of a root span that has begun: what was said of its trace beforehand and is passed on is now of this one.
pub(crate) fn begun(context: Context) -> Context {
    match context.get::<Said>() {
        Some(said) if said.is_root() && said.decision == Decision::Debug => {
            let span = context.span().span_context().clone();
            let said = Said::new(Decision::Debug, span.trace_id(), span.span_id());
            context.with_value(said)
        }
        _ => context,
    }
}

/// Makes a root span whose trace gets the id that a caller chose; zero leaves it to the generator.
pub(crate) fn with_trace_id<T>(trace_id: TraceId, make: impl FnOnce() -> T) -> T {
    /// A sampler may panic.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            CHOSEN.set(TraceId::INVALID);
        }
    }
    CHOSEN.set(trace_id);
    let _reset = Reset;
    make()
}

/// The id for the trace that begins on this thread now, if its caller chose one. An id generator asks.
#[allow(dead_code, reason = "set-up alone makes a provider")]
pub(crate) fn chosen_trace_id() -> Option<TraceId> {
    let id = CHOSEN.get();
    (id != TraceId::INVALID).then_some(id)
}

impl Said {
    pub(crate) fn new(decision: Decision, trace_id: TraceId, span_id: SpanId) -> Self {
        Self {
            decision,
            trace_id,
            span_id,
        }
    }

    pub(crate) fn decision(self) -> Decision {
        self.decision
    }

    pub(crate) fn is_of(self, trace_id: TraceId) -> bool {
        self.trace_id == trace_id
    }

    fn is_root(&self) -> bool {
        self.span_id == SpanId::INVALID
    }

    fn defers(&self, caller: &SpanContext) -> bool {
        self.decision == Decision::Deferred
            && self.trace_id == caller.trace_id()
            && self.span_id == caller.span_id()
    }
}
