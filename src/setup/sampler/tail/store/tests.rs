use std::{borrow::Cow, collections::HashSet, time::SystemTime};

use opentelemetry::{
    InstrumentationScope, KeyValue, TraceFlags,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use proptest::prelude::*;

use super::{super::criteria::Reason, *};
use crate::setup::batch::size;

const KEEP: Verdict = Some(Reason::Error);

fn store(bounds: Bounds) -> (Store, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    (Store::new(bounds, Arc::clone(&counts)), counts)
}

fn roomy() -> Bounds {
    Bounds {
        spans: 100_000,
        bytes: usize::MAX,
        wait: Duration::from_secs(3600),
    }
}

/// Ids far apart, as real ones are.
fn id(number: u64) -> SpanId {
    SpanId::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 63)
}

fn span(trace: u128, number: u64, parent: u64) -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(trace),
            id(number),
            TraceFlags::NOT_SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: id(parent),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: Cow::Borrowed("span"),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: vec![KeyValue::new("key", "x".repeat(100))],
        dropped_attributes_count: 0,
        events: Default::default(),
        links: Default::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

#[track_caller]
fn waits(store: &Store, span: SpanData) -> Gone {
    let mut gone = Gone::new();
    assert!(matches!(store.wait(span, &mut gone), Ended::Waits));
    gone
}

fn ids(spans: &[SpanData]) -> HashSet<SpanId> {
    spans
        .iter()
        .map(|span| span.span_context.span_id())
        .collect()
}

fn set(numbers: impl IntoIterator<Item = u64>) -> HashSet<SpanId> {
    numbers.into_iter().map(id).collect()
}

#[test]
fn a_root_decides_about_what_descends_from_it() {
    let (store, counts) = store(roomy());
    let trace = TraceId::from(7_u128);
    // Two local roots, 1 and 2, of one trace; what 30 began is not over.
    for (number, parent) in [(11, 1), (12, 11), (13, 12), (21, 2), (31, 30), (14, 1)] {
        assert!(waits(&store, span(7, number, parent)).is_empty());
    }
    assert!(waits(&store, span(8, 15, 1)).is_empty(), "another trace");
    assert_eq!(
        ids(&store.decide(trace, id(1), KEEP)),
        set([11, 12, 13, 14])
    );
    assert_eq!(counts.waiting.load(Relaxed), 3);
    assert_eq!(ids(&store.decide(trace, id(2), None)), set([21]));
    assert_eq!(store.decide(trace, id(1), KEEP).len(), 0, "once");
    // Later ones share the fate, and bring what waited for them.
    let mut gone = Gone::new();
    match store.wait(span(7, 30, 12), &mut gone) {
        Ended::Late(verdict, spans) => {
            assert_eq!(verdict, KEEP);
            assert_eq!(ids(&spans), set([30, 31]));
        }
        Ended::Waits => panic!("it is late"),
    }
    for (parent, want) in [(31, KEEP), (21, None), (2, None)] {
        match store.wait(span(7, 40 + parent, parent), &mut gone) {
            Ended::Late(verdict, spans) => {
                assert_eq!((verdict, spans.len()), (want, 1));
            }
            Ended::Waits => panic!("it is late"),
        }
    }
    assert_eq!(counts.waiting.load(Relaxed), 1);
    store.decide(TraceId::from(8_u128), id(1), None);
    assert_eq!(store.bytes.load(Relaxed), 0);
}

#[test]
fn the_oldest_makes_room() {
    let (store, counts) = store(Bounds {
        spans: 10,
        ..roomy()
    });
    // All in one part, and one of them of two spans.
    let mut gone = waits(&store, span(16, 1, 0));
    gone.extend(waits(&store, span(16, 2, 0)));
    for trace in 2..30 {
        gone.extend(waits(&store, span(trace * 16, 3, 0)));
    }
    assert_eq!(counts.waiting.load(Relaxed), 10);
    assert_eq!(gone.iter().map(Vec::len).sum::<usize>(), 20);
    assert_eq!(ids(&gone[0]), set([1, 2]));
    // Where its own part is empty, another one's go.
    let gone = waits(&store, span(7, 1, 0));
    assert_eq!(gone.iter().map(Vec::len).sum::<usize>(), 1);
    assert_eq!(counts.waiting.load(Relaxed), 10);
}

