//! Making spans: children, roots, names, attributes, times; the active span; no tracer at all; the end of the pipeline.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Router, routing::get};
use http::Request;
use opentelemetry::{
    Array, Context as OtelContext, KeyValue, Value,
    trace::{
        FutureExt, Span, SpanKind, TraceContextExt, Tracer, TracerProvider, get_active_span,
        mark_span_as_active, noop::NoopTracerProvider,
    },
};
use opentelemetry_sdk::trace::InMemorySpanExporter;
use throughline::{
    ClientLayer, Context, ServerLayer, Setup, carry, current_ids,
    otel::{self, ContextExt, SetupExt},
};
use tokio::task::yield_now;
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    app::{App, is_root, values},
    common::{
        Spans, is_child, named,
        net::{get as request, http1, read, serve_axum},
    },
};

#[tokio::test]
async fn a_child_span_of_the_request_in_sync_and_async_code() {
    let spans = Arc::new(Spans::new());
    let own = Arc::clone(&spans);
    let handler = move || async move {
        let tracer = own.provider().tracer("app");
        tracer.in_span("sync", |_| tracer.in_span("within", |_| ()));
        let context = OtelContext::current_with_span(tracer.start("async"));
        async {
            yield_now().await;
            tracer.start("after await").end();
        }
        .with_context(context.clone())
        .await;
        context.span().end();
        let context = Context::from_otel(OtelContext::current_with_span(tracer.start("carried")));
        context
            .carry(async {
                yield_now().await;
                tracer.start("in it").end();
            })
            .await;
    };
    let app = Router::new()
        .route("/", get(handler))
        .layer(ServerLayer::new().telemetry(&spans.telemetry));
    let addr = serve_axum(app).await;
    read(http1().request(request(addr, "/")).await.unwrap()).await;
    let ended = spans.wait(7).await;
    for (child, parent) in [
        ("sync", "GET /"),
        ("within", "sync"),
        ("async", "GET /"),
        ("after await", "async"),
        ("carried", "GET /"),
        ("in it", "carried"),
    ] {
        let (child, parent) = (named(&ended, child), named(&ended, parent));
        assert!(is_child(child, parent), "{child:#?}");
    }
}

#[test]
fn a_span_in_a_context_ends_when_it_is_told_or_when_nobody_has_it_any_more() {
    let app = App::new();
    let context = OtelContext::current_with_span(app.tracer.start("told"));
    let elsewhere = Context::from_otel(context.clone());
    context.span().end();
    assert_eq!(app.names(), ["told"]);
    let elsewhere = app.tracer.in_span("held", |context| {
        drop(elsewhere);
        Context::from_otel(context)
    });
    assert_eq!(app.names(), ["told"]);
    drop(elsewhere);
    assert_eq!(app.names(), ["told", "held"]);
}

#[test]
fn the_active_span_is_known_in_its_scope_alone() {
    let app = App::new();
    let span = app.tracer.start("active");
    let id = span.span_context().span_id();
    {
        let _active = mark_span_as_active(span);
        assert_eq!(current_ids().unwrap().span_id(), id.to_bytes());
        get_active_span(|span| span.set_attribute(KeyValue::new("seen", true)));
    }
    assert!(current_ids().is_none());
    assert_eq!(values(&app.only(), "seen"), [Value::Bool(true)]);
}

#[test]
fn a_root_ignores_the_active_span() {
    let app = App::new();
    app.tracer.in_span("active", |_| {
        let raw = app
            .tracer
            .start_with_context("raw", &OtelContext::new())
            .span_context()
            .trace_id();
        let ours = Context::root().in_scope(|| app.tracer.start("ours"));
        assert_ne!(raw, ours.span_context().trace_id());
    });
    let ended = app.ended();
    assert!(is_root(named(&ended, "raw")));
    assert!(is_root(named(&ended, "ours")));
}

#[test]
fn names_kinds_and_attributes() {
    let app = App::new();
    let builder = app
        .tracer
        .span_builder("first")
        .with_kind(SpanKind::Producer)
        .with_attributes([KeyValue::new("messaging.destination.name", "orders")]);
    let list = Value::Array(Array::I64(vec![1, 2]));
    let mut span = builder.start(&app.tracer);
    span.update_name("second");
    span.set_attribute(KeyValue::new("text", "blue"));
    span.set_attribute(KeyValue::new("whole", 7));
    span.set_attribute(KeyValue::new("fraction", 0.5));
    span.set_attribute(KeyValue::new("flag", true));
    span.set_attribute(KeyValue::new("list", list.clone()));
    // The SDK appends: what is set twice is there twice, until set-up's exporters get it.
    span.set_attribute(KeyValue::new("text", "green"));
    span.end();
    let span = app.only();
    assert_eq!(
        (&*span.name, &span.span_kind),
        ("second", &SpanKind::Producer)
    );
    assert_eq!(
        values(&span, "messaging.destination.name"),
        ["orders".into()]
    );
    assert_eq!(values(&span, "text"), ["blue".into(), "green".into()]);
    assert_eq!(values(&span, "whole"), [7.into()]);
    assert_eq!(values(&span, "fraction"), [0.5.into()]);
    assert_eq!(values(&span, "flag"), [true.into()]);
    assert_eq!(values(&span, "list"), [list]);
}

