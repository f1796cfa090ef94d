use opentelemetry::{SpanId, TraceFlags};
use proptest::prelude::*;

use super::*;

fn of(probability: f64) -> String {
    Threshold::of(probability).unwrap().to_string()
}

fn trace_state(ot: &str) -> TraceState {
    TraceState::from_key_value([("a", "1"), ("ot", ot), ("b", "2")]).unwrap()
}

fn caller(trace_id: u128, is_sampled: bool, ot: &str) -> SpanContext {
    let flags = TraceFlags::NOT_SAMPLED.with_sampled(is_sampled);
    let (trace_id, span_id) = (TraceId::from(trace_id), SpanId::from(1));
    SpanContext::new(trace_id, span_id, flags, true, trace_state(ot))
}

/// The table of the specification, at its default precision.
#[test]
fn thresholds_are_those_of_the_specification() {
    for (one_in, want) in [
        (1.0, "0"),
        (2.0, "8"),
        (3.0, "aaab"),
        (4.0, "c"),
        (5.0, "cccd"),
        (8.0, "e"),
        (10.0, "e666"),
        (16.0, "f"),
        (100.0, "fd70a"),
        (1e3, "ffbe77"),
        (1e4, "fff9724"),
        (1e5, "ffff583a"),
        (1e6, "ffffef39"),
    ] {
        assert_eq!(of(1.0 / one_in), want, "one in {one_in}");
    }
}

#[test]
fn the_ends_of_the_range_are_thresholds_or_none() {
    assert_eq!(of(7.0), "0");
    assert_eq!(of(2_f64.powi(-56)), "ffffffffffffff");
    // What is smaller than can be said is the smallest that can.
    assert_eq!(of(f64::MIN_POSITIVE), "ffffffffffffff");
    for never in [0.0, -0.0, -1.0, f64::NAN] {
        assert_eq!(Threshold::of(never), None, "{never}");
    }
}

#[test]
fn a_text_is_a_threshold_by_its_digits() {
    for (text, want) in [
        ("0", Some(0)),
        ("8", Some(1 << 55)),
        ("fd70a", Some(0xfd_70a0_0000_0000)),
        ("00000000000001", Some(1)),
        ("ffffffffffffff", Some(TRACES - 1)),
        ("", None),
        ("000000000000000", None),
        ("C", None),
        ("+8", None),
        ("8 ", None),
        ("é", None),
    ] {
        assert_eq!(Threshold::parse(text), want.map(Threshold), "{text:?}");
    }
}

#[test]
fn randomness_is_named_or_of_the_trace_id() {
    let trace_id = TraceId::from(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10_u128);
    let own = 0x0a_0b0c_0d0e_0f10;
    for (ot, want) in [
        ("rv:7479cfb506891d", 0x74_79cf_b506_891d),
        ("th:8;rv:7479cfb506891d;x:y", 0x74_79cf_b506_891d),
        ("rv:7479CFB506891D", own),
        ("rv:7479cfb506891", own),
        ("rv:+479cfb506891d", own),
        ("rv", own),
        ("th:8", own),
    ] {
        assert_eq!(randomness(trace_id, &trace_state(ot)), want, "{ot}");
    }
    assert_eq!(randomness(trace_id, &TraceState::NONE), own);
}

#[test]
fn a_threshold_replaces_another_and_leaves_the_rest() {
    let threshold = Threshold::of(0.25);
    let set = |ot: &str| state(&trace_state(ot), threshold).header();
    assert_eq!(
        set("rv:7479cfb506891d"),
        "ot=th:c;rv:7479cfb506891d,a=1,b=2"
    );
    assert_eq!(set("x:y;th:8;z:"), "ot=th:c;x:y;z:,a=1,b=2");
    assert_eq!(state(&TraceState::NONE, threshold).header(), "ot=th:c");
    let erased = |ot: &str| state(&trace_state(ot), None).header();
    assert_eq!(erased("x:y;th:8;z:"), "ot=x:y;z:,a=1,b=2");
    assert_eq!(erased("th:8"), "a=1,b=2");
    assert_eq!(state(&TraceState::NONE, None), TraceState::NONE);
}

#[test]
fn a_threshold_without_room_is_not_told() {
    let full = format!("x:{}", "y".repeat(LONGEST - 7));
    assert!(
        state(&trace_state(&full), Threshold::of(0.5))
            .header()
            .starts_with("ot=th:8;x:y")
    );
    let fuller = format!("th:4;x:{}", "y".repeat(LONGEST - 7));
    let without = state(&trace_state(&fuller), Threshold::of(0.1)).header();
    assert!(without.starts_with("ot=x:y"), "{without}");
}

#[test]
fn what_cannot_have_led_to_the_decision_is_taken_out() {
    let high = u128::from(TRACES - 1);
    for (trace_id, is_sampled, ot, want) in [
        (high, true, "th:8", "th:8"),
        (high, false, "th:8", ""),
        (1, true, "th:8", ""),
        (1, false, "th:8", "th:8"),
        (1, true, "th:8;rv:ffffffffffffff", "th:8;rv:ffffffffffffff"),
        (1, false, "th:8;rv:ffffffffffffff", "rv:ffffffffffffff"),
        (1, true, "th:0", "th:0"),
        (1, false, "th:0", ""),
        (high, true, "th:+8", ""),
        (high, true, "x:y", "x:y"),
    ] {
        let followed = followed(&caller(trace_id, is_sampled, ot));
        let case = format!("{trace_id:x} {is_sampled} {ot}");
        assert_eq!(followed.get("ot").unwrap_or_default(), want, "{case}");
        assert_eq!(followed.get("a"), Some("1"), "{case}");
    }
}

proptest! {
    #[test]
    fn a_threshold_is_what_it_says(bits in 0..TRACES) {
        let threshold = Threshold(bits);
        prop_assert_eq!(Threshold::parse(&threshold.to_string()), Some(threshold));
    }

    #[test]
    fn a_threshold_keeps_as_many_as_the_probability_says(probability in 1e-9..1.0_f64) {
        let Threshold(rejected) = Threshold::of(probability).unwrap();
        let kept = (TRACES - rejected) as f64 / TRACES as f64;
        // Four digits behind the leading ones.
        prop_assert!((kept / probability - 1.0).abs() < 1.0 / 4096.0, "{} {}", kept, probability);
    }

    #[test]
    fn the_greater_probability_keeps_all_that_the_smaller_keeps(
        one in 0.0..1.0_f64,
        other in 0.0..1.0_f64,
        randomness in 0..TRACES,
    ) {
        let kept = |probability| {
            Threshold::of(probability).is_some_and(|threshold| threshold.keeps(randomness))
        };
        prop_assert!(!kept(one.min(other)) || kept(one.max(other)));
    }

    #[test]
    fn no_state_is_too_strange(ot in "[ -+\\--<>-~]{0,60}", trace_id: u128, is_sampled: bool) {
        let Ok(strange) = TraceState::from_key_value([("ot", ot.trim_end())]) else {
            return Ok(());
        };
        let caller = SpanContext::new(
            TraceId::from(trace_id),
            SpanId::from(1),
            TraceFlags::NOT_SAMPLED.with_sampled(is_sampled),
            true,
            strange.clone(),
        );
        let thresholds = |state: &TraceState| members(state).filter(|(key, _)| *key == "th").count();
        prop_assert!(thresholds(&followed(&caller)) <= thresholds(&strange));
        prop_assert_eq!(thresholds(&state(&strange, None)), 0);
        prop_assert_eq!(thresholds(&state(&strange, Threshold::of(0.5))), 1);
    }
}
