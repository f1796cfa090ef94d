//! `Setup::subscriber`: a process has one subscriber, so there is one test, and others have processes of their own.

#[path = "logs/kept.rs"]
mod kept;

use std::{env, process::Command};

use axum::{Router, body::Body, routing::get};
use http::Request;
use kept::{Kept, Records, body};
use opentelemetry::trace::{Status, Tracer};
use opentelemetry_sdk::trace::InMemorySpanExporter;
use serde_json::Value;
use throughline::{
    ServerLayer, Setup, Subscriber,
    otel::{SetupExt, SetupLogsExt},
};
use tower::ServiceExt;

/// Where all of it goes.
#[derive(Default)]
struct Memory {
    spans: InMemorySpanExporter,
    records: Records,
    lines: Kept,
}

impl Memory {
    fn setup(&self) -> Setup {
        Setup::new()
            .lookup(|name| match name {
                "RUST_LOG" => Some("subscriber=loud".to_owned()),
                "OTEL_METRICS_EXPORTER" => Some("none".to_owned()),
                "OTEL_TRACES_SAMPLER" => Some("nonsense".to_owned()),
                _ => None,
            })
            .exporter(self.spans.clone())
            .log_exporter(self.records.clone())
    }

    fn subscriber(&self) -> Subscriber {
        Subscriber::json()
            .default_filter("warn")
            .writer(self.lines.clone())
    }

