//! Input that nobody sends by accident.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use hyper::body::Incoming;
use throughline::{ClientLayer, ServerLayer, TrustedProxies};
use tokio::io::AsyncWriteExt;
use tower::ServiceBuilder;

use crate::{
    common::{
        Spans, assert_texts,
        net::{connect, raw, read_until, serve},
        text,
    },
    exchange, lines, ok, request,
};

fn server(spans: &Spans) -> ServerLayer {
    ServerLayer::new()
        .telemetry(&spans.telemetry)
        .trust_forwarded(TrustedProxies::all())
        .record_request_headers(["x-odd"])
        .record_body_sizes(true)
}

#[tokio::test]
async fn values_that_are_no_text_are_left_out() {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let names = [
            "host",
            "user-agent",
            "content-length",
            "content-type",
            "traceparent",
            "tracestate",
            "baggage",
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-port",
            "grpc-timeout",
            "x-odd",
        ];
        let bytes: [&[u8]; 4] = [b"\xff\xfe", b"caf\xe9", b"", b"\xc3\x28=;,"];
        for value in bytes {
            spans.reset();
            let mut request = request("/", &[]);
            for name in names {
                let value = HeaderValue::from_bytes(value).unwrap();
                request.headers_mut().insert(name, value);
            }
            exchange(&server(&spans), request, ok).await;
            let span = spans.only();
            assert_texts(
                &span,
                &[
                    ("server.address", None),
                    ("client.address", None),
                    ("user_agent.original", None),
                    ("url.scheme", Some("http")),
                    ("http.request.body.size", None),
                ],
            );
        }
    }
}

#[tokio::test]
async fn one_line_that_is_no_text_does_not_hide_the_others() {
    let spans = Spans::new();
    let mut request = request("/", &[("x-odd", "one")]);
    let headers = request.headers_mut();
    headers.append("x-odd", HeaderValue::from_bytes(b"\xff").unwrap());
    headers.append("x-odd", HeaderValue::from_static("two"));
    exchange(&server(&spans), request, ok).await;
    assert_eq!(
        lines(&spans.only(), "http.request.header.x-odd").unwrap(),
        ["one", "two"]
    );
}

#[tokio::test]
async fn hosts_of_every_kind() {
    let cases = [
        ("[2001:db8::1]:8443", Some("2001:db8::1"), Some("8443")),
        ("[::1]", Some("::1"), None),
        ("::1", Some("::1"), None),
        ("[::1", None, None),
        ("shop.example:99999", Some("shop.example"), None),
        ("shop.example:0", Some("shop.example"), None),
        ("shop.example:-1", Some("shop.example"), None),
        ("shop.example:+80", Some("shop.example"), None),
        ("shop.example:", Some("shop.example"), None),
        (":80", None, None),
        ("", None, None),
        (" ", None, None),
        ("a b", None, None),
        ("user:pass@shop.example", Some("shop.example"), None),
        ("a,b", Some("a,b"), None),
    ];
    for (host, address, port) in cases {
        let spans = Spans::new();
        let mut request = request("/", &[]);
        let value = HeaderValue::from_bytes(host.as_bytes()).unwrap();
        request.headers_mut().insert("host", value);
        exchange(&server(&spans), request, ok).await;
        println!("{host}");
        assert_texts(
            &spans.only(),
            &[("server.address", address), ("server.port", port)],
        );
    }
}

#[tokio::test]
async fn targets_of_every_kind_on_a_client() {
    let cases = [
        ("http://[::1]:8080/", Some("::1"), Some("8080")),
        ("https://[2001:db8::1]", Some("2001:db8::1"), Some("443")),
        // hyper goes to the scheme's own port then.
        ("http://a.example:99999/", Some("a.example"), Some("80")),
        ("ftp://a.example/", Some("a.example"), None),
        ("/relative", None, None),
        ("*", None, None),
        ("a.example:443", Some("a.example"), Some("443")),
    ];
    for (uri, address, port) in cases {
        let Ok(uri) = uri.parse::<http::Uri>() else {
            continue;
        };
        let spans = Spans::new();
        let mut request = request("/", &[]);
        *request.uri_mut() = uri.clone();
        let layer = ClientLayer::new().telemetry(&spans.telemetry);
        exchange(&layer, request, ok).await;
        println!("{uri}");
        assert_texts(
            &spans.only(),
            &[("server.address", address), ("server.port", port)],
        );
    }
}

#[tokio::test]
async fn endless_text_is_cut() {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let long = "x".repeat(65_000);
        let uri = format!("/?a={}&sig=s3cret", "ä%20".repeat(10).len());
        let uri = format!("{uri}&b={long}");
        let headers = [("user-agent", &*long), ("host", &*long), ("x-odd", &*long)];
        let mut request = request(&uri, &headers);
        *request.method_mut() = "M".repeat(60_000).parse().unwrap();
        exchange(&server(&spans), request, ok).await;
        let span = spans.only();
        assert_eq!(text(&span, "url.query").unwrap().len(), 4_096);
        assert_eq!(text(&span, "user_agent.original").unwrap().len(), 4_096);
        assert_eq!(
            text(&span, "http.request.method_original").unwrap().len(),
            4_096
        );
        let header = &lines(&span, "http.request.header.x-odd").unwrap()[0];
        assert_eq!(header.len(), 4_096);

        spans.reset();
        let request = crate::request(&format!("http://a{uri}"), &[]);
        let layer = ClientLayer::new().telemetry(&spans.telemetry);
        exchange(&layer, request, ok).await;
        assert_eq!(text(&spans.only(), "url.full").unwrap().len(), 4_096);
    }
}

#[tokio::test]
async fn odd_requests_over_a_socket() {
    let spans = Spans::new();
    let service =
        ServiceBuilder::new()
            .layer(server(&spans))
            .service_fn(async |_: Request<Incoming>| {
                Ok::<_, Infallible>(http::Response::new(Full::<Bytes>::from("body")))
            });
    let addr = serve(service).await.addr;
    let heads: [&[u8]; 8] = [
        b"GET / HTTP/1.0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"GET http://b:1/x?y HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"GET /? HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n",
        b"GET //%00%ff/../?%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"get / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nuser-agent: \xff\r\nconnection: close\r\n\r\n",
        b"PRI /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    ];
    for (count, head) in heads.into_iter().enumerate() {
        let answer = raw(addr, head).await;
        assert!(answer.starts_with(b"HTTP/1."), "{}", head.escape_ascii());
        spans.wait(count + 1).await;
    }
    let ended = spans.ended();
    assert_texts(
        &ended[0],
        &[
            ("network.protocol.version", Some("1.0")),
            ("server.address", None),
        ],
    );
    assert_texts(&ended[1], &[("url.path", Some("*"))]);
    // The target's own host is closer to the request than `Host`.
    assert_texts(
        &ended[2],
        &[
            ("server.address", Some("b")),
            ("server.port", Some("1")),
            ("url.path", Some("/x")),
            ("url.query", Some("y")),
        ],
    );
    assert_texts(&ended[3], &[("url.query", None), ("server.address", None)]);

    let mut socket = connect(addr).await;
    let long = format!(
        "GET /?{} HTTP/1.1\r\nhost: a\r\n\r\n",
        "q".repeat(64 * 1024 - 8)
    );
    socket.write_all(long.as_bytes()).await.unwrap();
    read_until(&mut socket, "body").await;
    let span = spans.wait(heads.len() + 1).await.pop().unwrap();
    assert_eq!(text(&span, "url.query").unwrap().len(), 4_096);
}