/// Also where the request's own span is set by hand, beside what the layer sets.
#[tokio::test]
async fn a_key_that_is_set_twice_is_exported_once_with_its_last_value() {
    let exporter = InMemorySpanExporter::default();
    let telemetry = Setup::new()
        .lookup(|name| (name == "OTEL_METRICS_EXPORTER").then(|| "none".to_owned()))
        .exporter(exporter.clone())
        .build()
        .unwrap();
    let layer = ServerLayer::new().telemetry(&telemetry);
    let service = layer.layer(service_fn(async |_: Request<()>| {
        get_active_span(|span| {
            for (key, value) in [("sku", "socks"), ("tier", "gold"), ("sku", "shoes")] {
                span.set_attribute(KeyValue::new(key, value));
            }
            let fields = [("left", 1), ("left", 0)];
            let fields = fields.map(|(key, value)| KeyValue::new(key, value));
            span.add_event("sold", fields.to_vec());
            span.add_link(span.span_context().clone(), fields.to_vec());
        });
        Ok::<_, crate::common::net::Never>(http::Response::new(String::new()))
    }));
    drop(service.oneshot(Request::new(())).await.unwrap());
    telemetry.flush().await.unwrap();
    let [span] = &exporter.get_finished_spans().unwrap()[..] else {
        panic!("one span");
    };
    let own: Vec<_> = span.attributes.iter().map(|kv| kv.key.as_str()).collect();
    let own: Vec<_> = own.into_iter().filter(|key| !key.contains('.')).collect();
    assert_eq!(own, ["sku", "tier"], "in the order of the first");
    assert_eq!(values(span, "sku"), ["shoes".into()]);
    let last = [KeyValue::new("left", 0)];
    assert_eq!(span.events.events[0].attributes, last);
    assert_eq!(span.links.links[0].attributes, last);
    telemetry.shutdown().await.unwrap();
}

#[test]
fn start_and_end_at_a_time_of_ones_own() {
    let app = App::new();
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_001);
    let end = start + Duration::from_millis(1500);
    let builder = app.tracer.span_builder("measured elsewhere");
    let mut span = builder.with_start_time(start).start(&app.tracer);
    span.end_with_timestamp(end);
    // After its end it takes nothing more.
    assert!(!span.is_recording());
    span.update_name("too late");
    drop(span);
    let span = app.only();
    assert_eq!((span.start_time, span.end_time), (start, end));
    assert_eq!(span.name, "measured elsewhere");
}

#[tokio::test]
async fn without_a_tracer_code_runs_and_the_caller_s_trace_goes_on() {
    let telemetry = otel::telemetry(&NoopTracerProvider::new());
    let tracer = NoopTracerProvider::new().tracer("app");
    let callee = service_fn(async |request: Request<String>| {
        let sent = request.headers()["traceparent"]
            .to_str()
            .unwrap()
            .to_owned();
        Ok::<_, crate::common::net::Never>(http::Response::new(sent))
    });
    let client = ClientLayer::new().telemetry(&telemetry).layer(callee);
    let server =
        ServerLayer::new()
            .telemetry(&telemetry)
            .layer(service_fn(move |_: Request<()>| {
                let client = client.clone();
                let span = tracer.start("nothing");
                assert!(!span.is_recording());
                let context = OtelContext::current_with_span(span);
                client
                    .oneshot(Request::new(String::new()))
                    .with_context(context)
            }));
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = Request::builder().header("traceparent", traceparent);
    let response = server.oneshot(request.body(()).unwrap()).await.unwrap();
    assert_eq!(read(response).await, traceparent);
}

#[tokio::test]
async fn closing_delivers_what_ended_and_takes_nothing_after() {
    let exporter = InMemorySpanExporter::default();
    let telemetry = Setup::new()
        .lookup(|name| (name == "OTEL_METRICS_EXPORTER").then(|| "none".to_owned()))
        .exporter(exporter.clone())
        .init()
        .unwrap();
    let tracer = opentelemetry::global::tracer("app");
    carry(async { tracer.start("before").end() }).await;
    telemetry.flush().await.unwrap();
    assert_eq!(exporter.get_finished_spans().unwrap().len(), 1);
    // Closing the pipeline clears this exporter's memory, too.
    telemetry.shutdown().await.unwrap();
    tracer.start("after").end();
    assert_eq!(exporter.get_finished_spans().unwrap().len(), 0);
    let late = tracer.start("late");
    assert!(!late.is_recording());
}
