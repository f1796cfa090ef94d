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
use throughline::{ServerLayer, Setup, SpanCounts};
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
