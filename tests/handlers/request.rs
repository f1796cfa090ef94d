//! The request's own span in a handler's hands.

use std::{collections::BTreeMap, fmt, io};

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse, routing::any};
use opentelemetry::{
    Context as OtelContext, Value,
    trace::{Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use throughline::{RemoteParent, ServerLayer, SpanMut, otel, request_span};
use tower::ServiceExt;

use crate::{
    app::{App, values},
    common::{Spans, assert_error, attribute, net::read, text},
};

#[derive(Debug)]
struct SoldOut;

impl fmt::Display for SoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no socks left at http://ann:pass@stock/")
    }
}

impl std::error::Error for SoldOut {}

/// The span of a request whose handler does this and answers so.
async fn served<R: IntoResponse>(
    spans: &Spans,
    layer: ServerLayer,
    handle: impl Fn(&mut SpanMut<'_>) + Clone + Send + Sync + 'static,
    answer: impl Fn() -> R + Clone + Send + Sync + 'static,
) -> SpanData {
    let handler = move |request: Request| async move {
        request_span(request.extensions(), |span| handle(span));
        tokio::task::yield_now().await;
        answer()
    };
    let app = Router::new()
        .route("/{id}", any(handler))
        .layer(layer.telemetry(&spans.telemetry));
    let request = Request::post("http://shop:80/7?q=1")
        .header("user-agent", "test")
        .header("content-length", "0")
        .header("x-tenant", "acme")
        .body(axum::body::Body::empty())
        .unwrap();
    read(app.oneshot(request).await.unwrap()).await;
    spans.wait_only().await
}

#[tokio::test]
async fn it_takes_attributes_a_name_and_events_each_key_once() {
    for layer in [ServerLayer::new(), ServerLayer::new().on_end(|_, _| ())] {
        let spans = Spans::new();
        let handle = |span: &mut SpanMut<'_>| {
            assert!(span.is_recording());
            span.set("order.items", 1).set("order.items", 3);
            span.set("http.response.status_code", 299);
            span.add_event("packed");
        };
        let span = served(&spans, layer, handle, || "ok").await;
        assert_eq!(attribute(&span, "order.items"), Some(3.into()));
        assert_eq!(
            attribute(&span, "http.response.status_code"),
            Some(299.into())
        );
        assert_eq!(text(&span, "http.route").as_deref(), Some("/{id}"));
        assert_eq!(span.events.events[0].name, "packed");
        assert_error(&span, None);
    }
    let spans = Spans::new();
    let handle = |span: &mut SpanMut<'_>| {
        span.set_name("checkout");
    };
    let span = served(&spans, ServerLayer::new(), handle, || "ok").await;
    assert_eq!(span.name, "checkout");
}

/// What the layer has set when the handler runs stays, whatever the sampler reads; nothing comes twice.
#[tokio::test]
async fn what_is_there_already_stays() {
    let layer = || {
        ServerLayer::new()
            .record_request_headers(["x-tenant"])
            .record_body_sizes(true)
            .remote_parent(RemoteParent::Ignore)
    };
    let all = |span: &SpanData| -> BTreeMap<String, Value> {
        let all = span.attributes.iter();
        all.map(|kv| (kv.key.to_string(), kv.value.clone()))
            .collect()
    };
    let known = served(&Spans::new(), layer(), |_| (), || "ok").await;
    for spans in [Spans::new(), Spans::of_stranger()] {
        let known = all(&known);
        assert!(known.len() > 10, "{known:?}");
        let handle = move |span: &mut SpanMut<'_>| {
            for (key, value) in &known {
                match value {
                    Value::I64(_) => span.set(key.clone(), -1),
                    _ => span.set(key.clone(), "mine"),
                };
            }
        };
        // That no key comes twice is a part of what every span is checked for.
        let span = served(&spans, layer(), handle, || "ok").await;
        let mine = all(&span).into_iter();
        let mine = mine.filter(|(_, value)| *value == "mine".into() || *value == (-1).into());
        let mine: Vec<_> = mine.map(|(key, _)| key).collect();
        let at_the_end = [
            "http.response.body.size",
            "http.response.status_code",
            "http.route",
        ];
        assert_eq!(mine, at_the_end, "{span:#?}");
    }
}

