use std::{borrow::Cow, time::SystemTime};

use opentelemetry::{
    InstrumentationScope, SpanId,
    trace::{SpanContext, SpanKind, Status},
};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
use proptest::{collection::vec, prelude::*};

use super::*;

const DELAY: Duration = Duration::from_secs(5);

fn bounds(when_full: WhenFull) -> Bounds {
    Bounds {
        spans: 8,
        bytes: 1000,
        when_full,
        batch: 4,
        delay: DELAY,
    }
}

fn span(name: u64) -> SpanData {
    SpanData {
        span_context: SpanContext::NONE,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: Cow::Owned(name.to_string()),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

fn push(queue: &mut Queue, name: u64, size: usize) -> bool {
    queue.push(span(name), size, &mut Freed::new())
}

fn take(queue: &mut Queue) -> Vec<u64> {
    let mut batch = Batch::default();
    while queue.fill(&mut batch) {}
    let names = batch.spans.iter().map(|span| span.name.parse().unwrap());
    names.collect()
}

#[test]
fn a_policy_says_who_goes() {
    for (when_full, kept) in [
        (WhenFull::DropOldest, [12, 13, 14, 15, 16, 17, 18, 19]),
        (WhenFull::DropNewest, [0, 1, 2, 3, 4, 5, 6, 7]),
    ] {
        let mut queue = Queue::new(bounds(when_full));
        for name in 0..20 {
            push(&mut queue, name, 1);
        }
        let mut waiting = take(&mut queue);
        waiting.extend(take(&mut queue));
        assert_eq!(waiting, kept);
        assert_eq!((queue.made, queue.queue_full), (20, 12));
    }
}

#[test]
fn bytes_are_bounded_whatever_a_span_holds() {
    let mut queue = Queue::new(bounds(WhenFull::DropOldest));
    push(&mut queue, 0, 400);
    push(&mut queue, 1, 400);
    push(&mut queue, 2, 1001);
    assert_eq!((queue.bytes, queue.queue_full), (800, 1), "it never fits");
    push(&mut queue, 3, 900);
    assert_eq!((queue.bytes, queue.queue_full), (900, 3));
    assert_eq!(take(&mut queue), [3], "larger than a batch, alone");
}

#[test]
fn a_worker_wakes_for_the_first_and_for_a_batch() {
    let mut queue = Queue::new(bounds(WhenFull::DropOldest));
    let now = Instant::now();
    assert!(!push(&mut queue, 0, 1), "it has not looked yet");
    assert_eq!(queue.next(now, false), Next::WaitUntil(now + DELAY));
    assert!(!push(&mut queue, 1, 1));
    assert!(!push(&mut queue, 2, 1));
    assert!(push(&mut queue, 3, 1));
    assert!(!push(&mut queue, 4, 1), "once");
    assert_eq!(queue.next(now, false), Next::Take);
    assert_eq!(take(&mut queue), [0, 1, 2, 3]);
    queue.settled(4);
    assert_eq!(
        queue.next(now + DELAY, false),
        Next::Take,
        "its time is over"
    );
    assert_eq!(take(&mut queue), [4]);
    queue.settled(1);
    assert_eq!(queue.next(now, false), Next::Wait);
    assert!(push(&mut queue, 5, 1));
    assert_eq!(queue.next(now, true), Next::Take, "haste");
}

#[test]
fn the_bytes_of_a_batch_wake_too() {
    let mut queue = Queue::new(bounds(WhenFull::DropOldest));
    let now = Instant::now();
    push(&mut queue, 0, 100);
    assert_eq!(queue.next(now, false), Next::WaitUntil(now + DELAY));
    assert!(push(&mut queue, 1, 200));
    assert_eq!(queue.next(now, false), Next::Take);
    assert_eq!(take(&mut queue), [0], "250 bytes are a batch");
}

#[test]
fn a_delay_without_end_ends_in_batches_alone() {
    let mut queue = Queue::new(Bounds {
        delay: Duration::MAX,
        ..bounds(WhenFull::DropOldest)
    });
    push(&mut queue, 0, 1);
    assert_eq!(queue.next(Instant::now(), false), Next::Wait);
    queue.is_due();
    assert_eq!(queue.next(Instant::now(), false), Next::Take);
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Next(u64, bool),
    Take,
    Settle,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1_usize..1200).prop_map(Step::Push),
        4 => (0_u64..8, any::<bool>()).prop_map(|(seconds, hasty)| Step::Next(seconds, hasty)),
        4 => Just(Step::Take),
        4 => Just(Step::Settle),
        1 => Just(Step::Close),
    ]
}

proptest! {
    /// Whatever happens in whatever order: bounds hold, every span is in one place, and the order is that of the ends.
    #[test]
    fn nothing_is_lost_unseen(
        steps in vec(step(), 0..200),
        when_full in prop_oneof![Just(WhenFull::DropOldest), Just(WhenFull::DropNewest)],
    ) {
        let mut queue = Queue::new(bounds(when_full));
        let mut now = Instant::now();
        let (mut settled, mut last) = (0, None);
        let mut freed = Freed::new();
        for step in steps {
            match step {
                Step::Push(size) => {
                    queue.push(span(queue.made), size, &mut freed);
                }
                Step::Next(seconds, is_hasty) => {
                    now += Duration::from_secs(seconds);
                    let next = queue.next(now, is_hasty);
                    prop_assert!(!is_hasty || queue.waiting.is_empty() || next == Next::Take);
                }
                Step::Take => {
                    for name in take(&mut queue) {
                        prop_assert!(last < Some(name));
                        last = Some(name);
                    }
                }
                Step::Settle => {
                    settled += queue.in_flight;
                    queue.settled(queue.in_flight);
                }
                Step::Close => queue.is_closing = true,
            }
            let waiting = queue.waiting.len();
            let bytes: usize = queue.waiting.iter().map(|one| one.size).sum();
            prop_assert!(waiting <= 8 && bytes <= 1000);
            prop_assert_eq!(bytes, queue.bytes);
            let places = waiting as u64 + queue.in_flight + settled + queue.queue_full + queue.closed;
            prop_assert_eq!(queue.made, places);
            prop_assert_eq!(queue.entered, queue.left + queue.in_flight + waiting as u64);
        }
        let rest = queue.end();
        prop_assert_eq!(queue.abandoned, rest.len() as u64);
        let places = queue.in_flight + settled + queue.queue_full + queue.closed;
        prop_assert_eq!(queue.made, places);
    }
}
