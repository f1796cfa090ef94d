//! What must hold for any bytes; the tables are in `tests`.

use opentelemetry::baggage::Baggage;
use proptest::prelude::*;

use super::{
    super::tests::{Lines, entries, ids, inject, local},
    *,
};

proptest! {
    #[test]
    fn any_span_goes_there_and_back(trace in 1_u64.., high: u64, span in 1_u64.., flags: u8) {
        let propagator = OtTracePropagator::new();
        let whole = (u128::from(high) << 64) | u128::from(trace);
        let sent = inject(&propagator, &local(whole, span, flags));
        let got = propagator.extract_with_context(&Context::new(), &sent);
        let want = format!("{trace:032x}-{span:016x}-{:02x}", flags & 1);
        prop_assert_eq!(ids(got.span().span_context()), want);
    }

    #[test]
    fn baggage_that_headers_can_hold_goes_there_and_back(set: Vec<(String, String)>, key in "[a-z!]{1,9}", value in "\\PC{0,20}") {
        let mut baggage = Baggage::new();
        for (key, value) in set {
            let is_kept = !value.chars().any(char::is_control);
            let value = if is_kept { value.trim().to_owned() } else { String::new() };
            baggage.insert(key.to_ascii_lowercase(), value);
        }
        baggage.insert(key, value.trim().to_owned());
        let before = local(1, 2, 1).with_baggage(baggage);
        let propagator = OtTracePropagator::new();
        let sent = inject(&propagator, &before);
        let got = propagator.extract_with_context(&Context::new(), &sent);
        prop_assert_eq!(entries(&got), entries(&before));
    }

    #[test]
    fn any_text_is_safe_and_what_is_accepted_goes_round(
        trace in "[0-9a-fA-F]{0,33}|.{0,33}", span in "[0-9a-fA-F]{0,17}|.{0,17}", sampled in "true|false|[01]|.{0,5}",
        names in proptest::collection::vec("ot-baggage-.{0,9}|.{0,12}", 0..5), value in ".{0,40}",
    ) {
        let mut lines = Lines::of(&[("ot-tracer-traceid", &trace), ("ot-tracer-spanid", &span), ("ot-tracer-sampled", &sampled)]);
        lines.0.extend(names.into_iter().map(|name| (name, value.clone())));
        let propagator = OtTracePropagator::new();
        let got = propagator.extract_with_context(&Context::new(), &lines);
        let sent = inject(&propagator, &got);
        prop_assert!(sent.0.iter().all(|(_, value)| !value.chars().any(char::is_control)));
        let again = propagator.extract_with_context(&Context::new(), &sent);
        if again.span().span_context().is_valid() {
            let low = |context: &Context| ids(context.span().span_context())[16..].to_owned();
            prop_assert_eq!(low(&again), low(&got));
            prop_assert_eq!(decision::of(&again), decision::of(&got));
            prop_assert_eq!(decision::to_send(&again), decision::to_send(&got));
        }
    }
}
