//! Two services under many callers who leave when they like: every span that starts ends, and no trace has a hole.

mod common;

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use common::{
    PATIENCE, Spans,
    net::{Plain, connect, http1, serve_axum},
};
use futures_util::{StreamExt, stream};
use http::StatusCode;
use opentelemetry::{SpanId, trace::SpanKind};
use throughline::{ClientLayer, ClientService, ServerLayer, carry};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::{JoinSet, yield_now},
    time::{sleep, timeout},
};
use tower::{Service, ServiceBuilder};

const CONNECTIONS: usize = 64;
const REQUESTS: usize = 10_000;
const SEED: u64 = 0x7468_726f_7567_686c;

/// A stream of numbers from a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// Requests that are being worked on: each handler's guard goes with its future or its body.
#[derive(Clone, Default)]
struct Live(Arc<AtomicUsize>);

struct Guard(Live);

impl Live {
    fn enter(&self) -> Guard {
        self.0.fetch_add(1, SeqCst);
        Guard(self.clone())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, SeqCst);
    }
}

/// What the second service does, by the last digit of a request's number.
async fn second(Path(number): Path<u64>, State(live): State<Live>) -> Response {
    let guard = live.enter();
    match number % 10 {
        0 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        1 => {
            sleep(Duration::from_millis(3)).await;
            "late".into_response()
        }
        2 | 3 => {
            let parts = stream::iter(0..4).then(move |_| {
                let _kept = &guard;
                async {
                    yield_now().await;
                    Ok::<_, Infallible>(Bytes::from_static(b"part"))
                }
            });
            Body::from_stream(parts).into_response()
        }
        4 => {
            let parts = [Ok(Bytes::from_static(b"half")), Err("broken")];
            Body::from_stream(stream::iter(parts)).into_response()
        }
        _ => "hello".into_response(),
    }
}

type Client = ClientService<Plain>;

/// The first service hands on what the second one answers, and has a task of its own on the side.
async fn first(
    Path(number): Path<u64>,
    State((live, mut client, next)): State<(Live, Client, std::net::SocketAddr)>,
) -> Response {
    let _guard = live.enter();
    let request = common::net::get(next, &format!("/second/{number}"));
    let call = client.call(request);
    if number % 7 == 0 {
        let side = client.call(common::net::get(next, "/second/5"));
        tokio::spawn(carry(async move {
            if let Ok(response) = side.await {
                drop(response);
            }
        }));
    }
    match call.await {
        Ok(response) => response.map(Body::new),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// One caller: requests one after the other, and every now and then it leaves.
async fn caller(addr: std::net::SocketAddr, index: usize) {
    let mut random = Random(SEED ^ (index as u64 + 1));
    let mut socket = connect(addr).await;
    for number in 0..REQUESTS.div_ceil(CONNECTIONS) {
        let number = (number * CONNECTIONS + index) as u64;
        let head = format!("GET /first/{number} HTTP/1.1\r\nhost: a\r\n\r\n");
        if socket.write_all(head.as_bytes()).await.is_err() {
            socket = connect(addr).await;
            continue;
        }
        let leaves = match random.below(10) {
            0 => true,
            1 => {
                sleep(Duration::from_micros(random.below(3_000))).await;
                true
            }
            _ => {
                let answered = timeout(PATIENCE, answered(&mut socket));
                !answered.await.expect("an answer comes")
            }
        };
        if leaves {
            drop(socket);
            socket = connect(addr).await;
        }
    }
}

/// Reads one answer; false if the connection ended with it or in it.
async fn answered(socket: &mut tokio::net::TcpStream) -> bool {
    let mut got = Vec::new();
    let mut chunk = [0; 2048];
    loop {
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => got.extend_from_slice(&chunk[..count]),
        }
        let text = String::from_utf8_lossy(&got);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map(|length| length.parse::<usize>().unwrap());
        match length {
            Some(length) if body.len() >= length => return true,
            None if body.ends_with("0\r\n\r\n") => return true,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_span_ends_and_every_parent_is_there() {
    let (spans, live) = (Spans::new(), Live::default());
    let server = || ServerLayer::new().telemetry(&spans.telemetry);
    let app = Router::new()
        .route("/second/{number}", get(second))
        .layer(server())
        .with_state(live.clone());
    let next = serve_axum(app).await;
    let client = ServiceBuilder::new()
        .layer(ClientLayer::new().telemetry(&spans.telemetry))
        .service(http1());
    let app = Router::new()
        .route("/first/{number}", get(first))
        .layer(server())
        .with_state((live.clone(), client, next));
    let addr = serve_axum(app).await;

    let mut callers: JoinSet<()> = (0..CONNECTIONS).map(|index| caller(addr, index)).collect();
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }

    // Nobody calls any more: what is live drains.
    let drained = async {
        while live.0.load(SeqCst) > 0 || spans.started() > spans.ended_count() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = timeout(PATIENCE, drained).await.is_ok();
    let (started, ended) = (spans.started(), spans.ended_count());
    assert!(
        in_time,
        "{started} started, {ended} ended, {} live",
        live.0.load(SeqCst)
    );

    let spans = spans.ended();
    assert_eq!((started, ended), (spans.len(), spans.len()));
    assert!(started > REQUESTS, "{started}");
    let mut endings: HashMap<_, usize> = HashMap::new();
    let ids: HashSet<_> = spans
        .iter()
        .map(|span| (span.span_context.trace_id(), span.span_context.span_id()))
        .collect();
    assert_eq!(ids.len(), spans.len(), "no id comes twice");
    for span in &spans {
        let parent = (span.span_context.trace_id(), span.parent_span_id);
        if span.parent_span_id == SpanId::INVALID {
            assert_eq!(span.name, "GET /first/{number}");
        } else {
            assert!(ids.contains(&parent), "{span:#?} has no parent");
            assert_ne!(span.name, "GET /first/{number}");
        }
        let kind = matches!(span.span_kind, SpanKind::Server);
        let ending = common::text(span, "throughline.ending");
        *endings.entry((kind, ending)).or_default() += 1;
    }
    // The load was one: on both sides some were cancelled.
    let cancelled = Some(String::from("cancelled"));
    for kind in [true, false] {
        let count = endings
            .get(&(kind, cancelled.clone()))
            .copied()
            .unwrap_or(0);
        assert!(count > 20, "{endings:?}");
    }
}