    fn lines(&self) -> Vec<Value> {
        let text = self.lines.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

#[tracing::instrument]
async fn handler() -> &'static str {
    // The globals are those of `init`, whoever installed what first.
    opentelemetry::global::tracer("app").in_span("own", |_| {
        tracing::warn!("within");
    });
    tracing::info!("filtered");
    tracing::error!("failed");
    log::warn!("by the other crate");
    tracing::debug_span!("detail").in_scope(|| ());
    "done"
}

#[tokio::test]
async fn one_call_installs_lines_spans_and_records() {
    // Nothing is half done: what fails leaves the process as it was.
    let memory = Memory::default();
    for (wrong, call) in [
        (
            memory.subscriber().filter("app=loud"),
            "Subscriber::filter(\"app=loud\")",
        ),
        (
            memory.subscriber().default_filter("=="),
            "Subscriber::default_filter(\"==\")",
        ),
        (memory.subscriber().spans("=="), "Subscriber::spans(\"==\")"),
    ] {
        let error = memory.setup().subscriber(wrong).init().unwrap_err();
        assert!(error.to_string().contains(call), "{error}");
    }
    let error = memory
        .setup()
        .subscriber(memory.subscriber())
        .build()
        .unwrap_err();
    assert!(error.to_string().contains("Setup::build"), "{error}");
    tracing::error!("nobody listens");
    assert_eq!(memory.lines.text(), "");

    let telemetry = memory
        .setup()
        .subscriber(memory.subscriber())
        // Over the environment's.
        .variable("RUST_LOG", "subscriber=shrill")
        .variable("NO_COLOR", "1")
        .init()
        .unwrap();
    // What was wrong with the variables is said through the subscriber that was to come.
    let lines = memory.lines();
    let texts: Vec<_> = lines
        .iter()
        .map(|line| line["fields"]["message"].as_str().unwrap())
        .collect();
    assert_eq!(texts.len(), 2, "{texts:#?}");
    assert!(
        texts[0].starts_with("OTEL_TRACES_SAMPLER=\"nonsense\""),
        "{texts:#?}"
    );
    assert!(
        texts[1].starts_with("RUST_LOG=\"subscriber=shrill\" cannot be read"),
        "{texts:#?}"
    );
    assert!(texts[1].ends_with("warn is used instead"), "{texts:#?}");
    assert!(lines.iter().all(|line| line.get("trace_id").is_none()));

    let app = Router::new()
        .route("/", get(handler))
        .layer(ServerLayer::new());
    app.oneshot(Request::get("/").body(Body::empty()).unwrap())
        .await
        .unwrap();
    telemetry.flush().await.unwrap();

    let spans = memory.spans.get_finished_spans().unwrap();
    let mut names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    names.sort_unstable();
    // Whatever the lines are filtered by; but no more detail than is asked for.
    assert_eq!(names, ["GET /", "handler", "own"]);
    let span = |name| spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(
        span("handler").parent_span_id,
        span("GET /").span_context.span_id()
    );
    assert_eq!(
        span("own").parent_span_id,
        span("handler").span_context.span_id()
    );
    assert!(matches!(span("handler").status, Status::Error { .. }));
    let events: Vec<_> = span("handler").events.iter().collect();
    assert_eq!(events.len(), 1, "the error alone: {events:#?}");

    let within = [
        ("within", "own"),
        ("failed", "handler"),
        ("by the other crate", "handler"),
    ];
    let lines = memory.lines().split_off(2);
    let records = memory.records.of("subscriber");
    assert_eq!(
        (lines.len(), records.len()),
        (3, 3),
        "{lines:#?} {records:#?}"
    );
    for ((line, record), (text, name)) in lines.iter().zip(&records).zip(within) {
        let context = &span(name).span_context;
        assert_eq!(line["fields"]["message"], text);
        assert_eq!(line["trace_id"], context.trace_id().to_string());
        assert_eq!(line["span_id"], context.span_id().to_string());
        assert_eq!(line["target"], "subscriber");
        assert_eq!(body(record), text);
        assert_eq!(record.target().unwrap(), "subscriber");
        let ids = record.trace_context().unwrap();
        assert_eq!(
            (ids.trace_id, ids.span_id),
            (context.trace_id(), context.span_id())
        );
    }

    // A second one is refused, and the first goes on.
    let second = Memory::default();
    let error = second
        .setup()
        .subscriber(second.subscriber())
        .init()
        .unwrap_err();
    assert!(error.to_string().contains("already"), "{error}");
    tracing::warn!("to the first");
    opentelemetry::global::tracer("app").start("to the first as well");
    telemetry.flush().await.unwrap();
    assert_eq!(
        memory
            .lines
            .line("to the first")
            .matches("trace_id")
            .count(),
        0
    );
    assert_eq!(memory.records.of("subscriber").len(), 4);
    assert_eq!(memory.spans.get_finished_spans().unwrap().len(), 4);
    assert_eq!(second.lines.text(), "");
    assert!(second.records.all().is_empty());

    tracing::error!("last words");
    telemetry.shutdown().await.unwrap();
    assert_eq!(memory.records.of("subscriber").len(), 5);
}

/// What the subscriber of each format writes to stdout unless it is told otherwise.
#[test]
fn each_format_names_the_trace() {
    for (child, written) in [
        ("text_child", r#"subscriber: sold sku="socks" trace_id="#),
        ("compact_child", r#"subscriber: sold sku="socks" trace_id="#),
        ("pretty_child", "    with trace_id: "),
        ("json_child", r#""target":"subscriber","trace_id":""#),
    ] {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", child, "--nocapture", "--ignored"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let (_, ids) = text
            .split_once(written)
            .unwrap_or_else(|| panic!("{child}: {text}"));
        let id: String = ids.chars().take_while(char::is_ascii_hexdigit).collect();
        assert_eq!(id.len(), 32, "{child}: {text}");
        assert!(!text.contains('\u{1b}'), "no terminal, no colours: {text}");
    }
}

fn sell(subscriber: Subscriber) {
    let telemetry = Setup::new()
        .lookup(|name| name.ends_with("_EXPORTER").then(|| "none".to_owned()))
        .subscriber(subscriber)
        .init()
        .unwrap();
    opentelemetry::global::tracer("app").in_span("own", |_| {
        tracing::info!(sku = "socks", "sold");
    });
    drop(telemetry);
}

#[test]
#[ignore = "a part of each_format_names_the_trace"]
fn text_child() {
    sell(Subscriber::text());
}

#[test]
#[ignore = "a part of each_format_names_the_trace"]
fn compact_child() {
    sell(Subscriber::compact());
}

#[test]
#[ignore = "a part of each_format_names_the_trace"]
fn pretty_child() {
    sell(Subscriber::pretty());
}

#[test]
#[ignore = "a part of each_format_names_the_trace"]
fn json_child() {
    sell(Subscriber::json());
}
