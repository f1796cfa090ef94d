//! What is kept for what it came to.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, SpanKind, Status, TraceContextExt, TraceState},
};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use throughline::{ClientLayer, ServerLayer, Setup, Tail, TailCounts, otel::SetupExt};
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    CALLER, TRACE,
    common::text,
    request,
    service::{Service, no_metrics, setup},
};

const HOUR: Duration = Duration::from_secs(3600);

impl Service {
    fn counts(&self) -> [u64; 4] {
        let TailCounts {
            kept,
            discarded,
            lost,
            waiting,
            ..
        } = self.telemetry.tail_counts().unwrap();
        [kept, discarded, lost, waiting]
    }

    /// A request whose handler calls somebody and then answers this. Says what `traceparent` the callee got.
    async fn answer(&self, status: u16, traceparent: Option<&str>) -> String {
        let sent = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&sent);
        let next = service_fn(move |request: Request<Body>| {
            let header = request.headers()["traceparent"].to_str().unwrap();
            header.clone_into(&mut seen.lock().unwrap());
            async { Ok::<_, Infallible>(Response::new(Body::empty())) }
        });
        let next = ClientLayer::new().telemetry(&self.telemetry).layer(next);
        let handler = service_fn(move |_: Request<Body>| {
            let call = Request::get("http://next.example/").body(Body::empty());
            let called = next.clone().oneshot(call.unwrap());
            async move {
                drop(called.await?);
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                Ok::<_, Infallible>(response)
            }
        });
        let service = ServerLayer::new().telemetry(&self.telemetry).layer(handler);
        let asked = request(traceparent).body(Body::empty()).unwrap();
        drop(service.oneshot(asked).await.unwrap());
        let sent = sent.lock().unwrap();
        sent.clone()
    }

    /// A call under a span of this process that has not ended and never will.
    fn call_under(&self, trace_id: u128) {
        let span = SpanContext::new(
            TraceId::from(trace_id),
            SpanId::from(7),
            TraceFlags::NOT_SAMPLED,
            false,
            TraceState::NONE,
        );
        let _under = Context::new().with_remote_span_context(span).attach();
        let next = service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        });
        let next = ClientLayer::new().telemetry(&self.telemetry).layer(next);
        let call = Request::get("http://next.example/").body(Body::empty());
        // It is ready at once, so nobody polls anything else under this context.
        next.oneshot(call.unwrap()).now_or_never().unwrap().unwrap();
    }
}

#[track_caller]
fn is_whole(spans: &[SpanData], reason: &str) {
    assert_eq!(spans.len(), 2, "{spans:#?}");
    let server = spans.iter().find(|span| span.span_kind == SpanKind::Server);
    let client = spans.iter().find(|span| span.span_kind == SpanKind::Client);
    let (server, client) = (server.unwrap(), client.unwrap());
    assert_eq!(client.parent_span_id, server.span_context.span_id());
    for span in spans {
        assert!(span.span_context.is_sampled());
        assert_eq!(
            text(span, "sampling.decision").as_deref(),
            Some("local_tail")
        );
        assert_eq!(text(span, "sampling.reason").as_deref(), Some(reason));
        assert_eq!(span.span_context.trace_state().get("ot"), None);
    }
}

