//! The meter provider of a set-up: which readers it has, what they send, and what people are told.

mod collector;

use std::{collections::HashMap, env, process::Command, sync::Arc, time::Duration};

use collector::{Answer, Collector, PATIENCE, metrics, nobody};
use opentelemetry::{
    KeyValue,
    metrics::{Meter, MeterProvider},
};
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric, metric::Data};
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, Instrument, PeriodicReader, SdkMeterProvider, Stream,
};
use throughline::{
    Setup, Telemetry,
    otel::{self, SetupExt},
};
use tokio::sync::watch;

type Vars<'a> = &'a [(&'a str, &'a str)];

#[derive(Clone, Default)]
struct Warnings(Arc<watch::Sender<Vec<String>>>);

impl Warnings {
    fn all(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    async fn wait(&self) {
        let mut all = self.0.subscribe();
        let told = tokio::time::timeout(PATIENCE, all.wait_for(|all| !all.is_empty()));
        told.await.unwrap().unwrap();
    }
}

/// A setup that sees these variables and no others, and exports no spans.
fn setup(vars: Vars<'_>) -> (Setup, Warnings) {
    let mut vars: HashMap<String, String> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for name in ["OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER"] {
        vars.insert(name.to_owned(), "none".to_owned());
    }
    let warnings = Warnings::default();
    let kept = warnings.clone();
    let setup = Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(move |text| kept.0.send_modify(|all| all.push(text.to_owned())));
    (setup, warnings)
}

fn meter(telemetry: &Telemetry) -> Meter {
    otel::meter_provider(telemetry).unwrap().meter("orders")
}

/// One of each kind, with two values.
fn measure(meter: &Meter) {
    let route = [KeyValue::new("route", "/a")];
    let counter = meter.u64_counter("counter").build();
    let balance = meter.i64_up_down_counter("balance").build();
    let histogram = meter.f64_histogram("histogram").build();
    let own = meter
        .f64_histogram("own")
        .with_boundaries(vec![1.0, 2.0])
        .build();
    for _ in 0..2 {
        counter.add(1, &route);
        balance.add(-1, &route);
        histogram.record(1.5, &route);
        own.record(1.5, &route);
    }
}

fn temporality(metric: &Metric) -> AggregationTemporality {
    let number = match metric.data.as_ref().unwrap() {
        Data::Sum(data) => data.aggregation_temporality,
        Data::Histogram(data) => data.aggregation_temporality,
        Data::ExponentialHistogram(data) => data.aggregation_temporality,
        other => panic!("{other:?}"),
    };
    AggregationTemporality::try_from(number).unwrap()
}

/// How many values were recorded, of the only data point.
fn count(metric: &Metric) -> u64 {
    match metric.data.as_ref().unwrap() {
        Data::Histogram(data) => data.data_points[0].count,
        Data::ExponentialHistogram(data) => data.data_points[0].count,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn by_otlp_unless_said_otherwise_and_for_the_last_time_at_the_end() {
    let collector = Collector::start();
    let (setup, warnings) = setup(&[("OTEL_SERVICE_NAME", "shop")]);
    let telemetry = setup.endpoint(collector.url()).build().unwrap();
    measure(&meter(&telemetry));
    telemetry.shutdown().await.unwrap();

    let exports = collector.wait_for_metrics(1);
    assert_eq!(exports.len(), 1, "none before its time");
    let resource = &exports[0][0];
    let attributes = &resource.resource.as_ref().unwrap().attributes;
    let name = attributes.iter().find(|one| one.key == "service.name");
    assert!(format!("{name:?}").contains("shop"), "{attributes:?}");
    assert_eq!(
        resource.scope_metrics[0].scope.as_ref().unwrap().name,
        "orders"
    );
    assert_eq!(metrics(resource).len(), 4);
    for metric in metrics(resource) {
        assert_eq!(temporality(&metric), AggregationTemporality::Cumulative);
    }
    let Some(Data::Histogram(own)) = collector.metric("own").data else {
        panic!("a histogram of buckets")
    };
    assert_eq!(own.data_points[0].explicit_bounds, [1.0, 2.0]);
    assert_eq!(own.data_points[0].bucket_counts, [0, 2, 0]);
    assert_eq!(warnings.all(), [""; 0]);
}

#[tokio::test]
async fn at_the_interval_and_at_a_flush() {
    let collector = Collector::start();
    let vars = [("OTEL_METRIC_EXPORT_INTERVAL", "20")];
    let telemetry = setup(&vars).0.endpoint(collector.url()).build().unwrap();
    measure(&meter(&telemetry));
    collector.wait_for_metrics(3);
    assert_eq!(count(&collector.metric("histogram")), 2, "cumulative");
    drop(telemetry);

    let collector = Collector::start();
    let telemetry = setup(&[]).0.endpoint(collector.url()).build().unwrap();
    measure(&meter(&telemetry));
    telemetry.flush().await.unwrap();
    assert_eq!(collector.wait_for_metrics(1).len(), 1);
    measure(&meter(&telemetry));
    drop(telemetry);
    assert_eq!(collector.wait_for_metrics(2).len(), 2);
    assert_eq!(count(&collector.metric("histogram")), 4);
}

#[tokio::test]
async fn the_temporality_is_a_preference_by_kind() {
    use AggregationTemporality::{Cumulative, Delta};
    let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    for (preference, sums, histograms) in [
        ("cumulative", Cumulative, Cumulative),
        ("Delta", Delta, Delta),
        ("lowmemory", Delta, Delta),
    ] {
        let collector = Collector::start();
        let telemetry = setup(&[(name, preference)]).0;
        let telemetry = telemetry.endpoint(collector.url()).build().unwrap();
        measure(&meter(&telemetry));
        telemetry.flush().await.unwrap();
        for (metric, want) in [
            ("counter", sums),
            ("balance", Cumulative),
            ("histogram", histograms),
        ] {
            let metric = collector.metric(metric);
            assert_eq!(temporality(&metric), want, "{preference}: {metric:?}");
        }
        measure(&meter(&telemetry));
        telemetry.shutdown().await.unwrap();
        let all = if histograms == Delta { 2 } else { 4 };
        assert_eq!(count(&collector.metric("histogram")), all, "{preference}");
    }
}

const AGGREGATION: (&str, &str) = (
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
    "base2_exponential_bucket_histogram",
);

#[tokio::test]
async fn histograms_can_be_exponential() {
    let collector = Collector::start();
    let telemetry = setup(&[AGGREGATION]).0;
    // A view of the user's is left to itself, and not doubled.
    let renamed = |instrument: &Instrument| {
        let is_it = instrument.name() == "viewed";
        is_it.then(|| Stream::builder().with_name("renamed").build().ok())?
    };
    let telemetry = telemetry
        .endpoint(collector.url())
        .view(renamed)
        .build()
        .unwrap();
    let meter = meter(&telemetry);
    measure(&meter);
    meter.f64_histogram("viewed").build().record(1.0, &[]);
    telemetry.shutdown().await.unwrap();

    // Buckets of an instrument's own are advice for explicit ones.
    for name in ["histogram", "own"] {
        let metric = collector.metric(name);
        let Some(Data::ExponentialHistogram(data)) = &metric.data else {
            panic!("{metric:?}")
        };
        assert_eq!(data.data_points[0].count, 2);
        assert_eq!(data.data_points[0].scale, 20, "of one value, the finest");
    }
    let exports = collector.wait_for_metrics(1);
    let mut names: Vec<_> = metrics(&exports[0][0])
        .into_iter()
        .map(|metric| metric.name)
        .collect();
    names.sort();
    assert_eq!(names, ["balance", "counter", "histogram", "own", "renamed"]);
    assert!(matches!(
        collector.metric("counter").data,
        Some(Data::Sum(_))
    ));
}

#[tokio::test]
async fn beside_prometheus_histograms_have_buckets() {
    let collector = Collector::start();
    let (setup, warnings) = setup(&[
        AGGREGATION,
        ("OTEL_METRICS_EXPORTER", "otlp,prometheus"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
    ]);
    let telemetry = setup.endpoint(collector.url()).build().unwrap();
    assert!(telemetry.prometheus_address().is_some());
    measure(&meter(&telemetry));
    telemetry.shutdown().await.unwrap();
    let metric = collector.metric("histogram");
    assert!(
        matches!(metric.data, Some(Data::Histogram(_))),
        "{metric:?}"
    );
    let warnings = warnings.all();
    assert!(
        warnings.len() == 1 && warnings[0].contains(AGGREGATION.0),
        "{warnings:?}"
    );
}

/// Jaeger answers so.
#[tokio::test]
async fn a_collector_that_takes_no_metrics_is_told_of_once() {
    let collector = Collector::start();
    collector.answer_metrics(Answer::Status(404));
    let (setup, warnings) = setup(&[("OTEL_METRIC_EXPORT_INTERVAL", "10")]);
    let telemetry = setup.endpoint(collector.url()).build().unwrap();
    measure(&meter(&telemetry));
    collector.wait_for_metrics(5);
    telemetry.shutdown().await.unwrap();
    let warnings = warnings.all();
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    for part in ["OTEL_METRICS_EXPORTER=none", "404", "/v1/metrics"] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
}

#[tokio::test]
async fn nobody_there_is_told_of_once_and_is_the_end_in_time() {
    let (setup, warnings) = setup(&[
        ("OTEL_METRIC_EXPORT_INTERVAL", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "100"),
    ]);
    let telemetry = setup.endpoint(nobody()).build().unwrap();
    measure(&meter(&telemetry));
    warnings.wait().await;
    let lost = telemetry.shutdown().await.unwrap_err();
    assert_eq!(lost.spans_lost(), 0);
    assert!(lost.to_string().contains("metrics"), "{lost}");
    assert_eq!(warnings.all().len(), 1, "{:?}", warnings.all());
}

/// The SDK's reader gives up after 5 seconds; a deadline may be longer, and is shorter here.
#[tokio::test]
async fn a_collector_that_never_answers_does_not_hold_the_end_up() {
    let collector = Collector::start();
    collector.answer_metrics(Answer::Never);
    let telemetry = setup(&[]).0.endpoint(collector.url());
    let telemetry = telemetry.shutdown_timeout(Duration::from_millis(300));
    let telemetry = telemetry.build().unwrap();
    measure(&meter(&telemetry));
    let lost = telemetry.shutdown().await.unwrap_err();
    assert!(lost.is_timeout(), "{lost}");
    assert!(lost.to_string().contains("metrics"), "{lost}");
}

#[tokio::test]
async fn the_end_waits_as_long_as_it_may() {
    let collector = Collector::start();
    collector.answer_metrics(Answer::After(Duration::from_secs(6)));
    let telemetry = setup(&[]).0.endpoint(collector.url());
    let telemetry = telemetry.shutdown_timeout(PATIENCE).build().unwrap();
    measure(&meter(&telemetry));
    telemetry.shutdown().await.unwrap();
}

#[test]
fn none_is_no_provider() {
    for vars in [
        [("OTEL_METRICS_EXPORTER", "none")],
        [("OTEL_SDK_DISABLED", "true")],
    ] {
        let telemetry = setup(&vars).0.build().unwrap();
        assert!(otel::meter_provider(&telemetry).is_none(), "{vars:?}");
    }
}

#[tokio::test]
async fn a_reader_in_code_is_instead_of_those_of_the_environment() {
    let collector = Collector::start();
    let memory = InMemoryMetricExporter::default();
    let telemetry = setup(&[]).0.endpoint(collector.url());
    let telemetry = telemetry
        .reader(PeriodicReader::builder(memory.clone()).build())
        .view(|instrument: &Instrument| {
            let is_it = instrument.name() == "counter";
            is_it.then(|| Stream::builder().with_name("renamed").build().ok())?
        })
        .resource_attribute("service.version", "1.2")
        .build()
        .unwrap();
    measure(&meter(&telemetry));
    telemetry.flush().await.unwrap();
    let exports = memory.get_finished_metrics().unwrap();
    let version = exports[0].resource().get(&"service.version".into());
    assert_eq!(version.unwrap().to_string(), "1.2");
    let scope = exports[0].scope_metrics().next().unwrap();
    let names: Vec<_> = scope
        .metrics()
        .map(|metric| metric.name().to_owned())
        .collect();
    assert!(names.contains(&"renamed".to_owned()), "{names:?}");
    assert!(!names.contains(&"counter".to_owned()), "{names:?}");
    telemetry.shutdown().await.unwrap();
    assert!(
        memory.get_finished_metrics().unwrap().len() > 1,
        "at the end"
    );
    // What would have come by OTLP would have come before.
    assert_eq!(collector.metrics_so_far(), 0);
}

#[tokio::test]
async fn a_provider_in_code_is_used_and_ended() {
    let memory = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(memory.clone())
        .build();
    let telemetry = setup(&[])
        .0
        .meter_provider(provider.clone())
        .build()
        .unwrap();
    measure(&meter(&telemetry));
    telemetry.shutdown().await.unwrap();
    assert_eq!(memory.get_finished_metrics().unwrap().len(), 1);
    assert!(provider.shutdown().is_err(), "it is shut down already");
}

/// In a process of its own, whose output is read.
#[test]
fn the_console_prints_what_was_measured() {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "console_child", "--nocapture", "--ignored"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for part in ["counter", "histogram", "route", "/a"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
#[ignore = "the other half of the_console_prints_what_was_measured"]
fn console_child() {
    let vars = [("OTEL_METRICS_EXPORTER", "console")];
    let telemetry = setup(&vars).0.build().unwrap();
    measure(&meter(&telemetry));
    drop(telemetry);
}