#[tokio::test]
async fn an_error_of_the_handler_s_fails_the_exchange_and_says_which() {
    let fail = |span: &mut SpanMut<'_>| {
        span.record_error(&SoldOut);
    };
    for status in [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE] {
        let spans = Spans::new();
        let span = served(&spans, ServerLayer::new(), fail, move || status).await;
        let error_type = text(&span, "error.type").unwrap();
        assert!(error_type.ends_with("request::SoldOut"), "{error_type}");
        let text = "no socks left at http://REDACTED@stock/";
        assert_eq!(span.status, Status::error(text));
        let event = &span.events.events[0];
        assert_eq!(event.name, "exception");
        let fields = event.attributes.iter();
        let fields: Vec<_> = fields
            .map(|kv| (kv.key.as_str(), kv.value.to_string()))
            .collect();
        let wanted = [
            ("exception.type", error_type),
            ("exception.message", text.to_owned()),
        ];
        assert_eq!(fields, wanted);
    }
    // By a word, by what broke, and not at all.
    let by_word = |span: &mut SpanMut<'_>| {
        span.set_error("sold_out");
    };
    let broken = |span: &mut SpanMut<'_>| {
        let error: Box<dyn std::error::Error + Send + Sync> =
            Box::new(io::Error::from(io::ErrorKind::ConnectionRefused));
        span.record_error(&error);
    };
    let well = |span: &mut SpanMut<'_>| {
        span.record_error(&SoldOut).clear_error();
    };
    let layer = ServerLayer::new;
    let span = served(&Spans::new(), layer(), by_word, || "ok").await;
    assert_error(&span, Some("sold_out"));
    assert!(span.events.events.is_empty());
    let span = served(&Spans::new(), layer(), broken, || "ok").await;
    assert_error(&span, Some("connection_refused"));
    let answer = || StatusCode::SERVICE_UNAVAILABLE;
    let span = served(&Spans::new(), layer(), well, answer).await;
    assert_error(&span, None);
}

#[tokio::test]
async fn where_there_is_no_span_nothing_is_done() {
    let spans = Spans::sampled(Sampler::AlwaysOff);
    let request = Request::new(());
    assert!(request_span(request.extensions(), |_| ()).is_none());
    let (seen, mut ran) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |request: Request| async move {
        let shown = request_span(request.extensions(), |_| ()).is_some();
        seen.send((shown, request.into_parts().0.extensions))
            .unwrap();
    };
    for (spans, metrics, is_shown) in [
        (&spans, false, false),
        (&spans, true, true),
        (&Spans::new(), false, true),
    ] {
        let layer = ServerLayer::new().metrics(metrics);
        let app = Router::new()
            .route("/", any(handler.clone()))
            .layer(layer.telemetry(&spans.telemetry));
        let request = Request::new(axum::body::Body::empty());
        drop(app.oneshot(request).await.unwrap());
        let (shown, extensions) = ran.recv().await.unwrap();
        assert_eq!(shown, is_shown);
        // The exchange is over.
        assert!(request_span(&extensions, |_| ()).is_none());
    }
}

#[test]
fn a_span_of_one_s_own_fails_by_one_call() {
    let app = App::new();
    let context = OtelContext::new().with_span(app.tracer.start("reserve"));
    otel::record_error(&context, &SoldOut);
    context.span().end();
    let span = app.only();
    assert_eq!(
        span.status,
        Status::error("no socks left at http://REDACTED@stock/")
    );
    assert_eq!(values(&span, "error.type").len(), 1);
    assert_eq!(span.events.events[0].name, "exception");
    // Where nothing is recorded there is nothing to fail.
    otel::record_error(&OtelContext::new(), &SoldOut);
}
