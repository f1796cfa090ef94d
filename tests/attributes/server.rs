//! Each line of `# Defaults` of `ServerLayer`, and the switch that changes it.

use std::{convert::Infallible, net::SocketAddr};

use axum::{Router, extract::Request as AxumRequest, routing::get};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use opentelemetry::{Value, trace::SpanKind};
use opentelemetry_sdk::trace::SpanData;
use throughline::{PeerAddr, Redaction, ServerLayer};
use tower::ServiceBuilder;

use crate::{
    common::{
        Spans, assert_error, assert_texts, attribute,
        net::{get as get_from, http1, http2, listen, read, serve},
        text,
    },
    exchange, lines, ok, request,
};

fn layer(spans: &Spans) -> ServerLayer {
    ServerLayer::new().telemetry(&spans.telemetry)
}

/// The span of one request.
async fn span(
    change: impl Fn(ServerLayer) -> ServerLayer,
    request: Request<Full<Bytes>>,
) -> SpanData {
    let spans = Spans::new();
    exchange(&change(layer(&spans)), request, ok).await;
    let span = spans.only();
    assert_eq!(span.span_kind, SpanKind::Server);
    span
}

#[tokio::test]
async fn every_request_is_traced_and_says_what_it_is() {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let headers = [("host", "shop.example:8080"), ("user-agent", "test/1")];
        for path in ["/", "/healthz", "/metrics"] {
            spans.reset();
            let request = request(&format!("{path}?a=b"), &headers);
            exchange(&layer(&spans), request, ok).await;
            let span = spans.only();
            assert_eq!(span.name, "GET");
            assert_texts(
                &span,
                &[
                    ("http.request.method", Some("GET")),
                    ("http.request.method_original", None),
                    ("http.response.status_code", Some("200")),
                    ("http.route", None),
                    ("url.path", Some(path)),
                    ("url.query", Some("a=b")),
                    ("url.scheme", Some("http")),
                    ("url.full", None),
                    ("server.address", Some("shop.example")),
                    ("server.port", Some("8080")),
                    ("user_agent.original", Some("test/1")),
                    ("network.protocol.version", Some("1.1")),
                    ("network.protocol.name", None),
                    ("network.peer.address", None),
                    ("client.address", None),
                    ("error.type", None),
                    ("http.request.body.size", None),
                    ("http.response.body.size", None),
                ],
            );
            assert_eq!(span.attributes.len(), 9, "{span:#?}");
            assert_eq!(attribute(&span, "server.port"), Some(Value::I64(8080)));
            assert_eq!(
                attribute(&span, "http.response.status_code"),
                Some(Value::I64(200))
            );
        }
    }
}

#[tokio::test]
async fn the_version_is_the_connection_s() {
    let spans = Spans::new();
    let service = ServiceBuilder::new()
        .layer(layer(&spans))
        .service_fn(async |_: Request<Incoming>| Ok::<_, Infallible>(ok()));
    let server = serve(service).await;
    let cases = [(http1(), "1.1"), (http2(), "2")];
    for (count, (client, version)) in cases.into_iter().enumerate() {
        read(client.request(get_from(server.addr, "/")).await.unwrap()).await;
        let span = spans.wait(count + 1).await.pop().unwrap();
        assert_texts(
            &span,
            &[
                ("network.protocol.version", Some(version)),
                ("server.address", Some("127.0.0.1")),
                ("server.port", Some(&server.addr.port().to_string())),
                ("url.scheme", Some("http")),
            ],
        );
    }
}

#[tokio::test]
async fn the_scheme_is_http_unless_the_request_or_the_layer_says_https() {
    let span_of = async |layer: fn(ServerLayer) -> ServerLayer, uri| {
        text(&span(layer, request(uri, &[])).await, "url.scheme")
    };
    let plain: fn(ServerLayer) -> ServerLayer = |layer| layer;
    assert_eq!(span_of(plain, "/").await.as_deref(), Some("http"));
    assert_eq!(span_of(plain, "https://a/").await.as_deref(), Some("https"));
    assert_eq!(
        span_of(ServerLayer::https, "/").await.as_deref(),
        Some("https")
    );
    assert_eq!(
        span_of(ServerLayer::https, "http://a/").await.as_deref(),
        Some("http")
    );
}

#[tokio::test]
async fn no_header_is_recorded_unless_it_is_listed() {
    let answer = || {
        Response::builder()
            .header("x-shard", "4")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .body(Full::from("body"))
            .unwrap()
    };
    let headers = [
        ("x-tenant", "acme"),
        ("x-tenant", "globex, inc"),
        ("x-empty", ""),
        ("authorization", "secret"),
    ];
    let spans = Spans::new();
    exchange(&layer(&spans), request("/", &headers), answer).await;
    let span = spans.only();
    assert!(
        !span
            .attributes
            .iter()
            .any(|kv| kv.key.as_str().contains("header"))
    );

    spans.reset();
    let layer = layer(&spans)
        .record_request_headers(["X-Tenant", "x-absent", "x-empty", "not a header"])
        .record_response_headers(["x-shard", "set-cookie"]);
    exchange(&layer, request("/", &headers), answer).await;
    let span = spans.only();
    assert_eq!(
        lines(&span, "http.request.header.x-tenant").unwrap(),
        ["acme", "globex, inc"]
    );
    assert_eq!(lines(&span, "http.response.header.x-shard").unwrap(), ["4"]);
    assert_eq!(
        lines(&span, "http.response.header.set-cookie").unwrap(),
        ["a=1", "b=2"]
    );
    let recorded = span
        .attributes
        .iter()
        .filter(|kv| kv.key.as_str().contains("header"));
    assert_eq!(recorded.count(), 3);
}

