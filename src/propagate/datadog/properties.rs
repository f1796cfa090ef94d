//! What must hold for any bytes; the tables are in `tests`.

use proptest::prelude::*;

use super::{
    super::tests::{Lines, ids, inject, local},
    *,
};

proptest! {
    #[test]
    fn any_span_goes_there_and_back(high: u64, low in 1_u64.., span in 1_u64.., flags: u8) {
        let datadog = DatadogPropagator::new();
        let whole = (u128::from(high) << 64) | u128::from(low);
        let sent = inject(&datadog, &local(whole, span, flags));
        let got = datadog.extract_with_context(&Context::new(), &sent);
        let want = format!("{whole:032x}-{span:016x}-{:02x}", flags & 1);
        prop_assert_eq!(ids(got.span().span_context()), want);
    }

    #[test]
    fn any_text_is_safe_and_what_is_accepted_goes_round(
        trace in "[0-9]{1,21}|.{0,21}", span in "[0-9]{1,21}|.{0,21}", priority in "-?[0-9]{1,4}|.{0,3}", origin in ".{0,20}",
        tags in proptest::collection::vec("_dd.p.tid=[0-9a-f]{15,17}|_dd.p.[a-z]{1,3}=[ -~]{0,90}|.{0,300}", 0..9),
    ) {
        let lines = Lines::of(&[
            ("x-datadog-trace-id", &trace), ("x-datadog-parent-id", &span), ("x-datadog-sampling-priority", &priority),
            ("x-datadog-origin", &origin), ("x-datadog-tags", &tags.join(",")),
        ]);
        let datadog = DatadogPropagator::new();
        let got = datadog.extract_with_context(&Context::new(), &lines);
        let sent = inject(&datadog, &got);
        for (_, value) in &sent.0 {
            prop_assert!(value.len() <= 512 && value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{value:?}");
        }
        let again = datadog.extract_with_context(&Context::new(), &sent);
        prop_assert_eq!(ids(again.span().span_context()), ids(got.span().span_context()));
        if got.span().span_context().is_valid() {
            prop_assert_eq!(decision::of(&again), decision::of(&got));
            prop_assert_eq!(inject(&datadog, &again), sent);
        }
    }
}
