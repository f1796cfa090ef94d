//! What became of spans, as metrics: the very numbers of `Telemetry::counts`, wherever metrics go, and no reason of their
//! own to send anything.

mod collector;

use std::{
    collections::{BTreeMap, HashMap},
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use axum::{Router, body::Body, http::StatusCode, routing::get};
use collector::{Answer, Collector, metrics};
use futures_util::FutureExt;
use http::Request;
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value},
    metrics::v1::{NumberDataPoint, metric::Data, number_data_point},
};
use opentelemetry_sdk::metrics::{Aggregation, Instrument, Stream};
use throughline::{ServerLayer, Setup, SpanCounts, Tail, TailCounts, Telemetry, otel::SetupExt};
use tower::ServiceExt;

const PROCESSED: &str = "otel.sdk.processor.span.processed";
const WAITING: &str = "otel.sdk.processor.span.queue.size";
const CAPACITY: &str = "otel.sdk.processor.span.queue.capacity";
const EXPORTED: &str = "otel.sdk.exporter.span.exported";
const IN_FLIGHT: &str = "otel.sdk.exporter.span.inflight";
const DECIDED: &str = "throughline.tail.span.decided";
const UNDECIDED: &str = "throughline.tail.span.waiting";

const DELTA: (&str, &str) = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
const QUEUE: u64 = 16;

/// By metric, and by what tells its series apart.
type Values = BTreeMap<(String, String), i64>;

fn setup(vars: &[(&str, &str)]) -> Setup {
    let vars: HashMap<String, String> = vars
        .iter()
        .chain(&[("OTEL_LOGS_EXPORTER", "none")])
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(|_| {})
}

/// Requests that are spans, and no measurements. Every other one fails.
fn serve(telemetry: &Telemetry, count: u64) {
    let fails = || async { StatusCode::BAD_GATEWAY };
    let app = Router::new()
        .route("/0", get(|| async { "" }))
        .route("/1", get(fails))
        .layer(ServerLayer::new().telemetry(telemetry).metrics(false));
    for number in 0..count {
        let request = Request::get(format!("/{}", number % 2));
        let request = request.body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).now_or_never();
        drop(response.unwrap().unwrap());
    }
}

