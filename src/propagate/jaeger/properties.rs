//! What must hold for any bytes; the tables are in `tests`.

use opentelemetry::baggage::Baggage;
use proptest::prelude::*;

use super::{
    super::tests::{Lines, entries, ids, inject, local},
    *,
};

proptest! {
    #[test]
    fn any_span_goes_there_and_back(trace in 1_u128.., span in 1_u64.., flags: u8) {
        let jaeger = JaegerPropagator::new();
        let sent = inject(&jaeger, &local(trace, span, flags));
        let got = jaeger.extract_with_context(&Context::new(), &sent);
        let want = format!("{trace:032x}-{span:016x}-{:02x}", flags & 1);
        prop_assert_eq!(ids(got.span().span_context()), want);
    }

    #[test]
    fn any_baggage_goes_there_and_back(set: Vec<(String, String)>, key in "[a-z!]{1,9}", value: String) {
        let mut baggage = Baggage::new();
        for (key, value) in set {
            baggage.insert(key.to_ascii_lowercase(), value.trim().to_owned());
        }
        baggage.insert(key, value.trim().to_owned());
        let before = Context::new().with_baggage(baggage);
        let jaeger = JaegerPropagator::new();
        let sent = inject(&jaeger, &before);
        prop_assert!(sent.0.iter().all(|(_, value)| value.bytes().all(|byte| byte.is_ascii_graphic())));
        let got = jaeger.extract_with_context(&Context::new(), &sent);
        prop_assert_eq!(entries(&got), entries(&before));
    }

    #[test]
    fn any_text_is_safe_and_what_is_accepted_goes_round(
        text in "[0-9a-fA-F]{0,33}(:|%3[aA])[0-9a-f]{0,17}(:|%3A)[0-9a-f]{0,3}(:|%3A)[0-9a-f]{0,3}|.{0,60}",
        debug in ".{0,3}", baggage in ".{0,40}", names in proptest::collection::vec("uberctx-.{0,9}|.{0,9}", 0..5),
        value in "([ -~]|%[0-9A-Z]{2}){0,40}|.{0,40}",
    ) {
        let mut lines = Lines::of(&[("uber-trace-id", &text), ("jaeger-debug-id", &debug), ("jaeger-baggage", &baggage)]);
        lines.0.extend(names.into_iter().map(|name| (name, value.clone())));
        let jaeger = JaegerPropagator::new();
        let got = jaeger.extract_with_context(&Context::new(), &lines);
        let sent = inject(&jaeger, &got);
        let again = jaeger.extract_with_context(&Context::new(), &sent);
        prop_assert_eq!(ids(again.span().span_context()), ids(got.span().span_context()));
        prop_assert_eq!(decision::of(&again).filter(|_| again.span().span_context().is_valid()),
            decision::of(&got).filter(|_| got.span().span_context().is_valid()));
    }
}
