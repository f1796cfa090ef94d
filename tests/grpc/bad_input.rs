//! What no well-behaved peer sends: an RPC span with the nearest honest value, and no panic.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use opentelemetry_sdk::trace::SpanData;
use throughline::ServerLayer;
use tokio::net::TcpListener;
use tower::{Layer, service_fn};

use crate::{
    common::text,
    raw,
    shop::Price,
    support::{Spans, assert_rpc, description, drain, item, serve, verdict},
};

type Lines = &'static [(&'static str, &'static [u8])];

/// A service that answers each request with one message and these trailers, or with a head alone.
#[derive(Clone, Copy, Debug)]
struct Crooked {
    status: u16,
    head: Lines,
    /// `None`: no body and no trailers.
    trailers: Option<Lines>,
}

const GOOD: Crooked = Crooked {
    status: 200,
    head: &[],
    trailers: Some(&[("grpc-status", b"0")]),
};

fn lines(lines: Lines) -> HeaderMap {
    let line = |&(name, value): &(&'static str, &'static [u8])| {
        let value = HeaderValue::from_bytes(value).unwrap();
        (HeaderName::from_static(name), value)
    };
    lines.iter().map(line).collect()
}

impl Crooked {
    fn answer(self) -> Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>> {
        let price = Price {
            sku: "sock".to_owned(),
            cents: 1,
        };
        let frames = self.trailers.map(|trailers| {
            let data = Frame::data(raw::framed(&price));
            [Some(Ok(data)), Some(Ok(Frame::trailers(lines(trailers))))]
        });
        let frames = frames.into_iter().flatten().flatten();
        let body: http_body_util::combinators::UnsyncBoxBody<_, _> = if self.trailers.is_some() {
            http_body_util::BodyExt::boxed_unsync(StreamBody::new(stream::iter(frames)))
        } else {
            http_body_util::BodyExt::boxed_unsync(Full::default())
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status.try_into().unwrap();
        *response.headers_mut() = lines(self.head);
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert("content-type", grpc);
        response
    }

    /// Serves it under a layer, on hyper alone.
    async fn serve(self, layer: ServerLayer) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((io, _)) = listener.accept().await {
                let service = service_fn(move |_: Request<hyper::body::Incoming>| async move {
                    Ok::<_, Infallible>(self.answer())
                });
                let service = TowerToHyperService::new(layer.layer(service));
                tokio::spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let _closed = builder.serve_connection(TokioIo::new(io), service).await;
                });
            }
        });
        addr
    }

    /// The spans of a call by a generated client, the server's and the client's.
    async fn called(self) -> [SpanData; 2] {
        let spans = Spans::new();
        let addr = self.serve(spans.server()).await;
        let mut client = spans.connect(addr).await;
        if let Ok(prices) = client.watch(item("sock")).await {
            drain(prices.into_inner()).await;
        }
        let (server, client) = spans.pair().await;
        assert_rpc(&server);
        assert_rpc(&client);
        [server, client]
    }
}

#[tokio::test]
async fn crooked_trailers_have_the_nearest_code() {
    // Trailers, the code, the description of the client's span.
    let cases: [(Lines, &str, &str); 12] = [
        (&[("grpc-status", b"99")], "UNKNOWN", ""),
        (&[("grpc-status", b"text")], "UNKNOWN", ""),
        (&[("grpc-status", b"")], "UNKNOWN", ""),
        (&[("grpc-status", b"\xff")], "UNKNOWN", ""),
        (
            &[("grpc-status", b"5"), ("grpc-status", b"0")],
            "NOT_FOUND",
            "",
        ),
        (&[("grpc-status", b"0"), ("grpc-status", b"13")], "OK", ""),
        (
            &[("x-other", b"1")],
            "UNKNOWN",
            "the answer had no grpc-status",
        ),
        (&[], "UNKNOWN", "the answer had no grpc-status"),
        (
            &[("grpc-status", b"13"), ("grpc-message", b"100%")],
            "INTERNAL",
            "100%",
        ),
        (
            &[("grpc-status", b"13"), ("grpc-message", b"%zz%2")],
            "INTERNAL",
            "%zz%2",
        ),
        (
            &[("grpc-status", b"13"), ("grpc-message", b"%FF%FE")],
            "INTERNAL",
            "\u{fffd}\u{fffd}",
        ),
        (
            &[("grpc-status", b"13"), ("grpc-message", b"\xff\x80")],
            "INTERNAL",
            "\u{fffd}\u{fffd}",
        ),
    ];
    for (trailers, code, message) in cases {
        let crooked = Crooked {
            trailers: Some(trailers),
            ..GOOD
        };
        for span in crooked.called().await {
            assert_eq!(verdict(&span).0, code, "{trailers:?} {:?}", span.span_kind);
            assert_eq!(description(&span), message, "{trailers:?}");
        }
    }
}

#[tokio::test]
async fn heads_that_are_all_there_is_have_a_code() {
    let cases: [(u16, Lines, &str); 9] = [
        (200, &[("grpc-status", b"7")], "PERMISSION_DENIED"),
        (200, &[("grpc-status", b"99")], "UNKNOWN"),
        (200, &[], "UNKNOWN"),
        (503, &[], "UNAVAILABLE"),
        (404, &[], "UNIMPLEMENTED"),
        (400, &[], "INTERNAL"),
        (401, &[], "UNAUTHENTICATED"),
        (418, &[], "UNKNOWN"),
        // A gRPC status beside a strange HTTP one is still the callee's word.
        (500, &[("grpc-status", b"5")], "NOT_FOUND"),
    ];
    for (status, head, code) in cases {
        let crooked = Crooked {
            status,
            head,
            trailers: None,
        };
        for span in crooked.called().await {
            assert_eq!(
                verdict(&span).0,
                code,
                "{status} {head:?} {:?}",
                span.span_kind
            );
        }
    }
}

