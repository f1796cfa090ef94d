//! Good requests, cut short at each byte and with bits turned over: each is taken or refused whole, and what is acknowledged is
//! what is stored.

mod common;

use std::{collections::HashSet, io::Write as _, time::Duration};

use axum::{Router, body::Body};
use common::{attribute, request, span};
use flate2::{Compression, write::GzEncoder};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    trace::v1::{
        Span,
        span::{Event, Link},
    },
};
use prost::Message;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use throughline_viewer::{Place, Store};
use tonic::codegen::Service as _;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// A store in a file, its ways in, and who counts what is in it.
struct Tested {
    store: Store,
    http: Router,
    grpc: Router,
    file: Connection,
    _folder: TempDir,
}

/// What was said: the status and the body.
type Said = (StatusCode, Vec<u8>);

impl Tested {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("traces");
        let mut place = Place::default();
        place.file = Some(path.clone());
        let store = Store::open(&place).unwrap();
        let patience = Duration::from_secs(60);
        Self {
            http: store.http_routes(patience),
            grpc: store.grpc_routes(patience),
            file: Connection::open(path).unwrap(),
            store,
            _folder: folder,
        }
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Said {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let answer = self.http.clone().call(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, body.to_vec())
    }

    /// The status of the call, and the message.
    async fn call(&self, message: &[u8]) -> (tonic::Code, Vec<u8>) {
        let mut frame = vec![0];
        frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(message);
        let request = Request::post("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            .header("content-type", "application/grpc")
            .body(Body::from(frame))
            .unwrap();
        let (head, body) = self.grpc.clone().call(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap();
        let status = body
            .trailers()
            .and_then(tonic::Status::from_header_map)
            .or_else(|| tonic::Status::from_header_map(&head.headers))
            .unwrap();
        let message = body.to_bytes();
        (status.code(), message.get(5..).unwrap_or_default().to_vec())
    }

    fn stored(&self) -> usize {
        let count = self
            .file
            .query_row("SELECT count(*) FROM span", [], |row| row.get::<_, i64>(0));
        usize::try_from(count.unwrap()).unwrap()
    }
}

/// The same numbers each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// Cut short at each byte; then `count` with up to three bits turned over, some bytes taken out, or a part written twice.
fn mutated(good: &[u8], count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let cut = (0..good.len()).map(|end| good[..end].to_vec());
    let other = (0..count).map(move |_| {
        let mut body = good.to_vec();
        match numbers.below(4) {
            0 => {
                let from = numbers.below(body.len());
                let to = body.len().min(from + numbers.below(8));
                body.drain(from..to);
            }
            1 => {
                let from = numbers.below(body.len());
                let to = body.len().min(from + numbers.below(64));
                let twice = body[from..to].to_vec();
                body.splice(from..from, twice);
            }
            _ => {
                for _ in 0..=numbers.below(3) {
                    let at = numbers.below(body.len());
                    body[at] ^= 1 << numbers.below(8);
                }
            }
        }
        body
    });
    cut.chain(other)
}

fn good() -> ExportTraceServiceRequest {
    let mut root = span(1, 1, None, "GET /");
    root.attributes = vec![attribute("http.route", "/ö")];
    root.events = vec![Event {
        name: "e".to_owned(),
        ..Event::default()
    }];
    root.links = vec![Link {
        trace_id: vec![7; 16],
        span_id: vec![8; 8],
        ..Link::default()
    }];
    request("shop", vec![root, span(1, 2, Some(1), "INSERT")])
}

/// What the protocol says of it.
fn is_valid(span: &Span) -> bool {
    let is_id = |id: &[u8], length| id.len() == length && id.iter().any(|byte| *byte != 0);
    let parent = &span.parent_span_id;
    let has_no_parent = parent.is_empty() || **parent == [0; 8];
    is_id(&span.trace_id, 16) && is_id(&span.span_id, 8) && (has_no_parent || is_id(parent, 8))
}

#[tokio::test]
async fn in_protobuf() {
    let tested = Tested::new();
    let mut known = HashSet::new();
    let (mut taken, mut refused) = (0, 0);
    for (number, body) in mutated(&good().encode_to_vec(), 1500).enumerate() {
        let over_grpc = number % 4 == 0;
        let (is_taken, answer) = if over_grpc {
            let (code, answer) = tested.call(&body).await;
            assert!(
                [tonic::Code::Ok, tonic::Code::InvalidArgument].contains(&code),
                "{code:?} {body:?}"
            );
            (code == tonic::Code::Ok, answer)
        } else {
            let headers = [("content-type", PROTOBUF)];
            let (status, answer) = tested.post("/v1/traces", &headers, body.clone()).await;
            assert!([200, 400].contains(&status.as_u16()), "{status} {body:?}");
            (status == StatusCode::OK, answer)
        };
        match ExportTraceServiceRequest::decode(&*body) {
            Ok(request) => {
                assert!(is_taken, "{body:?}");
                taken += 1;
                let spans = request.resource_spans.into_iter();
                let spans = spans.flat_map(|of| of.scope_spans).flat_map(|of| of.spans);
                let (valid, wrong): (Vec<_>, Vec<_>) = spans.partition(is_valid);
                known.extend(valid.into_iter().map(|mut span| {
                    if span.parent_span_id == [0; 8] {
                        span.parent_span_id.clear();
                    }
                    span.encode_to_vec()
                }));
                let answer = ExportTraceServiceResponse::decode(&*answer).unwrap();
                let rejected = answer.partial_success.map_or(0, |of| of.rejected_spans);
                assert_eq!(rejected, i64::try_from(wrong.len()).unwrap(), "{body:?}");
            }
            Err(_) => {
                assert!(!is_taken, "{body:?}");
                refused += 1;
            }
        }
        assert_eq!(tested.stored(), known.len(), "{body:?}");
    }
    assert!(taken > 300 && refused > 300, "{taken} {refused}");
}

/// The lists in it, whatever else there is.
fn listed(body: &[u8]) -> usize {
    let body: Value = serde_json::from_slice(body).unwrap();
    let list = |of: &Value, name: &str| of[name].as_array().cloned().unwrap_or_default();
    let scopes = list(&body, "resourceSpans").into_iter();
    let scopes = scopes.flat_map(|of| list(&of, "scopeSpans"));
    scopes.map(|of| list(&of, "spans").len()).sum()
}

#[tokio::test]
async fn in_json() {
    let tested = Tested::new();
    let good = serde_json::to_vec(&good()).unwrap();
    let (mut taken, mut refused) = (0, 0);
    for body in mutated(&good, 600).step_by(2) {
        tested.store.clear().await.unwrap();
        let headers = [("content-type", JSON)];
        let (status, answer) = tested.post("/v1/traces", &headers, body.clone()).await;
        let shown = String::from_utf8_lossy(&body);
        if status == StatusCode::OK {
            taken += 1;
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            let rejected = answer["partialSuccess"]["rejectedSpans"].as_str();
            let rejected: usize = rejected.map_or(0, |count| count.parse().unwrap());
            assert_eq!(tested.stored() + rejected, listed(&body), "{shown}");
        } else {
            refused += 1;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{shown}");
            assert_eq!(tested.stored(), 0, "{shown}");
        }
    }
    assert!(taken > 50 && refused > 300, "{taken} {refused}");
}

#[tokio::test]
async fn in_zipkins_json() {
    let tested = Tested::new();
    let span = |id: &str| json!({ "traceId": "c0ffee", "id": id, "name": "e", "timestamp": 1_767_225_600_000_000u64 });
    let good = json!([span("1"), span("2")]).to_string().into_bytes();
    let (mut taken, mut refused) = (0, 0);
    for body in mutated(&good, 400) {
        tested.store.clear().await.unwrap();
        let (status, _) = tested.post("/api/v2/spans", &[], body.clone()).await;
        let shown = String::from_utf8_lossy(&body);
        if status == StatusCode::ACCEPTED {
            taken += 1;
            let list: Vec<Value> = serde_json::from_slice(&body).unwrap();
            // Those that became the same are one.
            let differ: HashSet<_> = list.iter().map(Value::to_string).collect();
            assert!(tested.stored() <= list.len(), "{shown}");
            assert!(tested.stored() > 0 || differ.is_empty(), "{shown}");
        } else {
            refused += 1;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{shown}");
            assert_eq!(tested.stored(), 0, "{shown}");
        }
    }
    assert!(taken > 20 && refused > 100, "{taken} {refused}");
}

/// A checksum stands at its end: nothing but the whole is taken.
#[tokio::test]
async fn in_gzip() {
    let tested = Tested::new();
    let plain = good().encode_to_vec();
    let packed = gzip(&plain);
    let headers = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
    for body in mutated(&packed, 300) {
        tested.store.clear().await.unwrap();
        let (status, _) = tested.post("/v1/traces", &headers, body.clone()).await;
        let stored = match status {
            StatusCode::OK => 2,
            StatusCode::BAD_REQUEST => 0,
            _ => panic!("{status} {body:?}"),
        };
        assert_eq!(tested.stored(), stored, "{body:?}");
    }
    tested.store.clear().await.unwrap();
    // Several members are one body.
    let (one, other) = plain.split_at(plain.len() / 2);
    let members = [gzip(one), gzip(other)].concat();
    let (status, _) = tested.post("/v1/traces", &headers, members).await;
    assert_eq!((status, tested.stored()), (StatusCode::OK, 2));
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(plain).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn whoever_has_the_answer_finds_that_something_changed() {
    let tested = Tested::new();
    let changes = tested.store.changes();
    for trace in 1..=300 {
        let before = *changes.borrow();
        let body = request("shop", vec![span(trace, 1, None, "a")]).encode_to_vec();
        let headers = [("content-type", PROTOBUF)];
        let (status, _) = tested.post("/v1/traces", &headers, body).await;
        assert_eq!(status, StatusCode::OK);
        assert!(*changes.borrow() > before, "{trace}");
    }
    let before = *changes.borrow();
    tested.store.clear().await.unwrap();
    assert!(*changes.borrow() > before);
}
