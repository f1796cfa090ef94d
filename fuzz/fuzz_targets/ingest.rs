//! Whatever is sent to the viewer by any way in, packed or not: it is taken or refused, without a panic
//! or an error of its own.
#![no_main]

use std::{io::Write as _, sync::OnceLock, time::Duration};

use arbitrary::Arbitrary;
use axum::{Router, body::Body};
use flate2::{Compression, write::GzEncoder};
use http::{Request, Response, StatusCode};
use libfuzzer_sys::fuzz_target;
use throughline_viewer::{Place, Store};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

#[derive(Arbitrary, Debug)]
struct Sent<'a> {
    way: Way,
    signal: Signal,
    packing: Packing,
    body: &'a [u8],
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Way {
    Protobuf,
    Json,
    Grpc,
    Zipkin,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Signal {
    Traces,
    Logs,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Packing {
    None,
    Gzip,
    /// The body is what gzip is to unpack.
    Claimed,
}

struct Viewer {
    runtime: Runtime,
    http: Router,
    grpc: Router,
}

fn viewer() -> &'static Viewer {
    static VIEWER: OnceLock<Viewer> = OnceLock::new();
    VIEWER.get_or_init(|| {
        let mut place = Place::default();
        place.limit = 16 << 20;
        let store = Store::open(&place).expect("a store in memory opens");
        let patience = Duration::from_secs(10);
        Viewer {
            runtime: Builder::new_current_thread()
                .enable_time()
                .build()
                .expect("a runtime starts"),
            http: store.http_routes(patience),
            grpc: store.grpc_routes(patience),
        }
    })
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(plain).expect("a vector takes all");
    packed.finish().expect("a vector takes all")
}

impl Sent<'_> {
    fn request(&self) -> Request<Body> {
        let (path, kind) = match (self.way, self.signal) {
            (Way::Protobuf, Signal::Traces) => ("/v1/traces", "application/x-protobuf"),
            (Way::Protobuf, Signal::Logs) => ("/v1/logs", "application/x-protobuf"),
            (Way::Json, Signal::Traces) => ("/v1/traces", "application/json"),
            (Way::Json, Signal::Logs) => ("/v1/logs", "application/json"),
            (Way::Grpc, Signal::Traces) => (
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                "application/grpc",
            ),
            (Way::Grpc, Signal::Logs) => (
                "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
                "application/grpc",
            ),
            (Way::Zipkin, _) => ("/api/v2/spans", "application/json"),
        };
        let (is_packed, body) = match self.packing {
            Packing::None => (false, self.body.to_vec()),
            Packing::Gzip => (true, gzip(self.body)),
            Packing::Claimed => (true, self.body.to_vec()),
        };
        let mut request = Request::post(path).header("content-type", kind);
        if is_packed {
            let name = match self.way {
                Way::Grpc => "grpc-encoding",
                _ => "content-encoding",
            };
            request = request.header(name, "gzip");
        }
        let body = match self.way {
            Way::Grpc => {
                let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
                [&[u8::from(is_packed)], &length[..], &body].concat()
            }
            _ => body,
        };
        request.body(Body::from(body)).expect("all parts are sound")
    }
}

fuzz_target!(|sent: Sent<'_>| {
    let viewer = viewer();
    let router = match sent.way {
        Way::Grpc => &viewer.grpc,
        _ => &viewer.http,
    };
    let answer: Response<_> = viewer
        .runtime
        .block_on(router.clone().oneshot(sent.request()))
        .unwrap_or_else(|never| match never {});
    // What is wrong is the sender's: 500 would be ours.
    assert_ne!(
        answer.status(),
        StatusCode::INTERNAL_SERVER_ERROR,
        "{sent:?}"
    );
});
