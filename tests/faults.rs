//! Receivers that fail in each way, under load: who ends spans never waits, memory stays in its bound, every span is accounted
//! for at any time, and all goes on by itself once the fault is over.

mod failing;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{Router, body::Body, routing::get};
use failing::{Fault, PATIENCE, Receiver};
use futures_util::FutureExt;
use http::Request;
use throughline::{ServerLayer, Setup, SpanCounts};
use tower::ServiceExt;

/// Far more than the queue holds.
const UNDER_FAULT: u64 = 3000;
/// Of a path, and so of a span at least.
const LONG: usize = 1000;
const QUEUE_BYTES: usize = 256 << 10;
/// In the queue, and the batch on its way, which is a quarter of it.
const MOST_QUEUED: u64 = (QUEUE_BYTES + QUEUE_BYTES / 4) as u64 / LONG as u64;

/// Whatever happens, at any time.
#[track_caller]
fn adds_up(made: u64, counts: SpanCounts) {
    let rest = counts.rejected + counts.dropped + counts.unknown + counts.queued;
    assert_eq!(counts.made, made, "{counts:?}");
    assert_eq!(counts.made, counts.acknowledged + rest, "{counts:?}");
    assert!(counts.queued <= MOST_QUEUED, "{counts:?}");
}

fn withstands(fault: Fault) {
    let (receiver, address) = Receiver::start(fault);
    let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&warnings);
    let telemetry = Setup::new()
        .lookup(|name| match name {
            "OTEL_BSP_SCHEDULE_DELAY" => Some("10".to_owned()),
            "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => Some("none".to_owned()),
            _ => None,
        })
        .endpoint(format!("http://{address}"))
        .span_queue_bytes(QUEUE_BYTES)
        .on_warning(move |text| kept.lock().unwrap().push(text.to_owned()))
        .build()
        .unwrap();
    let app = Router::new()
        .route("/{path}", get(|| async { "" }))
        .layer(ServerLayer::new().telemetry(&telemetry));
    let path = format!("/{}", "a".repeat(LONG));
    let mut made = 0;
    let mut request = || {
        let request = Request::get(&path).body(Body::empty()).unwrap();
        // Ready at the first poll: it waits for nothing.
        let response = app.clone().oneshot(request).now_or_never();
        assert!(response.unwrap().unwrap().status().is_success());
        made += 1;
        made
    };
    let until = Instant::now() + PATIENCE;

    // Much is made while nothing, or little, is taken.
    let is_met = || match fault {
        Fault::Refuse => !warnings.lock().unwrap().is_empty(),
        _ => receiver.asked() > 0,
    };
    loop {
        let made = request();
        let counts = telemetry.counts();
        adds_up(made, counts);
        if fault != Fault::Slow {
            assert_eq!(counts.acknowledged, 0, "{counts:?}");
        }
        if made >= UNDER_FAULT && is_met() {
            break;
        }
        assert!(Instant::now() < until, "{fault:?}: {counts:?}");
    }
    assert!(telemetry.counts().dropped_queue_full > 0);

    // Then all that is made is taken, by and by.
    receiver.change(|state| state.fault = None);
    if fault == Fault::Refuse {
        receiver.listen(TcpListener::bind(address).unwrap());
    }
    let before = receiver.taken();
    while receiver.taken() <= before {
        adds_up(request(), telemetry.counts());
        assert!(
            Instant::now() < until,
            "{fault:?}: {:?}",
            telemetry.counts()
        );
    }
    let made = request();
    let counts = telemetry.counts_reader();
    drop(telemetry);

    let counts = counts();
    adds_up(made, counts);
    assert_eq!(counts.queued, 0, "{fault:?}: {counts:?}");
    assert_eq!(counts.acknowledged, receiver.taken(), "{fault:?}");
    let warnings = warnings.lock().unwrap();
    // What is wrong is told, and not for each span.
    assert!((1..=3).contains(&warnings.len()), "{fault:?}: {warnings:?}");
}

#[test]
fn one_that_refuses() {
    withstands(Fault::Refuse);
}

#[test]
fn one_that_hangs() {
    withstands(Fault::Hang);
}

#[test]
fn one_that_has_too_much_to_do() {
    withstands(Fault::TooMany);
}

#[test]
fn one_that_is_unavailable() {
    withstands(Fault::Unavailable);
}

#[test]
fn one_that_breaks_off_its_answer() {
    withstands(Fault::Half);
}

#[test]
fn one_that_resets() {
    withstands(Fault::Reset);
}

#[test]
fn one_that_is_slow() {
    withstands(Fault::Slow);
}