#[tokio::test]
async fn a_header_that_is_listed_twice_is_recorded_once() {
    let span = span(
        |layer| layer.record_request_headers(["x-tenant", "X-Tenant"]),
        request("/", &[("x-tenant", "acme")]),
    )
    .await;
    assert_eq!(
        lines(&span, "http.request.header.x-tenant").unwrap(),
        ["acme"]
    );
}

#[tokio::test]
async fn known_secrets_of_the_query_are_redacted() {
    let uri = "/?sig=s3cret&a=b&X-Amz-Signature=s3cret&SIG=kept&token=t";
    let query = async |redaction: Option<Redaction>| {
        let change = |layer: ServerLayer| match &redaction {
            Some(redaction) => layer.redact(redaction.clone()),
            None => layer,
        };
        text(&span(change, request(uri, &[])).await, "url.query").unwrap()
    };
    assert_eq!(
        query(None).await,
        "sig=REDACTED&a=b&X-Amz-Signature=REDACTED&SIG=kept&token=t"
    );
    assert_eq!(
        query(Some(Redaction::keys(["token"]))).await,
        "sig=s3cret&a=b&X-Amz-Signature=s3cret&SIG=kept&token=REDACTED"
    );
    assert_eq!(query(Some(Redaction::none())).await, uri[2..]);
}

#[tokio::test]
async fn body_sizes_are_recorded_where_that_is_asked_for() {
    let headers = [("content-length", "12")];
    let none = span(|layer| layer, request("/", &headers)).await;
    assert_texts(
        &none,
        &[
            ("http.request.body.size", None),
            ("http.response.body.size", None),
        ],
    );
    let both = span(
        |layer| layer.record_body_sizes(true),
        request("/", &headers),
    )
    .await;
    assert_eq!(
        attribute(&both, "http.request.body.size"),
        Some(Value::I64(12))
    );
    assert_eq!(
        attribute(&both, "http.response.body.size"),
        Some(Value::I64(4))
    );
    for wrong in ["", "-1", "12,12", "0x10", "99999999999999999999999"] {
        let span = span(
            |layer| layer.record_body_sizes(true),
            request("/", &[("content-length", wrong)]),
        )
        .await;
        assert_texts(&span, &[("http.request.body.size", None)]);
    }
}

#[tokio::test]
async fn errors_are_from_500() {
    for status in [100, 200, 302, 400, 404, 499, 500, 503, 599, 999] {
        let spans = Spans::new();
        let answer = move || {
            let mut response = ok();
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            response
        };
        exchange(&layer(&spans), request("/", &[]), answer).await;
        let word = status.to_string();
        assert_error(&spans.only(), (status >= 500).then_some(&*word));
    }
}

#[tokio::test]
async fn the_response_has_no_header_of_ours() {
    let spans = Spans::new();
    let (response, _) = exchange(&layer(&spans), request("/", &[]), ok).await;
    assert!(response.headers().is_empty());
    let timed = layer(&spans).server_timing(true);
    let (response, _) = exchange(&timed, request("/", &[]), ok).await;
    assert_eq!(response.headers().len(), 1);
}

#[tokio::test]
async fn unknown_methods_are_other() {
    let known = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
    ];
    let of = async |method: &str, list: Option<&[&str]>| {
        let mut request = request("/", &[]);
        *request.method_mut() = method.parse().unwrap();
        span(
            |layer| match list {
                Some(list) => layer.known_methods(list),
                None => layer,
            },
            request,
        )
        .await
    };
    for method in known {
        let span = of(method, None).await;
        assert_eq!(span.name, method);
        assert_texts(
            &span,
            &[
                ("http.request.method", Some(method)),
                ("http.request.method_original", None),
            ],
        );
    }
    for (method, list) in [
        ("get", None),
        ("EVIL", None),
        ("PROPFIND", None),
        ("GET", Some(&["PURGE"][..])),
        ("GET", Some(&[])),
    ] {
        let span = of(method, list).await;
        assert_eq!(span.name, "HTTP");
        assert_texts(
            &span,
            &[
                ("http.request.method", Some("_OTHER")),
                ("http.request.method_original", Some(method)),
            ],
        );
    }
    let span = of("PURGE", Some(&["PURGE"])).await;
    assert_eq!(span.name, "PURGE");
    assert_texts(&span, &[("http.request.method", Some("PURGE"))]);
}

#[tokio::test]
async fn the_peer_is_the_socket_s_other_end() {
    let peer: SocketAddr = "[::ffff:192.0.2.7]:4711".parse().unwrap();
    let mut request = request("/", &[("x-forwarded-for", "6.6.6.6")]);
    request.extensions_mut().insert(PeerAddr::new(peer));
    let span = span(|layer| layer, request).await;
    assert_texts(
        &span,
        &[
            ("client.address", Some("192.0.2.7")),
            ("network.peer.address", Some("192.0.2.7")),
            ("network.peer.port", Some("4711")),
        ],
    );
    assert_eq!(
        attribute(&span, "network.peer.port"),
        Some(Value::I64(4711))
    );
}

#[tokio::test]
async fn axum_s_connect_info_is_the_peer_too() {
    let spans = Spans::new();
    let app = Router::new()
        .route("/", get(async |_: AxumRequest| "ok"))
        .layer(layer(&spans));
    let (listener, addr) = listen().await;
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    read(http1().request(get_from(addr, "/")).await.unwrap()).await;
    let span = spans.wait_only().await;
    assert_texts(
        &span,
        &[
            ("network.peer.address", Some("127.0.0.1")),
            ("client.address", Some("127.0.0.1")),
        ],
    );
    assert!(matches!(
        attribute(&span, "network.peer.port"),
        Some(Value::I64(1..))
    ));
}
