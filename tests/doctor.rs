//! `Telemetry::report`: what it says of a pipeline, and of who answers.

mod collector;

use std::{
    collections::HashMap,
    env::temp_dir,
    fs, process,
    sync::{Arc, Mutex, mpsc},
};

use axum::{Router, body::Body, routing::get};
use collector::{Answer, Collector, PATIENCE, nobody};
use http::Request;
use opentelemetry_sdk::trace::{InMemorySpanExporter, Sampler, SdkTracerProvider};
use throughline::{
    ServerLayer, Setup, Telemetry,
    otel::{self, SetupExt},
};
use tower::ServiceExt;

fn setup(vars: &[(&str, &str)]) -> Setup {
    let vars: HashMap<String, String> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(|_| {})
}

/// The report, made where it may block.
async fn report(telemetry: Telemetry) -> (Telemetry, String) {
    let made = tokio::task::spawn_blocking(move || {
        let report = telemetry.report().to_string();
        (telemetry, report)
    });
    made.await.unwrap()
}

#[track_caller]
fn has(report: &str, line: &str) {
    assert!(
        report.lines().any(|other| other.trim() == line),
        "no {line:?} in\n{report}"
    );
}

async fn serve(telemetry: &Telemetry) {
    let app = Router::new()
        .route("/", get(|| async { "" }))
        .layer(ServerLayer::new().telemetry(telemetry));
    let request = Request::get("/").body(Body::empty()).unwrap();
    drop(app.oneshot(request).await.unwrap());
}

#[tokio::test]
async fn it_says_what_was_read_and_who_answers_and_no_secret() {
    let collector = Collector::start();
    let url = format!("http://user:hush@{}/?token=hush", collector.address);
    let gone = format!("{}/v1/metrics", nobody());
    let telemetry = setup(&[
        ("OTEL_SERVICE_NAME", "orders"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &gone),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hush"),
        ("OTEL_BSP_SCHEDULE_DELAY", "often"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
    ])
    .service_name("code")
    .variable("OTEL_EXPORTER_OTLP_COMPRESSION", "None")
    .build()
    .unwrap();
    serve(&telemetry).await;
    // Nobody takes the metrics.
    telemetry.flush().await.ok();
    let (telemetry, said) = report(telemetry).await;
    assert!(!said.contains("hush"), "{said}");
    for line in [
        r#"OTEL_EXPORTER_OTLP_HEADERS="…""#,
        r#"OTEL_BSP_SCHEDULE_DELAY="often", of which not all is right: see the warnings"#,
        "resource.service.name = code (code)",
        "traces.otlp.schedule_delay = 5000 ms (default)",
        r#"OTEL_EXPORTER_OTLP_COMPRESSION="None", by code"#,
        "logs.otlp.compression = none (OTEL_EXPORTER_OTLP_COMPRESSION, by code)",
        "traces.otlp.headers = api-key=… (OTEL_EXPORTER_OTLP_HEADERS)",
        "propagators = tracecontext,baggage (default)",
        "made 1: acknowledged 1, rejected 0, dropped 0 (queue full 0, undelivered 0, closed 0), unknown 0, queued 0",
    ] {
        has(&said, line);
    }
    let traces = format!("http://{}/v1/traces", collector.address);
    has(
        &said,
        &format!("traces.otlp.endpoint = {traces} (OTEL_EXPORTER_OTLP_ENDPOINT)"),
    );
    has(&said, &format!("traces {traces}: answers"));
    assert!(
        said.contains(&format!("metrics {gone}: Connection refused")),
        "{said}"
    );
    // This build's own lock file.
    assert!(said.contains("\n  0.33.1 alone ("), "{said}");
    // The question carries no span, and says who asks as any export does.
    let calls = collector.calls();
    let asked = calls.last().unwrap();
    assert!(asked.spans.is_empty());
    assert_eq!(asked.headers["api-key"], "hush");
    drop(telemetry);
}

#[tokio::test]
async fn a_collector_that_refuses_or_hangs() {
    let refuses = Collector::answering(Answer::Status(401));
    let hangs = Collector::answering(Answer::Never);
    for (collector, want) in [
        (refuses, "it answers 401 Unauthorized"),
        (hangs, "does not answer within 2 s"),
    ] {
        let telemetry = setup(&[("OTEL_METRICS_EXPORTER", "none")])
            .endpoint(collector.url())
            .build()
            .unwrap();
        let (telemetry, said) = report(telemetry).await;
        has(
            &said,
            &format!("traces {}/v1/traces: {want}", collector.url()),
        );
        drop(telemetry);
    }
}

/// Nobody listens on any of them at this address.
#[tokio::test]
async fn a_port_that_is_the_other_protocol_s_is_told_of() {
    for (protocol, port, hint) in [
        (
            "grpc",
            4318,
            Some("4318 is the port of OTLP over HTTP, and this is gRPC"),
        ),
        (
            "http/protobuf",
            4317,
            Some("4317 is the port of gRPC, and this is OTLP over HTTP"),
        ),
        ("grpc", 4317, None),
        ("http/protobuf", 4318, None),
    ] {
        let telemetry = setup(&[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                &format!("http://127.9.9.9:{port}"),
            ),
            ("OTEL_METRICS_EXPORTER", "none"),
        ]);
        let (_telemetry, said) = report(telemetry.build().unwrap()).await;
        let mut lines = said.lines();
        let answer = lines.find(|line| line.starts_with("  traces http"));
        let answer = answer.unwrap_or_else(|| panic!("{said}"));
        match hint {
            Some(hint) => assert!(answer.contains(hint), "{answer}"),
            None => assert!(!answer.contains("the port of"), "{answer}"),
        }
    }
}

