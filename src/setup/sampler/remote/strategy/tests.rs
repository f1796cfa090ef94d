use std::{
    cell::Cell,
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use opentelemetry::{Value, trace::SpanContext};
use opentelemetry_sdk::trace::Sampler;
use proptest::prelude::*;

use super::{Strategy, *};

/// A clock that is set by hand.
#[derive(Clone, Default)]
struct Hand(Arc<Mutex<f64>>);

impl Hand {
    fn clock(&self) -> Clock {
        let hand = self.clone();
        Clock::of(move || *hand.0.lock().unwrap())
    }

    fn set(&self, to: f64) {
        *self.0.lock().unwrap() = to;
    }
}

/// Trace ids that are spread evenly.
fn trace_id() -> TraceId {
    thread_local!(static STATE: Cell<u128> = const { Cell::new(1) });
    let next = STATE
        .get()
        .wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645)
        .wrapping_add(1);
    STATE.set(next);
    TraceId::from(next.rotate_left(61))
}

fn initial() -> Strategy {
    Strategy::Initial(Box::new(Sampler::AlwaysOff))
}

fn operations(default: f64, lower_bound: f64, listed: &[(&str, f64)]) -> Answer {
    Answer::Operations {
        default,
        lower_bound,
        listed: listed
            .iter()
            .map(|(name, probability)| ((*name).to_owned(), *probability))
            .collect(),
    }
}

/// Why each of so many traces was sampled.
fn ask(strategy: &Strategy, name: &str, count: usize) -> BTreeMap<String, usize> {
    let mut by = BTreeMap::new();
    for _ in 0..count {
        let result = strategy.decide(None, trace_id(), name);
        if result.decision == SamplingDecision::RecordAndSample {
            *by.entry(result.attributes[0].value.to_string())
                .or_default() += 1;
        } else {
            assert!(result.attributes.is_empty());
        }
    }
    by
}

#[track_caller]
fn is_near(count: usize, want: usize) {
    assert!(count.abs_diff(want) * 10 <= want, "{count} of {want}");
}

#[test]
fn a_probability_is_kept_and_told() {
    let clock = Hand::default().clock();
    let strategy = Strategy::of(Answer::Probability(0.25), &initial(), &clock);
    is_near(ask(&strategy, "any", 20_000)["probabilistic"], 5000);
    let high = TraceId::from(u128::MAX);
    let result = strategy.decide(None, high, "any");
    assert_eq!(
        result.attributes,
        [
            KeyValue::new("sampler.type", "probabilistic"),
            KeyValue::new("sampler.param", Value::F64(0.25)),
        ]
    );
    assert_eq!(result.trace_state.header(), "ot=th:c");
    for never in [0.0, 1.0] {
        let strategy = Strategy::of(Answer::Probability(never), &initial(), &clock);
        let sampled = ask(&strategy, "any", 100).into_values().sum::<usize>();
        assert_eq!(sampled as f64, never * 100.0);
    }
}

#[test]
fn a_rate_is_kept_whatever_comes() {
    let hand = Hand::default();
    let strategy = Strategy::of(Answer::Rate(5.0), &initial(), &hand.clock());
    let mut sampled = 0;
    for tick in 0..10_000 {
        hand.set(f64::from(tick) / 100.0);
        sampled += ask(&strategy, "any", 3)
            .remove("ratelimiting")
            .unwrap_or_default();
    }
    // A hundred seconds, and what the bucket held.
    assert_eq!(sampled, 504);
    let result = strategy.decide(None, TraceId::from(1), "any");
    assert_eq!(result.decision, SamplingDecision::Drop);
}

/// A caller's threshold is not that of a rate.
#[test]
fn a_rate_erases_a_threshold() {
    let clock = Hand::default().clock();
    let state = TraceState::from_key_value([("ot", "th:8;x:y")]).unwrap();
    let parent = SpanContext::new(
        TraceId::from(1),
        1.into(),
        opentelemetry::TraceFlags::SAMPLED,
        true,
        state,
    );
    let parent = Context::new().with_remote_span_context(parent);
    for answer in [
        Answer::Rate(5.0),
        Answer::Rate(0.0),
        operations(0.0, 1.0, &[]),
    ] {
        let strategy = Strategy::of(answer, &initial(), &clock);
        let result = strategy.decide(Some(&parent), TraceId::from(1), "any");
        assert_eq!(result.trace_state.header(), "ot=x:y");
    }
}

