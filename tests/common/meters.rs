//! Measurements in memory, and how they must agree with the spans.

use std::{collections::BTreeMap, time::Duration};

use opentelemetry::{KeyValue, Value, trace::SpanKind};
use opentelemetry_sdk::{
    metrics::{
        InMemoryMetricExporter, PeriodicReader, SdkMeterProvider,
        data::{AggregatedMetrics, MetricData, ResourceMetrics},
    },
    trace::SpanData,
};

use super::{duration, text};

/// A provider whose measurements stay in memory.
pub struct Meters {
    exporter: InMemoryMetricExporter,
    pub provider: SdkMeterProvider,
}

/// What one instrument has measured with one set of attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub metric: String,
    pub unit: String,
    pub attributes: BTreeMap<String, Value>,
    pub data: Data,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Histogram {
        count: u64,
        sum: f64,
        bounds: Vec<f64>,
    },
    Sum(i64),
}

impl Meters {
    pub fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone())
            .with_interval(Duration::from_secs(3600))
            .build();
        Self {
            exporter,
            provider: SdkMeterProvider::builder().with_reader(reader).build(),
        }
    }

    /// All that was measured so far.
    pub fn points(&self) -> Vec<Point> {
        self.exporter.reset();
        self.provider.force_flush().unwrap();
        let collected = self.exporter.get_finished_metrics().unwrap();
        collected.last().map(points).unwrap_or_default()
    }

    /// The points of one metric.
    pub fn of(&self, metric: &str) -> Vec<Point> {
        let mut points = self.points();
        points.retain(|point| point.metric == metric);
        points
    }

    /// The one point of a metric.
    #[track_caller]
    pub fn only(&self, metric: &str) -> Point {
        let mut points = self.of(metric);
        assert_eq!(points.len(), 1, "{metric}: {points:#?}");
        points.remove(0)
    }
}

impl Point {
    pub fn text(&self, key: &str) -> Option<String> {
        self.attributes.get(key).map(ToString::to_string)
    }

    /// How many measurements.
    #[track_caller]
    pub fn count(&self) -> u64 {
        match &self.data {
            Data::Histogram { count, .. } => *count,
            Data::Sum(_) => panic!("no histogram: {self:#?}"),
        }
    }

    /// What they come to.
    pub fn sum(&self) -> f64 {
        match &self.data {
            Data::Histogram { sum, .. } => *sum,
            Data::Sum(sum) => *sum as f64,
        }
    }

    /// The attributes as texts, in the order of their names.
    pub fn attributes(&self) -> Vec<(&str, String)> {
        let attributes = self.attributes.iter();
        attributes
            .map(|(key, value)| (&**key, value.to_string()))
            .collect()
    }
}

/// Checks that each span was measured once, by its own duration, error and attributes, and that nothing else was: what
/// is measured and what is recorded are one exchange.
#[track_caller]
pub fn check_against(points: &[Point], spans: &[SpanData]) {
    let mut wanted: BTreeMap<String, (u64, f64)> = BTreeMap::new();
    for span in spans {
        if let Some(series) = series_of(span) {
            let (count, sum) = wanted.entry(series).or_default();
            *count += 1;
            *sum += duration(span).as_secs_f64();
        }
    }
    let durations = points
        .iter()
        .filter(|point| point.metric.ends_with(".duration"));
    for point in durations {
        let series = series(&point.metric, |key| point.text(key));
        let (count, sum) = wanted
            .remove(&series)
            .unwrap_or_else(|| panic!("no span is {series}: {spans:#?}"));
        assert_eq!(point.count(), count, "{series}");
        // Sums of several depend on their order.
        let tolerance = if count == 1 { 0.0 } else { sum * 1e-9 };
        assert!(
            (point.sum() - sum).abs() <= tolerance,
            "{series}: {} is not {sum}",
            point.sum()
        );
    }
    assert!(wanted.is_empty(), "not measured: {wanted:#?}");
    for point in points {
        if point.metric.ends_with(".active_requests") {
            assert_eq!(point.sum(), 0.0, "{point:#?}");
        }
    }
}

fn series_of(span: &SpanData) -> Option<String> {
    let is_call = text(span, "rpc.system.name").is_some();
    let metric = match (&span.span_kind, is_call) {
        (SpanKind::Server, false) => "http.server.request.duration",
        (SpanKind::Client, false) => "http.client.request.duration",
        (SpanKind::Server, true) => "rpc.server.call.duration",
        (SpanKind::Client, true) => "rpc.client.call.duration",
        _ => return None,
    };
    Some(series(metric, |key| text(span, key)))
}

/// The attributes that a metric has of its span's, and that tests do not add to.
fn series(metric: &str, text: impl Fn(&str) -> Option<String>) -> String {
    let keys: &[&str] = match metric {
        "http.server.request.duration" => &[
            "http.request.method",
            "url.scheme",
            "http.route",
            "http.response.status_code",
            "network.protocol.version",
        ],
        "http.client.request.duration" => &[
            "http.request.method",
            "server.address",
            "server.port",
            "http.response.status_code",
            "network.protocol.version",
        ],
        "rpc.client.call.duration" => &[
            "rpc.system.name",
            "rpc.method",
            "rpc.status_code",
            "server.address",
            "server.port",
        ],
        // A stranger's method is none: `tests/metrics` has more of it.
        _ => &["rpc.system.name", "rpc.status_code"],
    };
    let mut series = metric.to_owned();
    for key in keys.iter().chain(&["error.type"]) {
        if let Some(value) = text(key) {
            series.push_str(&format!(" {key}={value}"));
        }
    }
    series
}

fn points(metrics: &ResourceMetrics) -> Vec<Point> {
    let mut points = Vec::new();
    for scope in metrics.scope_metrics() {
        assert_eq!(scope.scope().name(), "throughline");
        for metric in scope.metrics() {
            let mut push = |attributes: &mut dyn Iterator<Item = &KeyValue>, data| {
                points.push(Point {
                    metric: metric.name().to_owned(),
                    unit: metric.unit().to_owned(),
                    attributes: attributes
                        .map(|kv| (kv.key.to_string(), kv.value.clone()))
                        .collect(),
                    data,
                });
            };
            match metric.data() {
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                    for point in histogram.data_points() {
                        let data = Data::Histogram {
                            count: point.count(),
                            sum: point.sum(),
                            bounds: point.bounds().collect(),
                        };
                        push(&mut point.attributes(), data);
                    }
                }
                AggregatedMetrics::U64(MetricData::Histogram(histogram)) => {
                    for point in histogram.data_points() {
                        let data = Data::Histogram {
                            count: point.count(),
                            sum: point.sum() as f64,
                            bounds: point.bounds().collect(),
                        };
                        push(&mut point.attributes(), data);
                    }
                }
                AggregatedMetrics::I64(MetricData::Sum(sum)) => {
                    for point in sum.data_points() {
                        push(&mut point.attributes(), Data::Sum(point.value()));
                    }
                }
                AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                    for point in sum.data_points() {
                        push(&mut point.attributes(), Data::Sum(point.value() as i64));
                    }
                }
                other => panic!("{}: {other:?}", metric.name()),
            }
        }
    }
    points
}
