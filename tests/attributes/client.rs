//! Each line of `# Defaults` of `ClientLayer`, and the switch that changes it.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use opentelemetry::{
    Context, Value,
    trace::{SpanKind, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_sdk::trace::SpanData;
use throughline::{ClientLayer, Redaction};
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::{
    common::{
        Spans, assert_error, assert_texts, attribute, is_child, named,
        net::{get as get_from, http1, http2, read, serve_axum},
    },
    exchange, lines, ok, request,
};

fn layer(spans: &Spans) -> ClientLayer {
    ClientLayer::new().telemetry(&spans.telemetry)
}

async fn span(
    change: impl Fn(ClientLayer) -> ClientLayer,
    request: Request<Full<Bytes>>,
) -> SpanData {
    let spans = Spans::new();
    exchange(&change(layer(&spans)), request, ok).await;
    let span = spans.only();
    assert_eq!(span.span_kind, SpanKind::Client);
    span
}

#[tokio::test]
async fn every_request_is_traced_and_says_where_it_goes() {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let uri = "http://shop.example/orders/7?a=b";
        exchange(&layer(&spans), request(uri, &[]), ok).await;
        let span = spans.only();
        assert_eq!(span.name, "GET");
        assert_texts(
            &span,
            &[
                ("http.request.method", Some("GET")),
                ("http.response.status_code", Some("200")),
                ("server.address", Some("shop.example")),
                ("server.port", Some("80")),
                ("url.full", Some(uri)),
                ("network.protocol.version", Some("1.1")),
                ("url.path", None),
                ("url.query", None),
                ("url.scheme", None),
                ("url.template", None),
                ("http.route", None),
                ("http.request.resend_count", None),
                ("http.request.body.size", None),
                ("http.response.body.size", None),
                ("user_agent.original", None),
                ("client.address", None),
            ],
        );
        assert_eq!(span.attributes.len(), 6, "{span:#?}");
        assert_eq!(attribute(&span, "server.port"), Some(Value::I64(80)));
    }
}

#[tokio::test]
async fn the_current_span_is_the_parent_and_each_host_gets_the_trace() {
    let spans = Spans::new();
    let outer = Context::current_with_span(spans.provider().tracer("app").start("outer"));
    for uri in ["http://a.example/", "https://192.0.2.1:1/", "http://[::1]/"] {
        let call = layer(&spans);
        let sent = throughline_with(&outer, async move {
            exchange(&call, request(uri, &[]), ok).await.1
        })
        .await;
        let client = spans.ended().pop().unwrap();
        let want = format!(
            "00-{}-{}-",
            client.span_context.trace_id(),
            client.span_context.span_id()
        );
        assert!(sent["traceparent"].to_str().unwrap().starts_with(&want));
    }
    outer.span().end();
    let ended = spans.ended();
    let outer = named(&ended, "outer");
    assert_eq!(ended.iter().filter(|span| is_child(span, outer)).count(), 3);
}

/// Runs a future with a context of the test's.
async fn throughline_with<F: Future>(context: &Context, future: F) -> F::Output {
    let carried = {
        let _entered = context.clone().attach();
        throughline::carry(future)
    };
    carried.await
}

#[tokio::test]
async fn userinfo_and_known_secrets_are_redacted() {
    let uri = "https://user:pass@shop.example/x?sig=s3cret&a=b";
    let known = span(|layer| layer, request(uri, &[])).await;
    assert_texts(
        &known,
        &[
            (
                "url.full",
                Some("https://REDACTED:REDACTED@shop.example/x?sig=REDACTED&a=b"),
            ),
            ("server.address", Some("shop.example")),
            ("server.port", Some("443")),
        ],
    );
    let none = span(|layer| layer.redact(Redaction::none()), request(uri, &[])).await;
    assert_texts(
        &none,
        &[(
            "url.full",
            Some("https://REDACTED:REDACTED@shop.example/x?sig=s3cret&a=b"),
        )],
    );
}

#[tokio::test]
async fn headers_and_sizes_are_recorded_where_that_is_asked_for() {
    let spans = Spans::new();
    let answer = || {
        Response::builder()
            .header("x-shard", "4")
            .body(Full::from("body"))
            .unwrap()
    };
    let headers = [
        ("x-tenant", "a"),
        ("x-tenant", "b"),
        ("content-length", "3"),
        ("traceparent", "old"),
    ];
    let request = || request("http://a.example/", &headers);
    exchange(&layer(&spans), request(), answer).await;
    assert!(
        !spans
            .only()
            .attributes
            .iter()
            .any(|kv| kv.key.as_str().contains("header") || kv.key.as_str().contains("size"))
    );
    spans.reset();
    let layer = layer(&spans)
        .record_request_headers(["x-tenant", "traceparent"])
        .record_response_headers(["x-shard"])
        .record_body_sizes(true);
    exchange(&layer, request(), answer).await;
    let span = spans.only();
    assert_eq!(
        lines(&span, "http.request.header.x-tenant").unwrap(),
        ["a", "b"]
    );
    // As they are before the trace headers are written.
    assert_eq!(
        lines(&span, "http.request.header.traceparent").unwrap(),
        ["old"]
    );
    assert_eq!(lines(&span, "http.response.header.x-shard").unwrap(), ["4"]);
    assert_eq!(
        attribute(&span, "http.request.body.size"),
        Some(Value::I64(3))
    );
    assert_eq!(
        attribute(&span, "http.response.body.size"),
        Some(Value::I64(4))
    );
}