#[tokio::test]
async fn errors_are_kept_whole_and_the_rest_is_not() {
    let service = Service::of(setup().keep_errors_and_slow(Tail::new()));
    for _ in 0..50 {
        let sent = service.answer(200, None).await;
        assert!(
            sent.ends_with("-02"),
            "the callee learns that it is not sampled: {sent}"
        );
    }
    assert_eq!(service.exported().await.len(), 0);
    assert_eq!(service.counts(), [0, 100, 0, 0]);
    service.answer(503, None).await;
    let spans = service.exported().await;
    is_whole(&spans, "error");
    assert!(
        matches!(spans[1].status, Status::Error { .. })
            || matches!(spans[0].status, Status::Error { .. })
    );
    assert_eq!(
        text(&spans[0], "sampling.adjusted_count").as_deref(),
        Some("1")
    );
    service.answer(404, None).await;
    assert_eq!(service.counts(), [2, 102, 0, 0]);
    // Nothing of it is left out on the way: what was made is what was sent.
    service.telemetry.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_slow_is_kept() {
    for (tail, kept) in [
        (Tail::new().slower_than(Duration::ZERO), true),
        (Tail::new().slower_than(HOUR), false),
        (
            Tail::new().slower_than(HOUR).slowest_percent_of_route(1.0),
            false,
        ),
    ] {
        let service = Service::of(setup().keep_errors_and_slow(tail));
        service.answer(200, None).await;
        let spans = service.exported().await;
        if kept {
            is_whole(&spans, "slow");
        } else {
            assert_eq!(spans.len(), 0);
        }
    }
}

#[tokio::test]
async fn a_caller_that_sampled_is_followed() {
    let service = Service::of(setup().keep_errors_and_slow(Tail::new()));
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let sent = service.answer(200, Some(&parent)).await;
    assert!(
        sent.starts_with(&format!("00-{TRACE}-")) && sent.ends_with("-01"),
        "{sent}"
    );
    let spans = service.exported().await;
    assert_eq!(spans.len(), 2);
    assert!(
        spans
            .iter()
            .all(|span| text(span, "sampling.decision").is_none())
    );
    assert_eq!(service.counts(), [0; 4], "they were never undecided");
}

#[tokio::test]
async fn a_caller_that_refused_is_heard_or_not() {
    let parent = format!("00-{TRACE}-{CALLER}-00");
    let service = Service::of(setup().keep_errors_and_slow(Tail::new()));
    assert!(service.answer(200, Some(&parent)).await.ends_with("-00"));
    service.answer(500, Some(&parent)).await;
    let spans = service.exported().await;
    is_whole(&spans, "error");
    let server = spans.iter().find(|span| span.span_kind == SpanKind::Server);
    assert_eq!(server.unwrap().parent_span_id.to_string(), CALLER);
    assert_eq!(service.counts(), [2, 2, 0, 0]);

    let service = Service::of(setup().keep_errors_and_slow(Tail::new().follow_callers()));
    assert!(service.answer(500, Some(&parent)).await.ends_with("-00"));
    assert_eq!(service.exported().await.len(), 0);
    assert_eq!(service.counts(), [0; 4], "not even recorded");
    // Of one's own traces it makes no difference.
    service.answer(500, None).await;
    is_whole(&service.exported().await, "error");
}

#[tokio::test]
async fn what_is_sampled_from_the_start_passes() {
    let off = |setup: Setup, name: &'static str| {
        setup.lookup(move |variable| match variable {
            "OTEL_TRACES_SAMPLER" => Some(name.to_owned()),
            _ => no_metrics(variable),
        })
    };
    let tail = Tail::new;
    for (case, setup, is_sampled, state, adjusted) in [
        (
            "also",
            setup().keep_errors_and_slow(tail().also(1.0)),
            true,
            Some("th:0"),
            "",
        ),
        (
            "also nothing",
            setup().keep_errors_and_slow(tail().also(0.0)),
            false,
            None,
            "1",
        ),
        // All but some.
        (
            "also few",
            setup().keep_errors_and_slow(tail().also(1e-15)),
            false,
            None,
            "0",
        ),
        (
            "a probability",
            setup()
                .sample_probability(1e-15)
                .keep_errors_and_slow(tail()),
            false,
            None,
            "0",
        ),
        (
            "a rate",
            setup().sample_at_most(1e9).keep_errors_and_slow(tail()),
            true,
            None,
            "",
        ),
        (
            "a sampler",
            setup()
                .sampler(Sampler::AlwaysOn)
                .keep_errors_and_slow(tail()),
            true,
            None,
            "",
        ),
        (
            "the environment",
            off(setup(), "always_on").keep_errors_and_slow(tail()),
            true,
            None,
            "",
        ),
        (
            "the default",
            off(setup(), "parentbased_always_on").keep_errors_and_slow(tail()),
            false,
            None,
            "1",
        ),
        (
            "none",
            off(setup(), "always_off").keep_errors_and_slow(tail()),
            false,
            None,
            "1",
        ),
    ] {
        let service = Service::of(setup);
        let sent = service.answer(500, None).await;
        assert_eq!(sent.ends_with("-03"), is_sampled, "{case}: {sent}");
        let spans = service.exported().await;
        assert_eq!(spans.len(), 2, "{case}");
        for span in &spans {
            assert!(span.span_context.is_sampled(), "{case}");
            assert_eq!(span.span_context.trace_state().get("ot"), state, "{case}");
            let count = text(span, "sampling.adjusted_count").unwrap_or_default();
            assert_eq!(count, adjusted, "{case}");
        }
    }
}