#[tokio::test]
async fn a_message_without_end_is_cut() {
    const LONG: &[u8] = &[b'a'; 6000];
    let crooked = Crooked {
        trailers: Some(&[("grpc-status", b"13"), ("grpc-message", LONG)]),
        ..GOOD
    };
    for span in crooked.called().await {
        assert_eq!(verdict(&span).0, "INTERNAL");
        let length = description(&span).len();
        assert!((1..=4096).contains(&length), "{length}");
    }
}

#[tokio::test]
async fn paths_without_a_service_are_other() {
    // Path, what is kept of it.
    let cases = [
        ("/", None),
        ("//", Some("/")),
        ("/a", Some("a")),
        ("/a/", Some("a/")),
        ("//b", Some("/b")),
        ("/a/b/c", Some("a/b/c")),
    ];
    for (path, original) in cases {
        let spans = Spans::new();
        let (addr, _calls) = serve(spans.server()).await;
        let answer = raw::send(addr, raw::with_item(raw::post(path))).await;
        assert_eq!(answer.header("grpc-status"), Some("12"), "{path}");
        let span = spans.only().await;
        assert_rpc(&span);
        assert_eq!(span.name, "grpc", "{path}");
        assert_eq!(text(&span, "rpc.method").as_deref(), Some("_OTHER"));
        assert_eq!(text(&span, "rpc.method_original").as_deref(), original);
        assert_eq!(verdict(&span).0, "UNIMPLEMENTED");
    }
}

#[tokio::test]
async fn a_plain_post_that_says_grpc_is_an_rpc() {
    // A route of axum's that knows nothing of gRPC: its answer has no status, and says so.
    let spans = Spans::new();
    let app = axum::Router::new()
        .route("/form", axum::routing::post(|| async { "thanks" }))
        .layer(spans.server());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let request = Request::post("/form").header("content-type", "application/grpc");
    let request = request.body(Full::from("a=b")).unwrap();
    assert_eq!(raw::send(addr, request).await.data, "thanks");
    let span = spans.only().await;
    assert_rpc(&span);
    assert_eq!(span.name, "grpc");
    let code = "UNKNOWN".to_owned();
    assert_eq!(verdict(&span), (code.clone(), Some(code), true));
}

#[tokio::test]
async fn a_get_and_a_bodyless_post_that_say_grpc_end_too() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    for method in ["GET", "HEAD", "POST", "BREW"] {
        let mut request = raw::post("/shop.v1.Pricing/Quote")
            .body(Full::default())
            .unwrap();
        *request.method_mut() = method.parse().unwrap();
        raw::send(addr, request).await;
    }
    for span in spans.ended(4).await {
        assert_rpc(&span);
        assert_eq!(span.name, "shop.v1.Pricing/Quote");
        assert!(!verdict(&span).0.is_empty());
    }
}

#[tokio::test]
async fn a_body_that_is_no_message_is_tonics_to_refuse() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let bodies: [&'static [u8]; 4] = [
        b"\x00\x00\x00\x00\x05ab",
        b"\x07\x00\x00\x00\x01a",
        b"\x00\xff\xff\xff\xff",
        b"\x00\x00\x00\x00\x03\xff\xff\xff",
    ];
    for body in bodies {
        let request = raw::post("/shop.v1.Pricing/Quote");
        let answer = raw::send(addr, request.body(Full::from(body)).unwrap()).await;
        assert!(
            answer.header("grpc-status").is_some_and(|code| code != "0"),
            "{body:?}"
        );
    }
    for span in spans.ended(4).await {
        assert_ne!(verdict(&span).0, "OK");
    }
}

#[tokio::test]
async fn oversized_metadata_is_cut_or_refused_but_never_a_panic() {
    let spans = Spans::new();
    let layer = spans.server().record_request_headers(["x-big", "x-many"]);
    let (addr, _calls) = serve(layer).await;
    let mut request = raw::post("/shop.v1.Pricing/Quote")
        .header("x-big", "b".repeat(5000))
        .header("grpc-timeout", "9".repeat(1000));
    for _ in 0..100 {
        request = request.header("x-many", "m".repeat(20));
    }
    raw::send(addr, raw::with_item(request)).await;
    let span = spans.only().await;
    assert_eq!(verdict(&span).0, "OK");
    assert_eq!(text(&span, "throughline.rpc.timeout"), None);
    let big = text(&span, "rpc.request.header.x-big").unwrap();
    assert!(big.len() < 5000, "{}", big.len());

    // So much that hyper refuses it before any service sees it: no request, no span.
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let huge = raw::post("/shop.v1.Pricing/Quote").header("x-big", "b".repeat(60_000));
    let answer = raw::send(addr, raw::with_item(huge)).await;
    assert_eq!(answer.status, 431);
    assert_eq!(spans.counts(), (0, 0));
}

#[tokio::test]
async fn a_long_method_is_cut() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let path = format!("/shop.v1.Pricing/{}", "Q".repeat(9000));
    raw::send(addr, raw::with_item(raw::post(&path))).await;
    let span = spans.only().await;
    assert!(span.name.len() < 5000, "{}", span.name.len());
    assert_eq!(verdict(&span).0, "UNIMPLEMENTED");
}
