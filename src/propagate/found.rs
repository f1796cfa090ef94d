//! What a format other than W3C's found of a caller, and how it comes into a context.

use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState},
};

use crate::{
    decision::{Decision, Said},
    unrecorded::RANDOM,
};

/// A caller. Either id may be zero: then the caller did not send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) decision: Decision,
}

impl Found {
    /// A decision about a trace that is yet to begin.
    pub(crate) fn root(decision: Decision) -> Self {
        Self {
            trace_id: TraceId::INVALID,
            span_id: SpanId::INVALID,
            decision,
        }
    }

    /// `base` with this caller in place of its span.
    ///
    /// Where a format before this one found the same span, it is one caller who speaks twice: what only the other can say
    /// stays, which is the `tracestate`, the random flag, and the half of a trace id that formats of 64 bits leave out.
    pub(crate) fn into_context(self, base: &Context) -> Context {
        let before = base.span();
        let before = before.span_context();
        if self.trace_id == TraceId::INVALID || self.span_id == SpanId::INVALID {
            return self.into_root(before, base);
        }
        let flag = match self.decision {
            Decision::Deferred | Decision::Drop => TraceFlags::NOT_SAMPLED,
            Decision::Keep | Decision::Debug => TraceFlags::SAMPLED,
        };
        let span_context = if self.is_same(before) {
            let flags = match self.decision {
                Decision::Deferred => before.trace_flags(),
                Decision::Drop | Decision::Keep | Decision::Debug => {
                    (before.trace_flags() & RANDOM) | flag
                }
            };
            let state = before.trace_state().clone();
            SpanContext::new(before.trace_id(), self.span_id, flags, true, state)
        } else {
            SpanContext::new(self.trace_id, self.span_id, flag, true, TraceState::NONE)
        };
        let trace_id = span_context.trace_id();
        let context = base.with_remote_span_context(span_context);
        match (self.decision, base.get::<Said>()) {
            // A caller that has asked for debugging already asks for no less.
            (Decision::Deferred | Decision::Keep, Some(said))
                if said.is_of(trace_id) && said.decision() == Decision::Debug =>
            {
                context
            }
            (Decision::Deferred | Decision::Debug, _) => {
                context.with_value(Said::new(self.decision, trace_id, self.span_id))
            }
            // It must not contradict what is said now.
            (Decision::Drop | Decision::Keep, Some(said)) if said.is_of(trace_id) => {
                context.with_value(Said::new(self.decision, trace_id, self.span_id))
            }
            (Decision::Drop | Decision::Keep, _) => context,
        }
    }

    /// There is no span to be a child of. Where a format before this one found one, that counts.
    fn into_root(self, before: &SpanContext, base: &Context) -> Context {
        let says_nothing = self.trace_id == TraceId::INVALID && self.decision == Decision::Deferred;
        if before.is_valid() || says_nothing || self.span_id != SpanId::INVALID {
            return base.clone();
        }
        base.with_value(Said::new(self.decision, self.trace_id, SpanId::INVALID))
    }

    fn is_same(&self, before: &SpanContext) -> bool {
        let (now, then) = (
            u128::from_be_bytes(self.trace_id.to_bytes()),
            u128::from_be_bytes(before.trace_id().to_bytes()),
        );
        let low = u128::from(u64::MAX);
        before.is_remote() && before.span_id() == self.span_id && (now == then || now == then & low)
    }
}

#[cfg(test)]
mod tests;
