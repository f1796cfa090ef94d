//! What must hold for any bytes; the tables are in `tests`.

use proptest::prelude::*;

use super::{
    super::tests::{Lines, ids, inject, local},
    *,
};

proptest! {
    #[test]
    fn any_span_goes_there_and_back(trace in 1_u128.., span in 1_u64.., flags: u8) {
        let xray = XRayPropagator::new();
        let sent = inject(&xray, &local(trace, span, flags));
        let got = xray.extract_with_context(&Context::new(), &sent);
        let want = format!("{trace:032x}-{span:016x}-{:02x}", flags & 1);
        prop_assert_eq!(ids(got.span().span_context()), want);
    }

    #[test]
    fn any_text_is_safe_and_what_is_accepted_goes_round(
        parts in proptest::collection::vec(
            " ?Root=1-[0-9a-f]{0,9}-[0-9a-f]{23,25}|Parent=[0-9a-fA-F]{15,17}|Sampled=[01?2]?|[A-Za-z]{0,6}=[ -~]{0,40}|.{0,300}", 0..8),
        whole in ".{0,40}", is_whole: bool,
    ) {
        let text = if is_whole { whole } else { parts.join(";") };
        let xray = XRayPropagator::new();
        let got = xray.extract_with_context(&Context::new(), &Lines::of(&[("x-amzn-trace-id", &text)]));
        let sent = inject(&xray, &got);
        prop_assert!(sent.0.iter().all(|(_, value)| value.len() < 400 && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))));
        let again = xray.extract_with_context(&Context::new(), &sent);
        prop_assert_eq!(ids(again.span().span_context()), ids(got.span().span_context()));
        prop_assert_eq!(decision::of_root(&again), decision::of_root(&got));
        prop_assert_eq!(decision::of(&again), decision::of(&got));
        prop_assert_eq!(inject(&xray, &again), sent);
    }
}
