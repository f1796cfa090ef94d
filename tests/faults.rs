//! Receivers that fail in each way, under load: who ends spans never waits, memory stays in its bound, every span is accounted
//! for at any time, and all goes on by itself once the fault is over.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, routing::get};
use futures_util::FutureExt;
use http::Request;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use throughline::{ServerLayer, Setup, SpanCounts, Telemetry};
use tower::ServiceExt;

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Far more than the queue holds.
const UNDER_FAULT: u64 = 3000;
/// Of a path, and so of a span at least.
const LONG: usize = 1000;
const QUEUE_BYTES: usize = 256 << 10;
/// In the queue, and the batch on its way, which is a quarter of it.
const MOST_QUEUED: u64 = (QUEUE_BYTES + QUEUE_BYTES / 4) as u64 / LONG as u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nobody listens.
    Refuse,
    /// It reads, and answers nothing until the fault is over.
    Hang,
    /// With a time to try again.
    TooMany,
    Unavailable,
    /// It closes in the middle of its answer.
    Half,
    /// It closes in the middle of the request.
    Reset,
    /// It takes a request bit by bit.
    Slow,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    asked: u64,
    /// Spans of requests that it answered with 200.
    taken: u64,
}

#[derive(Clone, Default)]
struct Receiver {
    state: Arc<Mutex<State>>,
    changed: Arc<Condvar>,
}

impl Receiver {
    fn start(fault: Fault) -> (Self, SocketAddr) {
        let receiver = Self::default();
        receiver.state.lock().unwrap().fault = Some(fault);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        if fault == Fault::Refuse {
            drop(listener);
        } else {
            receiver.listen(listener);
        }
        (receiver, address)
    }

    fn listen(&self, listener: TcpListener) {
        let receiver = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (receiver, stream) = (receiver.clone(), stream.unwrap());
                // The other end may be gone.
                thread::spawn(move || receiver.serve(stream).ok());
            }
        });
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let fault = self.change(|state| {
            state.asked += 1;
            state.fault
        });
        if fault == Some(Fault::Reset) {
            stream.read_exact(&mut [0])?;
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? <= 2 {
                break;
            }
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        for part in body.chunks_mut(4096) {
            stream.read_exact(part)?;
            if fault == Some(Fault::Slow) {
                thread::sleep(Duration::from_millis(2));
            }
        }
        let answer = match fault {
            Some(Fault::Hang) => {
                let state = self.state.lock().unwrap();
                let hangs = |state: &mut State| state.fault.is_some();
                let over = self.changed.wait_timeout_while(state, PATIENCE, hangs);
                drop(over);
                return Ok(());
            }
            Some(Fault::TooMany) => {
                "HTTP/1.1 429 No\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            }
            Some(Fault::Unavailable) => {
                "HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            }
            Some(Fault::Half) => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx",
            Some(Fault::Refuse | Fault::Reset | Fault::Slow) | None => {
                let spans = spans(&body);
                self.change(|state| state.taken += spans);
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            }
        };
        stream.get_mut().write_all(answer.as_bytes())
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
        changed
    }

    fn asked(&self) -> u64 {
        self.state.lock().unwrap().asked
    }

    fn taken(&self) -> u64 {
        self.state.lock().unwrap().taken
    }
}

fn spans(body: &[u8]) -> u64 {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|all| &all.scope_spans);
    scopes.map(|scope| scope.spans.len() as u64).sum()
}

/// Whatever happens, at any time.
#[track_caller]
fn adds_up(made: u64, counts: SpanCounts) {
    let rest = counts.rejected + counts.dropped + counts.unknown + counts.queued;
    assert_eq!(counts.made, made, "{counts:?}");
    assert_eq!(counts.made, counts.acknowledged + rest, "{counts:?}");
    assert!(counts.queued <= MOST_QUEUED, "{counts:?}");
}

/// A service under test, and what it was told.
struct Service {
    telemetry: Telemetry,
    app: Router,
    path: String,
    made: u64,
    warnings: Arc<Mutex<Vec<String>>>,
    until: Instant,
}

