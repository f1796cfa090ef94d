//! Log records on their way to a real collector.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, routing::get};
use opentelemetry::{InstrumentationScope, logs::LogRecord as _};
use opentelemetry_proto::tonic::{common::v1::any_value::Value, logs::v1::LogRecord};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord},
};
use throughline::{ServerLayer, Setup, Telemetry, otel::SetupLogsExt};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{layer::SubscriberExt, registry};

use crate::{
    collector::{Answer, Collector, PATIENCE},
    common::net::{get as request, http1, read, serve_axum},
};

fn pipeline(
    collector: &Collector,
    limit: Duration,
    variables: &'static [(&'static str, &'static str)],
) -> (Telemetry, DefaultGuard) {
    let telemetry = Setup::new()
        .lookup(move |name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            Some(found?.1.to_owned())
        })
        .service_name("shop")
        .endpoint(collector.url())
        .shutdown_timeout(limit)
        .build()
        .unwrap();
    let subscriber = registry()
        .with(telemetry.spans_layer().unwrap())
        .with(telemetry.logs_layer().unwrap());
    (telemetry, tracing::subscriber::set_default(subscriber))
}

fn records(collector: &Collector) -> Vec<LogRecord> {
    let calls = collector.calls();
    calls.iter().flat_map(|call| call.records("logs")).collect()
}

#[tokio::test]
async fn records_arrive_with_the_ids_of_the_spans_that_arrive() {
    let collector = Collector::start();
    let (telemetry, _subscriber) =
        pipeline(&collector, PATIENCE, &[("OTEL_METRICS_EXPORTER", "none")]);
    let handler = async || tracing::warn!(sku = "socks", "low");
    let layer = ServerLayer::new().telemetry(&telemetry);
    let addr = serve_axum(Router::new().route("/", get(handler)).layer(layer)).await;
    read(http1().request(request(addr, "/")).await.unwrap()).await;
    telemetry.shutdown().await.unwrap();

    let calls = collector.calls();
    let spans = calls.iter().flat_map(|call| &call.spans);
    let spans = spans.flat_map(|spans| &spans.scope_spans[0].spans);
    let span = spans.into_iter().find(|span| span.name == "GET /").unwrap();
    let records = records(&collector);
    let [record] = &records[..] else {
        panic!("{records:#?}");
    };
    assert_eq!(record.trace_id, span.trace_id);
    assert_eq!(record.span_id, span.span_id);
    assert_eq!(record.flags, 3);
    assert_eq!(record.severity_text, "WARN");
    let body = record.body.as_ref().unwrap().value.as_ref().unwrap();
    assert_eq!(*body, Value::StringValue("low".to_owned()));
    assert_eq!(record.attributes[0].key, "sku");

    let logs = calls.iter().find(|call| call.path == "/v1/logs").unwrap();
    let resource = logs.logs[0].resource.as_ref().unwrap();
    let name = resource
        .attributes
        .iter()
        .find(|pair| pair.key == "service.name")
        .unwrap();
    let name = name.value.as_ref().unwrap().value.as_ref().unwrap();
    assert_eq!(*name, Value::StringValue("shop".to_owned()));
}

#[tokio::test]
async fn batches_are_as_large_as_the_variables_say() {
    let collector = Collector::start();
    let (telemetry, _subscriber) = pipeline(
        &collector,
        PATIENCE,
        &[
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "2"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "3600000"),
        ],
    );
    for number in 0..5 {
        tracing::info!(number, "counted");
    }
    telemetry.flush().await.unwrap();
    assert_eq!(records(&collector).len(), 5);
    for call in collector.calls() {
        assert!(call.records("").len() <= 2, "{call:#?}");
    }
    drop(telemetry);
}

type Variables = &'static [(&'static str, &'static str)];

const COUNT: &str = "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT";
const LENGTH: &str = "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT";
const ANY_COUNT: &str = "OTEL_ATTRIBUTE_COUNT_LIMIT";
const ANY_LENGTH: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";

/// Attributes beyond the 128 that a record has unless it is said otherwise.
#[derive(Debug)]
struct Many;

