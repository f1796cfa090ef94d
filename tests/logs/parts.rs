//! The layers of a pipeline in a subscriber of one's own.

use std::sync::{Arc, Mutex};

use axum::{Router, routing::get};
use opentelemetry::{
    Context, InstrumentationScope,
    logs::{AnyValue, LogRecord, Severity},
    trace::{Status, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord},
    trace::{InMemorySpanExporter, SdkTracerProvider, SpanData},
};
use throughline::{
    ServerLayer, Setup, Telemetry, carry,
    logs::WithTraceIds,
    otel::{SetupExt, SetupLogsExt},
};
use tokio::task::yield_now;
use tracing::{Instrument, subscriber::DefaultGuard};
use tracing_subscriber::{Registry, fmt, layer::SubscriberExt, registry};

use crate::{
    common::{
        is_child, named,
        net::{get as request, http1, read, serve_axum},
    },
    kept::{Kept, Records, attribute, body},
};

type Variables = &'static [(&'static str, &'static str)];

/// A pipeline into memory, and a subscriber of its parts for this thread.
struct Parts {
    telemetry: Telemetry,
    provider: SdkTracerProvider,
    spans: InMemorySpanExporter,
    records: Records,
    lines: Kept,
    subscriber: DefaultGuard,
}

impl Parts {
    fn new() -> Self {
        Self::with(&[], |setup| setup)
    }

    fn with(variables: Variables, more: impl FnOnce(Setup) -> Setup) -> Self {
        let (spans, records, lines) = (
            InMemorySpanExporter::default(),
            Records::default(),
            Kept::default(),
        );
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let setup = setup(variables)
            .provider(provider.clone())
            .log_exporter(records.clone());
        let telemetry = more(setup).build().unwrap();
        let format = fmt::layer().with_ansi(false).with_writer(lines.clone());
        let subscriber = registry()
            .with(telemetry.spans_layer().unwrap())
            .with(telemetry.logs_layer().unwrap())
            .with(format.map_event_format(WithTraceIds::new));
        Self {
            telemetry,
            provider,
            spans,
            records,
            lines,
            subscriber: tracing::subscriber::set_default(subscriber),
        }
    }

    fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().unwrap()
    }

    /// Those of this test.
    async fn records(&self) -> Vec<SdkLogRecord> {
        self.telemetry.flush().await.unwrap();
        self.records.of("logs")
    }
}

fn setup(variables: Variables) -> Setup {
    Setup::new().lookup(move |name| {
        let mut variables = [("OTEL_METRICS_EXPORTER", "none")].iter().chain(variables);
        let found = variables.find(|(key, _)| *key == name);
        Some(found?.1.to_owned())
    })
}

#[tokio::test]
async fn spans_of_tracing_and_of_opentelemetry_nest_both_ways() {
    let parts = Parts::new();
    let tracer = parts.provider.tracer("app");
    let handler = async move || {
        async {
            yield_now().await;
            tracing::info!("in outer");
            let own = Context::current_with_span(tracer.start("own"));
            let task = {
                let _current = own.clone().attach();
                tracing::info!("in own");
                carry(async {
                    yield_now().await;
                    let task = tracing::info_span!("in a task");
                    async {
                        yield_now().await;
                        tracing::info!("in the task");
                    }
                    .instrument(task)
                    .await;
                })
            };
            tokio::spawn(task).await.unwrap();
            own.span().end();
        }
        .instrument(tracing::info_span!("outer"))
        .await;
        tracing::info!("in the request");
    };
    let layer = ServerLayer::new().telemetry(&parts.telemetry);
    let addr = serve_axum(Router::new().route("/", get(handler)).layer(layer)).await;
    read(http1().request(request(addr, "/")).await.unwrap()).await;

    let records = parts.records().await;
    let spans = parts.spans();
    for (child, parent) in [("outer", "GET /"), ("own", "outer"), ("in a task", "own")] {
        assert!(
            is_child(named(&spans, child), named(&spans, parent)),
            "{child}: {spans:#?}"
        );
    }

    // The record, the line and the span agree.
    let want = [
        ("in outer", "outer"),
        ("in own", "own"),
        ("in the task", "in a task"),
        ("in the request", "GET /"),
    ];
    assert_eq!(records.len(), want.len(), "{records:#?}");
    for (record, (text, span)) in records.iter().zip(want) {
        let span = &named(&spans, span).span_context;
        let context = record.trace_context().unwrap();
        assert_eq!(body(record), text);
        assert_eq!(context.trace_id, span.trace_id(), "{text}");
        assert_eq!(context.span_id, span.span_id(), "{text}");
        let ids = format!("trace_id={} span_id={} ", span.trace_id(), span.span_id());
        let line = parts.lines.line(text);
        assert!(line.contains(&ids), "{line}");
    }
}

#[tokio::test]
async fn a_record_is_what_the_event_was() {
    let parts = Parts::new();
    tracing::warn!(sku = "socks", left = 2, ratio = 0.5, fresh = true, "low");
    tracing::info_span!("failing").in_scope(|| tracing::error!("it broke"));
    let records = parts.records().await;
    let [low, broke] = &records[..] else {
        panic!("{records:#?}");
    };
    assert_eq!(body(low), "low");
    assert_eq!(low.severity_number(), Some(Severity::Warn));
    assert_eq!(low.severity_text(), Some("WARN"));
    assert_eq!(low.target().unwrap(), "logs::parts");
    assert!(low.observed_timestamp().is_some());
    assert_eq!(attribute(low, "sku"), Some(&AnyValue::from("socks")));
    assert_eq!(attribute(low, "left"), Some(&AnyValue::Int(2)));
    assert_eq!(attribute(low, "ratio"), Some(&AnyValue::Double(0.5)));
    assert_eq!(attribute(low, "fresh"), Some(&AnyValue::Boolean(true)));
    assert_eq!(low.trace_context(), None, "there is no trace");

    let spans = parts.spans();
    let failing = named(&spans, "failing");
    let context = broke.trace_context().unwrap();
    assert_eq!(context.span_id, failing.span_context.span_id());
    assert!(matches!(failing.status, Status::Error { .. }));
}