#[tokio::test]
async fn errors_are_from_400() {
    for status in [200, 302, 399, 400, 404, 499, 500, 999] {
        let spans = Spans::new();
        let answer = move || {
            let mut response = ok();
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            response
        };
        exchange(&layer(&spans), request("http://a/", &[]), answer).await;
        let word = status.to_string();
        assert_error(&spans.only(), (status >= 400).then_some(&*word));
    }
}

#[tokio::test]
async fn unknown_methods_are_other() {
    let mut purge = request("http://a/", &[]);
    *purge.method_mut() = "PURGE".parse().unwrap();
    let other = span(|layer| layer, purge.clone()).await;
    assert_eq!(other.name, "HTTP");
    assert_texts(
        &other,
        &[
            ("http.request.method", Some("_OTHER")),
            ("http.request.method_original", Some("PURGE")),
        ],
    );
    let listed = span(|layer| layer.known_methods(["PURGE"]), purge).await;
    assert_eq!(listed.name, "PURGE");
}

#[tokio::test]
async fn a_template_and_a_service_s_name() {
    let span = span(
        |layer| {
            layer
                .url_template(|head| {
                    head.uri()
                        .path()
                        .starts_with("/orders/")
                        .then(|| "/orders/{id}".into())
                })
                .peer_service("orders")
        },
        request("http://a/orders/7", &[]),
    )
    .await;
    assert_eq!(span.name, "GET /orders/{id}");
    assert_texts(
        &span,
        &[
            ("url.template", Some("/orders/{id}")),
            ("server.service.name", Some("orders")),
        ],
    );
}

#[tokio::test]
async fn a_target_names_what_the_request_does_not() {
    let target = "https://orders.example".parse::<http::Uri>().unwrap();
    let named = span(|layer| layer.target(target.clone()), request("/x", &[])).await;
    assert_texts(
        &named,
        &[
            ("server.address", Some("orders.example")),
            ("server.port", Some("443")),
            ("url.full", Some("https://orders.example/x")),
        ],
    );
    let unnamed = span(|layer| layer, request("/x", &[])).await;
    assert_texts(
        &unnamed,
        &[
            ("server.address", None),
            ("server.port", None),
            ("url.full", None),
        ],
    );
}

#[tokio::test]
async fn over_a_socket_the_peer_and_the_version_are_known() {
    let addr = serve_axum(axum::Router::new()).await;
    for (client, version) in [(http1(), "1.1"), (http2(), "2")] {
        let spans = Spans::new();
        let client = ServiceBuilder::new().layer(layer(&spans)).service(client);
        read(client.oneshot(get_from(addr, "/")).await.unwrap()).await;
        let span = spans.only();
        let known = cfg!(feature = "hyper-util");
        let (peer, port) = (addr.ip().to_string(), addr.port().to_string());
        assert_texts(
            &span,
            &[
                ("network.protocol.version", Some(version)),
                ("network.peer.address", known.then_some(&*peer)),
                ("network.peer.port", known.then_some(&*port)),
                ("server.address", Some(&peer)),
                ("server.port", Some(&port)),
            ],
        );
    }
}

#[tokio::test]
async fn each_attempt_has_its_span_and_its_number() {
    #[derive(Clone)]
    struct Twice;
    impl
        tower::retry::Policy<
            Request<Full<Bytes>>,
            Response<throughline::TracedBody<Full<Bytes>>>,
            std::convert::Infallible,
        > for Twice
    {
        type Future = std::future::Ready<()>;

        fn retry(
            &mut self,
            request: &mut Request<Full<Bytes>>,
            _result: &mut Result<
                Response<throughline::TracedBody<Full<Bytes>>>,
                std::convert::Infallible,
            >,
        ) -> Option<Self::Future> {
            let tries = request.extensions_mut().get_or_insert_with(|| 0_u8);
            *tries += 1;
            (*tries < 3).then(|| std::future::ready(()))
        }

        fn clone_request(
            &mut self,
            request: &Request<Full<Bytes>>,
        ) -> Option<Request<Full<Bytes>>> {
            Some(request.clone())
        }
    }
    let spans = Spans::new();
    let mut service = ServiceBuilder::new()
        .layer(ClientLayer::attempts())
        .retry(Twice)
        .layer(layer(&spans))
        .service_fn(async |_: Request<Full<Bytes>>| Ok::<_, std::convert::Infallible>(ok()));
    for _ in 0..2 {
        spans.reset();
        let response = service
            .ready()
            .await
            .unwrap()
            .call(request("http://a/", &[]))
            .await
            .unwrap();
        read(response).await;
        let counts: Vec<_> = spans
            .ended()
            .iter()
            .map(|span| attribute(span, "http.request.resend_count"))
            .collect();
        assert_eq!(counts, [None, Some(Value::I64(1)), Some(Value::I64(2))]);
    }
}