impl Service {
    fn start(address: SocketAddr, timeout: &'static str) -> Self {
        let warnings: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&warnings);
        let telemetry = Setup::new()
            .lookup(move |name| match name {
                "OTEL_BSP_SCHEDULE_DELAY" => Some("10".to_owned()),
                "OTEL_EXPORTER_OTLP_TIMEOUT" => Some(timeout.to_owned()),
                "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => Some("none".to_owned()),
                _ => None,
            })
            .endpoint(format!("http://{address}"))
            .span_queue_bytes(QUEUE_BYTES)
            .on_warning(move |text| kept.lock().unwrap().push(text.to_owned()))
            .build()
            .unwrap();
        Self {
            app: Router::new()
                .route("/{path}", get(|| async { "" }))
                .layer(ServerLayer::new().telemetry(&telemetry)),
            path: format!("/{}", "a".repeat(LONG)),
            telemetry,
            made: 0,
            warnings,
            until: Instant::now() + PATIENCE,
        }
    }

    fn request(&mut self) -> SpanCounts {
        let request = Request::get(&self.path).body(Body::empty()).unwrap();
        // Ready at the first poll: it waits for nothing.
        let response = self.app.clone().oneshot(request).now_or_never();
        assert!(response.unwrap().unwrap().status().is_success());
        self.made += 1;
        let counts = self.telemetry.counts();
        adds_up(self.made, counts);
        counts
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }

    #[track_caller]
    fn wait(&self, is_there: impl Fn() -> bool) {
        while !is_there() {
            assert!(
                Instant::now() < self.until,
                "{:?} {:?}",
                self.telemetry.counts(),
                self.warnings()
            );
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// It goes, and one line tells; it returns, and one line tells, with the number of what was lost.
fn withstands(fault: Fault) {
    let (receiver, address) = Receiver::start(fault);
    // What hangs is noticed by the time it takes.
    let timeout = if fault == Fault::Hang {
        "1000"
    } else {
        "10000"
    };
    let mut service = Service::start(address, timeout);
    service.request();
    service.wait(|| !service.warnings().is_empty());

    // Much is made while nothing is taken.
    while service.made < UNDER_FAULT {
        let counts = service.request();
        assert_eq!(counts.acknowledged, 0, "{counts:?}");
    }
    assert!(service.telemetry.counts().dropped_queue_full > 0);

    // Then all that waits is taken.
    receiver.change(|state| state.fault = None);
    if fault == Fault::Refuse {
        receiver.listen(TcpListener::bind(address).unwrap());
    }
    service.wait(|| service.warnings().len() > 1);
    let counts = service.telemetry.counts();
    let lost = counts.rejected + counts.dropped + counts.unknown;
    service.wait(|| service.telemetry.counts().queued == 0);

    // And all that is made.
    let before = receiver.taken();
    for _ in 0..MOST_QUEUED / 4 {
        service.request();
    }
    service.wait(|| receiver.taken() > before);
    let Service {
        telemetry,
        made,
        warnings,
        ..
    } = service;
    let counts = telemetry.counts_reader();
    drop(telemetry);

    let counts = counts();
    adds_up(made, counts);
    assert_eq!(counts.queued, 0, "{fault:?}: {counts:?}");
    assert_eq!(counts.acknowledged, receiver.taken(), "{fault:?}");
    let warnings = warnings.lock().unwrap();
    let [gone, back] = warnings.as_slice() else {
        panic!("{fault:?}: {warnings:?}")
    };
    let target = format!("http://{address}/v1/traces");
    assert!(
        gone.starts_with(&format!("cannot send spans to {target}: ")),
        "{gone}"
    );
    assert_eq!(
        *back,
        format!("spans reach {target} again; {lost} spans were lost in between")
    );
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

/// It never goes: what is told is that it takes less than there is.
#[test]
fn one_that_is_slow() {
    let (receiver, address) = Receiver::start(Fault::Slow);
    let mut service = Service::start(address, "10000");
    while service.made < UNDER_FAULT || receiver.asked() == 0 {
        service.request();
    }
    assert!(service.telemetry.counts().dropped_queue_full > 0);
    service.wait(|| service.telemetry.counts().queued == 0);
    let counts = service.telemetry.counts();
    assert_eq!(counts.acknowledged, receiver.taken());
    assert_eq!(counts.made, counts.acknowledged + counts.dropped_queue_full);
    let warnings = service.warnings();
    let [full] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert!(full.starts_with("more spans end than are sent"), "{full}");
}

/// It comes and goes all the time: of that too is told once, until a minute has passed.
#[test]
fn one_that_comes_and_goes() {
    const TIMES: u64 = 5;
    let (receiver, address) = Receiver::start(Fault::Unavailable);
    let mut service = Service::start(address, "10000");
    for time in 1..=TIMES {
        receiver.change(|state| state.fault = Some(Fault::Unavailable));
        let asked = receiver.asked();
        service.request();
        // What is put off twice is an outage.
        service.wait(|| receiver.asked() >= asked + 2);
        receiver.change(|state| state.fault = None);
        service.wait(|| service.telemetry.counts().acknowledged == time);
    }
    let warnings = service.warnings();
    let [gone, back] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert!(gone.starts_with("cannot send spans"), "{gone}");
    assert!(back.ends_with("0 spans were lost in between"), "{back}");
}