#[test]
fn bytes_are_bounded_too() {
    let most = 100_000;
    let (store, counts) = store(Bounds {
        bytes: most,
        ..roomy()
    });
    let mut gone = 0;
    for number in 0..5000 {
        let mut span = span(u128::from(number % 64), number, 9999);
        span.attributes[0] = KeyValue::new("key", "x".repeat(number as usize % 977));
        gone += waits(&store, span).into_iter().flatten().count();
        assert!(store.bytes.load(Relaxed) <= most);
    }
    let waiting = counts.waiting.load(Relaxed) as usize;
    assert!(waiting > 0 && waiting < 5000);
    assert_eq!(gone + waiting, 5000);
    // One that is larger than all the room there is.
    let mut large = span(1, 1, 9999);
    large.attributes[0] = KeyValue::new("key", "x".repeat(2 * most));
    let gone = waits(&store, large);
    let gone: Vec<_> = gone.into_iter().flatten().collect();
    assert!(
        gone.iter()
            .any(|span| span.parent_span_id == id(9999) && size::of(span) > most)
    );
    assert_eq!(
        gone.len() + counts.waiting.load(Relaxed) as usize,
        waiting + 1
    );
    assert!(store.bytes.load(Relaxed) <= most);
    store.all(&mut Gone::new());
    assert_eq!(store.bytes.load(Relaxed), 0);
}

#[test]
fn nothing_waits_for_longer_than_it_may() {
    let (store, counts) = store(Bounds {
        wait: Duration::ZERO,
        ..roomy()
    });
    assert!(waits(&store, span(16, 1, 0)).is_empty());
    // What comes to the same part finds it.
    let gone = waits(&store, span(32, 2, 0));
    assert_eq!(
        gone.iter().map(|spans| ids(spans)).collect::<Vec<_>>(),
        [set([1])]
    );
    let mut gone = Gone::new();
    store.old(&mut gone);
    assert_eq!(gone.len(), 1);
    assert_eq!(counts.waiting.load(Relaxed), 0);
    assert_eq!(store.bytes.load(Relaxed), 0);
}

#[test]
fn what_was_decided_is_remembered_within_bounds() {
    let (store, _) = store(roomy());
    let trace = TraceId::from(7_u128);
    for root in 1..100_000 {
        store.decide(trace, id(root), if root % 2 == 0 { KEEP } else { None });
    }
    let mut gone = Gone::new();
    let mut known = 0;
    for root in 1..100_000 {
        if let Ended::Late(verdict, _) = store.wait(span(7, 200_000 + root, root), &mut gone) {
            assert_eq!(verdict.is_some(), root % 2 == 0);
            known += 1;
        }
    }
    assert!(known > 0);
}

proptest! {
    /// Whatever the tree and the order in which its spans end, its root decides about all of it, sooner or later.
    #[test]
    fn no_order_loses_a_span(parents in prop::collection::vec(any::<prop::sample::Index>(), 1..40), order in any::<u64>()) {
        let (store, counts) = store(roomy());
        let mut spans: Vec<_> = parents
            .iter()
            .enumerate()
            .map(|(at, parent)| (at as u64 + 2, parent.index(at + 1) as u64 + 1))
            .collect();
        spans.push((1, 0));
        spans.sort_by_key(|(number, _)| number.wrapping_mul(order | 1));
        let mut settled = HashSet::new();
        let mut gone = Gone::new();
        for (number, parent) in spans {
            if number == 1 {
                settled.extend(ids(&store.decide(TraceId::from(7_u128), id(1), KEEP)));
                settled.insert(id(1));
                continue;
            }
            if let Ended::Late(verdict, spans) = store.wait(span(7, number, parent), &mut gone) {
                prop_assert_eq!(verdict, KEEP);
                settled.extend(ids(&spans));
            }
        }
        prop_assert_eq!(settled, set(1..parents.len() as u64 + 2));
        prop_assert_eq!(counts.waiting.load(Relaxed), 0);
        prop_assert_eq!(store.bytes.load(Relaxed), 0);
    }
}