#[tokio::test]
async fn what_is_forced_does_not_wait() {
    let service = Service::of(setup().keep_errors_and_slow(Tail::new()));
    let layer = ServerLayer::new().force_sampling("x-trace-force", |_| true);
    let seen = service
        .ask(layer, request(None).header("x-trace-force", "1"))
        .await;
    assert!(seen.traceparent().ends_with("-03"));
    assert_eq!(service.exported().await.len(), 2);
    assert_eq!(service.counts(), [0; 4]);
}

/// A hundred thousand local roots that never end, each with a call that has.
#[tokio::test]
async fn memory_is_bounded_whoever_never_ends() {
    const SPANS: usize = 2000;
    const BYTES: usize = 2 << 20;
    for (traces, tail, most) in [
        (100_000, Tail::new().room(usize::MAX, BYTES), u64::MAX),
        (10_000, Tail::new().room(SPANS, usize::MAX), SPANS as u64),
        (2000, Tail::new().room(0, 0), 0),
    ] {
        let service = Service::of(setup().keep_errors_and_slow(tail));
        let mut waiting = 0;
        let measured = allocation_counter::measure(|| {
            for trace in 0..traces {
                service.call_under(u128::from(trace) + 1);
            }
            waiting = service.counts()[3];
        });
        let [kept, discarded, lost, _] = service.counts();
        assert!(waiting <= most);
        assert_eq!([kept, discarded], [0, 0]);
        assert_eq!(lost + waiting, traces);
        if most == u64::MAX {
            assert!(waiting > 1000, "{waiting}");
            // What it believes to hold is what it holds, nearly.
            assert!(
                measured.bytes_current < BYTES as i64 * 5 / 4,
                "{measured:?}"
            );
        }
        let telemetry = service.telemetry;
        let counts = |telemetry: &throughline::Telemetry| telemetry.tail_counts().unwrap();
        telemetry.flush().await.unwrap();
        assert_eq!(counts(&telemetry).waiting, waiting);
        telemetry.shutdown().await.unwrap();
    }
}

/// Where the local root has run for too long already, the answer is known.
#[tokio::test]
async fn what_must_go_is_kept_if_it_is_slow_by_then() {
    let tail = Tail::new()
        .slower_than(Duration::ZERO)
        .wait_at_most(Duration::ZERO);
    let service = Service::of(setup().keep_errors_and_slow(tail));
    service.call_under(1);
    assert_eq!(service.counts(), [0, 0, 0, 1]);
    // A flush looks at what waited for too long.
    let spans = service.exported().await;
    assert_eq!(service.counts(), [1, 0, 0, 0]);
    assert_eq!(text(&spans[0], "sampling.reason").as_deref(), Some("slow"));

    let tail = Tail::new().slower_than(HOUR).wait_at_most(Duration::ZERO);
    let service = Service::of(setup().keep_errors_and_slow(tail));
    service.call_under(1);
    assert_eq!(service.exported().await.len(), 0);
    assert_eq!(service.counts(), [0, 0, 1, 0]);
}

#[tokio::test]
async fn threads_lose_no_count() {
    const THREADS: u64 = 4;
    const REQUESTS: u64 = 500;
    let service = Service::of(setup().keep_errors_and_slow(Tail::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for number in 0..REQUESTS {
                    let status = if number % 10 == 0 { 500 } else { 200 };
                    service.answer(status, None).now_or_never().unwrap();
                }
            });
        }
    });
    let errors = THREADS * REQUESTS / 10;
    assert_eq!(
        service.counts(),
        [errors * 2, (THREADS * REQUESTS - errors) * 2, 0, 0]
    );
    assert_eq!(service.exported().await.len() as u64, errors * 2);
}

#[test]
fn numbers_that_mean_nothing_are_errors() {
    let with = |tail| setup().keep_errors_and_slow(tail);
    for (setup, want) in [
        (
            with(Tail::new().slowest_percent_of_route(0.0)),
            "slowest_percent_of_route(0) is not between",
        ),
        (
            with(Tail::new().slowest_percent_of_route(100.0)),
            "slowest_percent_of_route(100)",
        ),
        (
            with(Tail::new().slowest_percent_of_route(f64::NAN)),
            "slowest_percent_of_route(NaN)",
        ),
        (
            with(Tail::new().also(1.5)),
            "Tail::also(1.5) is not from 0 to 1",
        ),
        (
            with(Tail::new().also(0.5)).sample_at_most(1.0),
            "another sampler",
        ),
    ] {
        let error = setup.build().unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn without_it_there_are_no_counts() {
    assert!(Service::of(setup()).telemetry.tail_counts().is_none());
}