#[test]
fn operations_have_their_probability_and_their_bound() {
    let hand = Hand::default();
    let answer = operations(0.5, 0.5, &[("rare", 0.0), ("half", 0.5), ("all", 1.0)]);
    let strategy = Strategy::of(answer, &initial(), &hand.clock());
    let mut by = BTreeMap::<_, BTreeMap<String, usize>>::new();
    for second in 0..200 {
        hand.set(f64::from(second));
        for name in ["rare", "half", "all", "unknown"] {
            for (kind, count) in ask(&strategy, name, 50) {
                *by.entry(name).or_default().entry(kind).or_default() += count;
            }
        }
    }
    // One each two seconds, whoever else is there.
    assert_eq!(by["rare"], BTreeMap::from([("lowerbound".to_owned(), 100)]));
    assert_eq!(
        by["all"],
        BTreeMap::from([("probabilistic".to_owned(), 10_000)])
    );
    is_near(by["half"]["probabilistic"], 5000);
    is_near(by["unknown"]["probabilistic"], 5000);
    // What the probability took is not given again.
    assert!(by["half"].get("lowerbound").copied().unwrap_or_default() <= 60);
    hand.set(1000.0);
    let first = strategy.decide(None, TraceId::from(0), "half");
    assert_eq!(
        first.attributes,
        [
            KeyValue::new("sampler.type", "lowerbound"),
            KeyValue::new("sampler.param", Value::F64(0.5)),
        ]
    );
    assert_eq!(first.trace_state, TraceState::NONE);
}

#[test]
fn another_answer_gives_nothing_for_free() {
    let hand = Hand::default();
    let clock = hand.clock();
    let lower_bound = 1.0 / 600.0;
    let mut strategy = Strategy::of(
        operations(0.0, lower_bound, &[("a", 0.0)]),
        &initial(),
        &clock,
    );
    let mut sampled = BTreeMap::new();
    // Adaptive sampling says something else each minute.
    for minute in 0..60 {
        hand.set(f64::from(minute) * 60.0);
        for name in ["a", "b"] {
            let count = ask(&strategy, name, 100).into_values().sum::<usize>();
            *sampled.entry(name).or_insert(0) += count;
        }
        let tiny = 1e-12 * f64::from(minute + 1);
        strategy = Strategy::of(
            operations(tiny, lower_bound, &[("a", tiny)]),
            &strategy,
            &clock,
        );
    }
    // At the start, and each ten minutes.
    assert_eq!(sampled, BTreeMap::from([("a", 6), ("b", 6)]));

    let first = Strategy::of(Answer::Rate(100.0), &initial(), &clock);
    assert_eq!(ask(&first, "any", 1000)["ratelimiting"], 100);
    let second = Strategy::of(Answer::Rate(50.0), &first, &clock);
    assert!(ask(&second, "any", 1000).is_empty());
    // The kind before had no bucket.
    let third = Strategy::of(Answer::Probability(1.0), &second, &clock);
    let fourth = Strategy::of(Answer::Rate(7.0), &third, &clock);
    assert_eq!(ask(&fourth, "any", 1000)["ratelimiting"], 7);
}

#[test]
fn names_without_end_have_the_default_alone() {
    let clock = Hand::default().clock();
    let strategy = Strategy::of(operations(0.0, 1.0, &[]), &initial(), &clock);
    let names: Vec<_> = (0..3000).map(|name| name.to_string()).collect();
    let sampled = |strategy: &Strategy| {
        let counts = names.iter().map(|name| ask(strategy, name, 1));
        counts.flat_map(BTreeMap::into_values).sum::<usize>()
    };
    assert_eq!(sampled(&strategy), OPERATIONS);
    // And an answer of that many takes those it lists.
    let listed: Vec<_> = names.iter().map(|name| (&**name, 0.0)).collect();
    let listed = Strategy::of(operations(0.0, 1.0, &listed), &initial(), &clock);
    assert_eq!(sampled(&listed), OPERATIONS);
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200), rate: f64, other: f64) {
        let clock = Clock::system();
        let mut strategy = initial();
        let strange = [
            Answer::parse(&body),
            Ok(Answer::Rate(rate)),
            Ok(operations(rate, other, &[("a", other)])),
            Ok(operations(other, rate, &[("a", rate)])),
            Ok(Answer::Rate(other)),
        ];
        for answer in strange.into_iter().flatten() {
            strategy = Strategy::of(answer, &strategy, &clock);
            strategy.decide(None, TraceId::from(7), "a");
        }
    }
}
