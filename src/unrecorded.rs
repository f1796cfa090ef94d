//! Spans that no tracer sees: of callers that decided against sampling, where their decision stands.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
};

use opentelemetry::{
    SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceState},
};

use crate::threshold;

/// W3C Trace Context Level 2, section 3.2.2.5.2: the trace id is random.
pub(crate) const RANDOM: TraceFlags = TraceFlags::new(0x02);

thread_local! {
    /// Zero until the thread's first id.
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// A span of an id of its own in the trace of a caller that refused. The random flag belongs to the trace, and stays.
pub(crate) fn span_context(caller: &SpanContext) -> SpanContext {
    SpanContext::new(
        caller.trace_id(),
        span_id(),
        caller.trace_flags() & RANDOM,
        false,
        threshold::followed(caller),
    )
}

/// A span that begins a trace which its caller does not want recorded. The trace has this id; for zero, a new one.
pub(crate) fn root(trace_id: TraceId) -> SpanContext {
    let trace_id = match trace_id {
        TraceId::INVALID => TraceId::from((u128::from(number()) << 64) | u128::from(number())),
        chosen => chosen,
    };
    let flags = TraceFlags::NOT_SAMPLED;
    SpanContext::new(trace_id, span_id(), flags, false, TraceState::NONE)
}

fn span_id() -> SpanId {
    SpanId::from(number())
}

/// A new number but zero, random enough for what is never recorded: SplitMix64, seeded in each thread.
fn number() -> u64 {
    let last = match STATE.get() {
        0 => RandomState::new().hash_one(0),
        last => last,
    };
    let state = last.wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    // Zero is no id.
    (mixed ^ (mixed >> 31)).max(1)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn ids_are_valid_and_differ() {
        let many = || (0..1000).map(|_| span_id()).collect::<Vec<_>>();
        let other = thread::spawn(many).join().unwrap();
        let ids: HashSet<_> = many().into_iter().chain(other).collect();
        assert_eq!(ids.len(), 2000);
        assert!(!ids.contains(&SpanId::INVALID));
    }
}