fn points(collector: &Collector) -> Vec<(String, NumberDataPoint)> {
    let exports = collector.wait_for_metrics(1);
    let all = exports.iter().flatten().flat_map(metrics);
    let points = all.flat_map(|metric| {
        let Some(Data::Sum(sum)) = metric.data else {
            panic!("{metric:#?}")
        };
        let name = metric.name;
        sum.data_points
            .into_iter()
            .map(move |point| (name.clone(), point))
    });
    points.collect()
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

/// What was exported last of each series; of the deltas of counters, the sums.
fn values(collector: &Collector, deltas: bool) -> Values {
    let mut values = Values::new();
    for (name, point) in points(collector) {
        let label = ["error.type", "throughline.tail.decision"]
            .iter()
            .find_map(|key| text(&point.attributes, key));
        let Some(number_data_point::Value::AsInt(number)) = point.value else {
            panic!("{point:?}")
        };
        let is_counter = [PROCESSED, EXPORTED, DECIDED].contains(&&*name);
        let value = values.entry((name, label.unwrap_or_default()));
        let value = value.or_default();
        *value = if deltas && is_counter {
            *value + number
        } else {
            number
        };
    }
    values
}

#[track_caller]
fn agree(values: &Values, counts: SpanCounts) {
    let of = |metric: &str, label: &str| {
        let value = values.get(&(metric.to_owned(), label.to_owned()));
        u64::try_from(*value.unwrap_or_else(|| panic!("no {metric} {label}: {values:#?}"))).unwrap()
    };
    let exported = [
        (of(EXPORTED, ""), counts.acknowledged),
        (of(EXPORTED, "rejected"), counts.rejected),
        (of(EXPORTED, "undelivered"), counts.dropped_undelivered),
        (of(EXPORTED, "unknown"), counts.unknown),
    ];
    let over = exported.map(|(metric, count)| {
        assert_eq!(metric, count, "{values:#?}, {counts:?}");
        metric
    });
    let exported: u64 = over.iter().sum();
    assert_eq!(of(PROCESSED, "queue_full"), counts.dropped_queue_full);
    let late = of(PROCESSED, "already_shutdown") + of(PROCESSED, "shutdown_timeout");
    assert_eq!(late, counts.dropped_closed);
    assert_eq!(of(WAITING, "") + of(IN_FLIGHT, ""), counts.queued);
    assert_eq!(of(PROCESSED, ""), exported + of(IN_FLIGHT, ""));
    assert_eq!(
        counts.made,
        of(PROCESSED, "") + of(PROCESSED, "queue_full") + late + of(WAITING, "")
    );
    assert_eq!(of(CAPACITY, ""), QUEUE);
}

/// Through all that a collector may do.
#[tokio::test]
async fn each_count_is_a_metric() {
    for deltas in [false, true] {
        let collector = Collector::start();
        let url = collector.url();
        let mut vars = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
            ("OTEL_BSP_SCHEDULE_DELAY", "3600000"),
        ];
        if deltas {
            vars.push(DELTA);
        }
        let telemetry = setup(&vars).build().unwrap();
        let (mut made, mut rejected) = (0, 0);
        for (answer, spans, rejects) in [
            (Answer::Status(200), 3, 0),
            (Answer::AllBut(2), 5, 2),
            (Answer::Status(400), 4, 4),
            (Answer::Status(503), 2, 0),
            (Answer::HangUp, 1, 0),
            (Answer::Status(200), 6, 0),
        ] {
            collector.answer(answer);
            serve(&telemetry, spans);
            telemetry.flush().await.ok();
            (made, rejected) = (made + spans, rejected + rejects);
            let counts = telemetry.counts();
            assert_eq!(
                (counts.made, counts.rejected, counts.queued),
                (made, rejected, 0),
                "{answer:?}"
            );
            agree(&values(&collector, deltas), counts);
        }
        let counts = telemetry.counts();
        let nowhere = (counts.dropped_undelivered, counts.unknown);
        assert_eq!((counts.acknowledged, nowhere), (12, (2, 1)), "{counts:?}");

        // More than the queue holds, while nothing leaves it.
        collector.answer(Answer::HangUp);
        serve(&telemetry, 10 * QUEUE);
        telemetry.flush().await.ok();
        let counts = telemetry.counts();
        assert!(counts.dropped_queue_full > 0, "{counts:?}");
        agree(&values(&collector, deltas), counts);

        collector.answer(Answer::AllBut(1));
        serve(&telemetry, 2);
        let counts = telemetry.counts_reader();
        telemetry.shutdown().await.ok();
        let counts = counts();
        assert_eq!(counts.queued, 0);
        agree(&values(&collector, deltas), counts);
    }
}

#[tokio::test]
async fn their_attributes_are_the_conventions() {
    let collector = Collector::start();
    let telemetry = setup(&[]).endpoint(collector.url()).build().unwrap();
    serve(&telemetry, 1);
    telemetry.shutdown().await.unwrap();
    let port = collector.address.port().to_string();
    for (name, point) in points(&collector) {
        let of = |key: &str| text(&point.attributes, key);
        let (kind, server) = match &*name {
            EXPORTED | IN_FLIGHT => (
                "otlp_http_span_exporter",
                (Some("127.0.0.1".to_owned()), Some(port.clone())),
            ),
            PROCESSED | WAITING | CAPACITY => ("batching_span_processor", (None, None)),
            other => panic!("{other}"),
        };
        assert_eq!(of("otel.component.type").as_deref(), Some(kind));
        assert_eq!(of("otel.component.name"), Some(format!("{kind}/0")));
        assert_eq!((of("server.address"), of("server.port")), server, "{name}");
    }
}