/// Whatever is said where telemetry is suppressed, as on every thread that exports.
#[tokio::test]
async fn what_an_exporter_says_goes_nowhere_but_to_the_lines() {
    let parts = Parts::new();
    {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        tracing::error!("lost connection");
        // As h2 makes them: a root, whatever is current.
        let root = tracing::info_span!(parent: None, "Connection");
        root.in_scope(|| {
            tracing::trace!("frame");
            tracing::trace_span!("poll").in_scope(|| tracing::debug!("flushed"));
        });
    }
    // One that outlives the suppression.
    let outside = tracing::info_span!("outside");
    outside.in_scope(|| tracing::info!("heard"));
    drop(outside);

    let records = parts.records().await;
    let bodies: Vec<_> = records.iter().map(body).collect();
    assert_eq!(bodies, ["heard"]);
    let names: Vec<_> = parts.spans().iter().map(|span| span.name.clone()).collect();
    assert_eq!(names, ["outside"]);
    assert!(parts.lines.text().contains("lost connection"));
}

#[tokio::test]
async fn attributes_are_held_to_their_limits() {
    let variables = &[
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
    ];
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&warnings);
    let parts = Parts::with(variables, |setup| {
        setup
            .log_processor(Nested)
            .on_warning(move |text| told.lock().unwrap().push(text.to_owned()))
    });
    let _span = tracing::info_span!("outer").entered();
    tracing::info!(one = "grüße", "a body as long as it is");
    let records = parts.records().await;
    let [record] = &records[..] else {
        panic!("{records:#?}");
    };
    let kept: Vec<_> = record.attributes_iter().cloned().collect();
    let list = AnyValue::ListAny(Box::new(vec![AnyValue::from("lon"), AnyValue::Int(12345)]));
    assert_eq!(
        kept,
        [("one".into(), AnyValue::from("grü")), ("list".into(), list)]
    );
    // The rest of it is as it was.
    assert_eq!(body(record), "a body as long as it is");
    assert_eq!(record.target().unwrap(), "logs::parts");
    assert_eq!(record.severity_number(), Some(Severity::Info));
    assert_eq!(record.severity_text(), Some("INFO"));
    assert!(record.event_name().is_some());
    assert!(record.observed_timestamp().is_some());
    assert!(record.trace_context().is_some());

    tracing::info!("fits, but for what the processor adds");
    assert_eq!(parts.records().await.len(), 2);
    // Told once.
    let warnings = warnings.lock().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let limits = "beyond the limits (2 of them, 3 characters each)";
    assert!(warnings[0].contains(limits), "{warnings:?}");
}

/// Adds what `tracing` has no word for.
#[derive(Debug)]
struct Nested;

impl LogProcessor for Nested {
    fn emit(&self, record: &mut SdkLogRecord, _scope: &InstrumentationScope) {
        let list = vec![AnyValue::from("longer"), AnyValue::Int(12345)];
        record.add_attribute("list", AnyValue::ListAny(Box::new(list)));
        record.add_attribute("last", "beyond");
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

#[tokio::test]
async fn what_was_logged_before_the_end_is_exported() {
    for dropped in [false, true] {
        let parts = Parts::new();
        tracing::info!("last words");
        if dropped {
            drop(parts.telemetry);
        } else {
            parts.telemetry.shutdown().await.unwrap();
        }
        tracing::info!("after the end");
        let bodies: Vec<_> = parts.records.of("logs").iter().map(body).collect();
        assert_eq!(bodies, ["last words"]);
        let lines = parts.lines.text();
        assert_eq!(lines.lines().count(), 2, "nobody complains: {lines}");
        drop(parts.subscriber);
    }
}

#[test]
fn a_provider_of_the_user_s_own_has_its_tracer_elsewhere() {
    let provider = SdkTracerProvider::builder().build();
    let telemetry = throughline::otel::telemetry(&provider);
    let error = telemetry.spans_layer::<Registry>().map(|_| ()).unwrap_err();
    assert!(
        error.to_string().contains("tracing_opentelemetry"),
        "{error}"
    );
    let error = telemetry.logs_layer::<Registry>().map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("appender"), "{error}");
}

#[test]
fn a_disabled_pipeline_has_layers_that_do_nothing() {
    let records = Records::default();
    let telemetry = setup(&[("OTEL_SDK_DISABLED", "true")])
        .log_exporter(records.clone())
        .build()
        .unwrap();
    let lines = Kept::default();
    let subscriber = registry()
        .with(telemetry.spans_layer().unwrap())
        .with(telemetry.logs_layer().unwrap())
        .with(fmt::layer().with_writer(lines.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!("span").entered();
        tracing::info!("heard");
        assert!(throughline::current_ids().is_none());
        drop(span);
    });
    drop(telemetry);
    assert!(lines.text().contains("heard"));
    assert!(records.all().is_empty());
}

#[test]
fn no_exporter_is_a_layer_that_does_nothing() {
    let telemetry = setup(&[
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ])
    .build()
    .unwrap();
    let subscriber = registry().with(telemetry.logs_layer().unwrap());
    tracing::subscriber::with_default(subscriber, || tracing::info!("heard by nobody"));
}