#[tokio::test]
async fn parts_of_ones_own_are_named() {
    let telemetry = setup(&[("OTEL_METRICS_EXPORTER", "none")])
        .exporter(InMemorySpanExporter::default())
        .sampler(Sampler::AlwaysOn)
        .resource_attribute("shard", 3_i64)
        .build()
        .unwrap();
    let (_telemetry, said) = report(telemetry).await;
    for line in [
        "traces.exporters = 1 (code)",
        "traces.sampler = your own (code)",
        "resource.shard = 3 (code)",
        "metrics.exporters = none (OTEL_METRICS_EXPORTER)",
    ] {
        has(&said, line);
    }
    assert!(!said.contains("collectors"), "{said}");

    let provider = SdkTracerProvider::builder().build();
    let (_telemetry, said) = report(otel::telemetry(&provider)).await;
    has(&said, "a provider of your own: no more is known of it");

    let telemetry = setup(&[("OTEL_SDK_DISABLED", "true")]).build().unwrap();
    let (_telemetry, said) = report(telemetry).await;
    has(&said, "disabled = true (OTEL_SDK_DISABLED)");
    assert!(!said.contains("traces."), "{said}");
}

#[tokio::test]
async fn a_file_is_quoted_by_its_lines() {
    let path = temp_dir().join(format!("throughline-doctor-{}.yaml", process::id()));
    let yaml = "file_format: '1.0'
attribute_limits: {attribute_count_limit: 7}
tracer_provider:
  sampler: {always_on: }
  processors:
    - batch:
        schedule_delay: ${DELAY}
        exporter: {otlp_http: {endpoint: '${URL:-http://127.0.0.1:1}/x'}}
";
    fs::write(&path, yaml).unwrap();
    let vars = [
        ("OTEL_CONFIG_FILE", path.to_str().unwrap()),
        ("DELAY", "123"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ];
    let telemetry = setup(&vars).build().unwrap();
    fs::remove_file(&path).unwrap();
    let (_telemetry, said) = report(telemetry).await;
    for line in [
        "DELAY, to which the file refers: set",
        "URL, to which the file refers: not set",
        "traces.sampler = always_on (line 4 of the file)",
        "traces.otlp.schedule_delay = 123 ms (line 7 of the file)",
        "traces.otlp.max_queue_size = 2048 (default)",
        "traces.otlp.endpoint = http://127.0.0.1:1/x (line 8 of the file)",
        "traces.attribute_count_limit = 7 (line 2 of the file)",
        "propagators = none (default)",
    ] {
        has(&said, line);
    }
    assert!(!said.contains("OTEL_TRACES_SAMPLER"), "{said}");
}

#[tokio::test]
async fn debug_tells_it_at_the_start() {
    for (level, is_told) in [("debug", true), ("info", false)] {
        let (sender, told) = mpsc::channel();
        let sender = Arc::new(Mutex::new(sender));
        let setup = setup(&[("OTEL_LOG_LEVEL", level), ("OTEL_TRACES_EXPORTER", "none")]);
        let telemetry = setup
            .on_warning(move |text| drop(sender.lock().unwrap().send(text.to_owned())))
            .build()
            .unwrap();
        if is_told {
            let text = told.recv_timeout(PATIENCE).unwrap();
            has(&text, "log_level = debug (OTEL_LOG_LEVEL)");
        }
        drop(telemetry);
        // The last that could tell is gone, and said no more.
        assert!(told.recv_timeout(PATIENCE).is_err(), "{level}");
    }
}