/// Each has an account of its own.
#[tokio::test]
async fn two_exporters_are_told_apart() {
    let collector = Collector::start();
    let url = collector.url();
    let telemetry = setup(&[
        ("OTEL_TRACES_EXPORTER", "otlp,zipkin"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", &collector::nobody()),
        ("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "200"),
    ])
    .build()
    .unwrap();
    serve(&telemetry, 2);
    telemetry.shutdown().await.ok();
    let mut seen = BTreeMap::new();
    for (name, point) in points(&collector) {
        if name == EXPORTED
            && let Some(number_data_point::Value::AsInt(number @ 1..)) = point.value
        {
            let of = |key: &str| text(&point.attributes, key).unwrap_or_default();
            let is_well = of("error.type").is_empty();
            seen.insert(of("otel.component.name"), (is_well, number));
        }
    }
    let want = [
        ("otlp_http_span_exporter/0", true, 2),
        ("zipkin_http_span_exporter/0", false, 2),
    ];
    let want = want.map(|(name, is_well, number)| (name.to_owned(), (is_well, number)));
    assert_eq!(seen, BTreeMap::from(want));
}

#[tokio::test]
async fn what_tail_sampling_did_is_a_metric_and_in_the_report() {
    let collector = Collector::start();
    let setup = setup(&[]).endpoint(collector.url());
    let telemetry = setup.keep_errors_and_slow(Tail::new()).build().unwrap();
    serve(&telemetry, 7);
    telemetry.flush().await.unwrap();
    let TailCounts {
        kept,
        discarded,
        lost,
        waiting,
        ..
    } = telemetry.tail_counts().unwrap();
    assert_eq!([kept, discarded, lost, waiting], [3, 4, 0, 0]);
    let values = values(&collector, false);
    for (metric, label, want) in [
        (DECIDED, "kept", 3),
        (DECIDED, "discarded", 4),
        (DECIDED, "lost", 0),
        (UNDECIDED, "", 0),
        // What is not kept is not made.
        (EXPORTED, "", 3),
    ] {
        let key = (metric.to_owned(), label.to_owned());
        assert_eq!(values[&key], want, "{metric} {label}");
    }
    let report = tokio::task::spawn_blocking(move || telemetry.report().to_string());
    let report = report.await.unwrap();
    let line = "  kept 3, discarded 4, lost 0, waiting 0";
    assert!(report.lines().any(|other| other == line), "{report}");
}

/// Neither before there is a span, nor once there is no further one; whatever others would send.
#[tokio::test]
async fn they_are_no_reason_to_send_anything() {
    for temporality in [("OTEL_UNUSED", ""), DELTA] {
        let collector = Collector::start();
        let url = collector.url();
        let vars = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*url),
            ("OTEL_METRIC_EXPORT_INTERVAL", "10"),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
            temporality,
        ];
        let telemetry = setup(&vars).build().unwrap();
        let idle = Duration::from_millis(300);
        thread::sleep(idle);
        assert_eq!(collector.metrics_so_far(), 0, "nothing was made");
        for round in 1..=2 {
            serve(&telemetry, 1);
            telemetry.flush().await.unwrap();
            assert_eq!(telemetry.counts().acknowledged, round);
            let before = collector.metrics_so_far();
            assert!(before > 0);
            thread::sleep(idle);
            assert_eq!(collector.metrics_so_far(), before, "nothing has changed");
            let exported = (EXPORTED.to_owned(), String::new());
            let values = values(&collector, temporality == DELTA);
            assert_eq!(values[&exported], i64::try_from(round).unwrap());
        }
    }
}

