//! What must hold for any bytes; the tables are in `tests`.

use proptest::prelude::*;

use super::{
    super::tests::{Lines, ids, inject, local},
    *,
};

proptest! {
    #[test]
    fn any_span_goes_there_and_back(trace in 1_u128.., span in 1_u64.., flags: u8) {
        let ours = local(trace, span, flags);
        for propagator in [B3Propagator::single(), B3Propagator::multi()] {
            let sent = inject(&propagator, &ours);
            let got = propagator.extract_with_context(&Context::new(), &sent);
            let want = format!("{trace:032x}-{span:016x}-{:02x}", flags & 1);
            prop_assert_eq!(ids(got.span().span_context()), want);
        }
    }

    #[test]
    fn any_text_is_safe_and_what_is_accepted_goes_round(
        text in "[0-9a-fA-F]{16,33}-[0-9a-f]{15,17}(-[01d2]?)?(-[0-9a-f]{15,17})?|[01d]|.{0,60}",
        trace in "[0-9a-fA-F]{16}|[0-9a-f]{31,32}|.{0,40}", span in "[0-9a-f]{15,17}|.{0,20}",
        sampled in "[01]|true|false|.{0,6}", flags in "[01]|.{0,3}",
    ) {
        let single = Lines::of(&[("b3", &text)]);
        let multi = Lines::of(&[
            ("x-b3-traceid", &trace), ("x-b3-spanid", &span), ("x-b3-sampled", &sampled), ("x-b3-flags", &flags),
        ]);
        for lines in [single, multi] {
            for propagator in [B3Propagator::single(), B3Propagator::multi()] {
                let got = propagator.extract_with_context(&Context::new(), &lines);
                let sent = inject(&propagator, &got);
                let again = propagator.extract_with_context(&Context::new(), &sent);
                prop_assert_eq!(ids(again.span().span_context()), ids(got.span().span_context()));
                prop_assert_eq!(decision::of_root(&again), decision::of_root(&got));
                prop_assert_eq!(decision::of(&again), decision::of(&got));
                prop_assert_eq!(inject(&propagator, &again), sent);
            }
        }
    }
}
