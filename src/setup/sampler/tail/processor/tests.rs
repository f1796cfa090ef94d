use std::{
    borrow::Cow,
    sync::{Mutex, atomic::AtomicUsize},
    time::SystemTime,
};

use opentelemetry::{
    InstrumentationScope, TraceId,
    trace::{SpanKind, Status, TraceState},
};
use opentelemetry_sdk::error::OTelSdkError;

use super::*;

/// An exit that keeps what it gets.
#[derive(Clone, Debug, Default)]
struct Kept {
    spans: Arc<Mutex<Vec<SpanData>>>,
    flushes: Arc<AtomicUsize>,
    ends: Arc<AtomicUsize>,
    fails: bool,
}

impl Kept {
    /// The number of each span and why it was kept.
    fn take(&self) -> Vec<(u64, String)> {
        let spans = std::mem::take(&mut *self.spans.lock().unwrap());
        let one = |span: SpanData| {
            let number = u64::from_be_bytes(span.span_context.span_id().to_bytes());
            assert!(span.span_context.is_sampled());
            let reason = span
                .attributes
                .iter()
                .find(|pair| pair.key.as_str() == SAMPLING_REASON);
            let reason = reason.map(|pair| pair.value.to_string());
            (number >> 8, reason.unwrap_or_default())
        };
        let mut spans: Vec<_> = spans.into_iter().map(one).collect();
        spans.sort();
        spans
    }
}

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.spans.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flushes.fetch_add(1, Relaxed);
        if self.fails {
            return Err(OTelSdkError::InternalFailure("on purpose".to_owned()));
        }
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        self.ends.fetch_add(1, Relaxed);
        Ok(())
    }
}

struct Tail {
    processor: TailProcessor,
    counts: Arc<Counts>,
}

impl Tail {
    fn new(criteria: Criteria, exits: &[&Kept]) -> Self {
        let bounds = Bounds {
            spans: 1000,
            bytes: 1 << 20,
            wait: Duration::from_secs(3600),
        };
        let counts = Arc::<Counts>::default();
        let boxed = exits
            .iter()
            .map(|exit| Box::new((*exit).clone()) as Box<dyn SpanProcessor>);
        let processor =
            TailProcessor::new(criteria, bounds, 1, Arc::clone(&counts), boxed.collect());
        Self { processor, counts }
    }

    fn counts(&self) -> [u64; 4] {
        let Counts {
            kept,
            discarded,
            lost,
            waiting,
        } = &*self.counts;
        [kept, discarded, lost, waiting].map(|count| count.load(Relaxed))
    }
}

fn id(number: u64) -> SpanId {
    // The last bits are those that a verdict takes.
    SpanId::from(number << 8)
}

/// A span of the trace of its hundreds, that lasted so many milliseconds.
fn span(number: u64, parent: Option<u64>, millis: u64) -> SpanData {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(u128::from(number / 100) + 1),
            id(number),
            TraceFlags::NOT_SAMPLED,
            false,
            TraceState::from_key_value([("ot", "th:8;x:y")]).unwrap(),
        ),
        parent_span_id: parent.map_or(SpanId::INVALID, id),
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: Cow::Borrowed("GET /a"),
        start_time: start,
        end_time: start + Duration::from_millis(millis),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: Default::default(),
        links: Default::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

fn failed(mut span: SpanData) -> SpanData {
    span.status = Status::error("");
    span
}

fn of_sampled(mut span: SpanData) -> SpanData {
    span.span_context = sampled(&span.span_context);
    span
}

#[track_caller]
fn are(kept: &Kept, want: &[(u64, &str)]) {
    let want: Vec<_> = want
        .iter()
        .map(|(number, why)| (*number, (*why).to_owned()))
        .collect();
    assert_eq!(kept.take(), want);
}

#[test]
fn the_local_root_decides_about_all_of_its_trace() {
    let kept = Kept::default();
    let tail = Tail::new(Criteria::new(None, None), &[&kept]);
    let ends = |span| tail.processor.on_end(span);
    // A child that failed does not fail the root.
    ends(failed(span(12, Some(11), 1)));
    ends(span(11, Some(10), 1));
    ends(span(10, None, 1));
    are(&kept, &[]);
    assert_eq!(tail.counts(), [0, 3, 0, 0]);
    ends(span(111, Some(110), 1));
    ends(failed(span(110, None, 1)));
    are(&kept, &[(110, "error"), (111, "error")]);
    // Later ones share its fate, and so do theirs.
    ends(span(112, Some(111), 1));
    ends(span(113, Some(112), 1));
    ends(span(13, Some(12), 1));
    are(&kept, &[(112, "error"), (113, "error")]);
    assert_eq!(tail.counts(), [4, 4, 0, 0]);
}