/// What did not get there is news until it does; what was refused is not sent again.
#[tokio::test]
async fn what_did_not_arrive_is_sent_once_more() {
    for (status, again) in [(503, 1), (400, 0)] {
        let collector = Collector::start();
        let telemetry = setup(&[]).endpoint(collector.url()).build().unwrap();
        collector.answer_metrics(Answer::Status(status));
        serve(&telemetry, 3);
        telemetry.flush().await.ok();
        let before = collector.wait_for_metrics(1).len();
        collector.answer_metrics(Answer::Status(200));
        telemetry.flush().await.ok();
        assert_eq!(collector.metrics_so_far(), before + again, "{status}");
        telemetry.flush().await.ok();
        telemetry.shutdown().await.ok();
        assert_eq!(collector.metrics_so_far(), before + again, "{status}");
        let exported = (EXPORTED.to_owned(), String::new());
        assert_eq!(values(&collector, false)[&exported], 3);
    }
}

/// The last metrics are sent after that.
#[tokio::test]
async fn what_is_given_up_at_the_end_is_measured() {
    let collector = Collector::answering(Answer::Never);
    let telemetry = setup(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
    ]);
    let telemetry = telemetry
        .endpoint(collector.url())
        .shutdown_timeout(Duration::from_secs(8))
        .build()
        .unwrap();
    serve(&telemetry, 3);
    let counts = telemetry.counts_reader();
    let lost = telemetry.shutdown().await.unwrap_err();
    assert!(lost.is_timeout(), "{lost}");
    let counts = counts();
    assert_eq!(
        (counts.unknown, counts.dropped_closed),
        (1, 2),
        "{counts:?}"
    );
    let values = values(&collector, false);
    assert_eq!(
        values[&(PROCESSED.to_owned(), "shutdown_timeout".to_owned())],
        2
    );
    agree(&values, counts);
}

#[tokio::test]
async fn a_view_that_drops_one_leaves_the_others() {
    for dropped in [PROCESSED, WAITING, EXPORTED] {
        let collector = Collector::start();
        let drops = move |instrument: &Instrument| {
            let stream = Stream::builder().with_aggregation(Aggregation::Drop);
            (instrument.name() == dropped).then(|| stream.build().ok())?
        };
        let setup = setup(&[]).endpoint(collector.url());
        let telemetry = setup.view(drops).build().unwrap();
        for made in [2, 5] {
            serve(&telemetry, made);
            telemetry.flush().await.unwrap();
            let values = values(&collector, false);
            let made = i64::try_from(telemetry.counts().made).unwrap();
            for metric in [PROCESSED, EXPORTED] {
                let key = (metric.to_owned(), String::new());
                let want = (metric != dropped).then_some(&made);
                assert_eq!(values.get(&key), want, "{metric} without {dropped}");
            }
        }
    }
}

#[tokio::test]
async fn an_address_has_no_brackets() {
    let collector = Collector::start();
    let telemetry = setup(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://[::1]:1"),
    ]);
    let telemetry = telemetry.build().unwrap();
    serve(&telemetry, 1);
    telemetry.shutdown().await.unwrap_err();
    let points = points(&collector);
    let addresses = points
        .iter()
        .filter_map(|(_, point)| text(&point.attributes, "server.address"));
    let addresses: Vec<_> = addresses.collect();
    assert!(!addresses.is_empty());
    assert!(addresses.iter().all(|one| one == "::1"), "{addresses:?}");
}

#[tokio::test]
async fn prometheus_finds_them() {
    let collector = Collector::answering(Answer::Status(400));
    let url = collector.url();
    let telemetry = setup(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
    ])
    .build()
    .unwrap();
    let address = telemetry.prometheus_address().unwrap();
    let page = || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(!page().contains("otel_sdk_"), "nothing was made");
    serve(&telemetry, 3);
    telemetry.flush().await.unwrap_err();
    let page = page();
    let found = page.lines().find(|line| {
        line.starts_with("otel_sdk_exporter_span_exported_total{")
            && line.contains("error_type=\"rejected\"")
    });
    assert!(found.unwrap().ends_with(" 3"), "{page}");
}