impl LogProcessor for Many {
    fn emit(&self, record: &mut SdkLogRecord, _scope: &InstrumentationScope) {
        for number in 0..200 {
            record.add_attribute(format!("more.{number}"), "äöüäöüäöüäöü");
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

/// A log record's own variables beat those of all attributes; a body has no limit.
#[tokio::test]
async fn what_arrives_is_within_the_limits() {
    let cases: [(Variables, usize, usize); 6] = [
        (&[], 128, 12),
        (&[(COUNT, "3"), (LENGTH, "5")], 3, 5),
        (&[(ANY_COUNT, "4"), (ANY_LENGTH, "6")], 4, 6),
        (
            &[
                (ANY_COUNT, "4"),
                (COUNT, "7"),
                (ANY_LENGTH, "6"),
                (LENGTH, "2"),
            ],
            7,
            2,
        ),
        (&[(ANY_LENGTH, "6"), (COUNT, "2")], 2, 6),
        (&[(COUNT, "0")], 0, 0),
    ];
    for (limits, count, length) in cases {
        let collector = Collector::start();
        let telemetry = Setup::new()
            .lookup(move |name| {
                let found = limits.iter().find(|(key, _)| *key == name);
                Some(found?.1.to_owned())
            })
            .endpoint(collector.url())
            .log_processor(Many)
            .on_warning(|_| {})
            .build()
            .unwrap();
        let subscriber = registry().with(telemetry.logs_layer().unwrap());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(first = "äöüäöüäöüäöü", "a body as long as it is");
        });
        telemetry.shutdown().await.unwrap();
        let records = records(&collector);
        let [record] = &records[..] else {
            panic!("{limits:?}: {records:#?}");
        };
        let body = record.body.as_ref().unwrap().value.as_ref().unwrap();
        assert_eq!(
            *body,
            Value::StringValue("a body as long as it is".to_owned())
        );
        assert_eq!(record.attributes.len(), count, "{limits:?}");
        let text: String = "äöüäöüäöüäöü".chars().take(length).collect();
        for attribute in &record.attributes {
            let value = attribute.value.as_ref().unwrap().value.as_ref().unwrap();
            assert_eq!(*value, Value::StringValue(text.clone()), "{limits:?}");
        }
    }
}

#[tokio::test]
async fn a_collector_that_never_answers_does_not_hold_up_the_end() {
    let collector = Collector::answering(Answer::Never);
    let (telemetry, _subscriber) = pipeline(
        &collector,
        Duration::from_millis(500),
        &[
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_TRACES_EXPORTER", "none"),
        ],
    );
    tracing::info!("never heard of again");
    let error = telemetry.shutdown().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

/// The collector holds the first batch, so that the queue is full.
#[tokio::test]
async fn what_the_queue_has_no_room_for_is_told_at_the_end() {
    let collector = Collector::start();
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&warnings);
    let telemetry = Setup::new()
        .lookup(|name| match name {
            "OTEL_METRICS_EXPORTER" | "OTEL_TRACES_EXPORTER" => Some("none".to_owned()),
            "OTEL_BLRP_MAX_QUEUE_SIZE" => Some("4".to_owned()),
            "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE" => Some("4".to_owned()),
            "OTEL_BLRP_SCHEDULE_DELAY" => Some("3600000".to_owned()),
            _ => None,
        })
        .endpoint(collector.url())
        .on_warning(move |text| told.lock().unwrap().push(text.to_owned()))
        .build()
        .unwrap();
    let subscriber = registry().with(telemetry.logs_layer().unwrap());
    const MADE: usize = 10_000;
    tracing::subscriber::with_default(subscriber, || {
        for number in 0..MADE {
            tracing::info!(number, "in a hurry");
        }
    });
    telemetry.shutdown().await.unwrap();
    let arrived = records(&collector).len();
    assert!(arrived < MADE, "the queue was never full");
    let warnings = warnings.lock().unwrap();
    let lost = format!("{} log records were lost for want of room", MADE - arrived);
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains(&lost), "{lost}: {warnings:#?}");
}

#[tokio::test]
async fn exporters_are_made_for_whoever_asks_for_them() {
    let collector = Collector::start();
    let telemetry = Setup::new()
        .lookup(|_| None)
        .endpoint(collector.url())
        .build()
        .unwrap();
    tracing::info!("there is no layer");
    telemetry.shutdown().await.unwrap();
    let calls = collector.calls();
    assert!(
        calls.iter().all(|call| call.path != "/v1/logs"),
        "{calls:#?}"
    );
}