#[test]
fn a_parent_elsewhere_makes_a_local_root() {
    let kept = Kept::default();
    let tail = Tail::new(Criteria::new(None, None), &[&kept]);
    // The process called itself: 20 is the server of the call 11, in the same trace.
    let mut inner = failed(span(20, Some(11), 1));
    inner.parent_span_is_remote = true;
    tail.processor.on_end(span(21, Some(20), 1));
    tail.processor.on_end(inner);
    are(&kept, &[(20, "error"), (21, "error")]);
    tail.processor.on_end(span(11, Some(10), 1));
    tail.processor.on_end(span(10, None, 1));
    are(&kept, &[]);
    assert_eq!(tail.counts(), [2, 2, 0, 0]);
}

#[test]
fn the_slow_are_kept_and_the_slowest_of_a_route() {
    let kept = Kept::default();
    let limit = Some(Duration::from_millis(500));
    let tail = Tail::new(Criteria::new(limit, Some(1.0)), &[&kept]);
    // Sampled ones teach the route as well.
    for number in 0..500 {
        tail.processor
            .on_end(of_sampled(span(number * 100 + 100_000, None, number % 100)));
        tail.processor
            .on_end(span(number * 100, None, number % 100));
    }
    kept.take();
    let before = tail.counts();
    for (number, millis, want) in [
        (900_000, 50, None),
        (900_100, 120, Some("slow_for_route")),
        (900_200, 500, Some("slow_for_route")),
        (900_300, 501, Some("slow")),
    ] {
        tail.processor.on_end(span(number + 1, Some(number), 1));
        tail.processor.on_end(span(number, None, millis));
        match want {
            Some(why) => are(&kept, &[(number, why), (number + 1, why)]),
            None => are(&kept, &[]),
        }
    }
    let mut other = span(900_400, None, 120);
    other.name = Cow::Borrowed("GET /b");
    tail.processor.on_end(other);
    are(&kept, &[]);
    let [kept, discarded, ..] = tail.counts();
    assert_eq!([kept - before[0], discarded - before[1]], [6, 3]);
}

#[test]
fn what_is_sampled_passes_as_it_is() {
    let kept = Kept::default();
    let tail = Tail::new(Criteria::new(None, None), &[&kept]);
    tail.processor.on_end(of_sampled(span(11, Some(10), 1)));
    are(&kept, &[(11, "")]);
    // A sampler that left a child out: with its root it is decided about as any.
    tail.processor.on_end(span(12, Some(10), 1));
    tail.processor.on_end(of_sampled(span(10, None, 1)));
    are(&kept, &[(10, "")]);
    tail.processor.on_end(span(112, Some(110), 1));
    tail.processor
        .on_end(of_sampled(failed(span(110, None, 1))));
    are(&kept, &[(110, ""), (112, "error")]);
    assert_eq!(tail.counts(), [1, 1, 0, 0]);
}

#[test]
fn a_kept_span_says_what_it_is() {
    let kept = Kept::default();
    let tail = Tail::new(Criteria::new(None, None), &[&kept]);
    tail.processor.on_end(failed(span(10, None, 1)));
    let spans = kept.spans.lock().unwrap();
    assert_eq!(spans[0].span_context.trace_state().header(), "ot=x:y");
    assert_eq!(
        spans[0].attributes,
        [
            KeyValue::new("sampling.decision", "local_tail"),
            KeyValue::new("sampling.reason", "error"),
            KeyValue::new("sampling.adjusted_count", 1),
        ]
    );
}

#[test]
fn each_exit_gets_it_all_and_is_ended() {
    let failing = Kept {
        fails: true,
        ..Kept::default()
    };
    let (one, other) = (failing, Kept::default());
    let tail = Tail::new(Criteria::new(None, None), &[&one, &other]);
    tail.processor.on_end(failed(span(10, None, 1)));
    tail.processor.on_end(span(111, Some(110), 1));
    are(&one, &[(10, "error")]);
    are(&other, &[(10, "error")]);
    assert!(tail.processor.force_flush().is_err());
    assert_eq!(tail.counts(), [1, 0, 0, 1], "what is undecided waits on");
    tail.processor
        .shutdown_with_timeout(Duration::ZERO)
        .unwrap();
    for exit in [&one, &other] {
        assert_eq!(exit.flushes.load(Relaxed), 1);
        assert_eq!(exit.ends.load(Relaxed), 1);
        are(exit, &[]);
    }
    assert_eq!(tail.counts(), [1, 0, 1, 0]);
}

#[test]
fn at_the_end_the_slow_are_kept() {
    let kept = Kept::default();
    let limit = Some(Duration::from_secs(60));
    let tail = Tail::new(Criteria::new(limit, None), &[&kept]);
    let mut fresh = span(111, Some(110), 1);
    fresh.start_time = SystemTime::now();
    tail.processor.on_end(span(11, Some(10), 1));
    tail.processor.on_end(fresh);
    tail.processor
        .shutdown_with_timeout(Duration::ZERO)
        .unwrap();
    are(&kept, &[(11, "slow")]);
    assert_eq!(tail.counts(), [1, 0, 1, 0]);
}
