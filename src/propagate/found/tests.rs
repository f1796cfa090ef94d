use super::{
    super::tests::{ids, remote},
    *,
};
use crate::decision;

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const SPAN: u64 = 0x00f0_67aa_0ba9_02b7;

fn found(trace_id: u128, decision: Decision) -> Found {
    Found {
        trace_id: TraceId::from(trace_id),
        span_id: SpanId::from(SPAN),
        decision,
    }
}

#[test]
fn the_last_word_counts_but_a_wish_to_debug_is_no_less_than_to_keep() {
    for (first, last, sent) in [
        (Decision::Debug, Decision::Keep, Decision::Debug),
        (Decision::Debug, Decision::Deferred, Decision::Debug),
        (Decision::Debug, Decision::Drop, Decision::Drop),
        (Decision::Keep, Decision::Debug, Decision::Debug),
        (Decision::Drop, Decision::Debug, Decision::Debug),
        (Decision::Keep, Decision::Drop, Decision::Drop),
        (Decision::Drop, Decision::Keep, Decision::Keep),
        (Decision::Keep, Decision::Deferred, Decision::Keep),
        (Decision::Drop, Decision::Deferred, Decision::Deferred),
        (Decision::Deferred, Decision::Drop, Decision::Drop),
        (Decision::Deferred, Decision::Keep, Decision::Keep),
    ] {
        let context = found(TRACE, first).into_context(&Context::new());
        let context = found(TRACE, last).into_context(&context);
        assert_eq!(decision::to_send(&context), sent, "{first:?} {last:?}");
    }
}

#[test]
fn a_span_of_our_own_is_no_caller_who_speaks_twice() {
    let low = TRACE & u128::from(u64::MAX);
    for (is_remote, want) in [(true, TRACE), (false, low)] {
        let before = remote(&Context::new(), TRACE, SPAN, 3, is_remote);
        let context = found(low, Decision::Keep).into_context(&before);
        let flags = if is_remote { 3 } else { 1 };
        let want = format!("{want:032x}-{SPAN:016x}-{flags:02x}");
        assert_eq!(ids(context.span().span_context()), want);
    }
}
