//! Whether there is a reason to send: what set-up says of itself is none while it stays as it is.

use std::sync::{Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry_sdk::metrics::{
    Temporality,
    data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics, Sum},
};

use crate::setup::counted::SCOPE;

/// What one exporter has been given last.
#[derive(Debug, Default)]
pub(super) struct Idle {
    last: Mutex<Vec<Point>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Point {
    metric: String,
    attributes: Vec<KeyValue>,
    value: i128,
    /// Since the last time: any is news.
    is_delta: bool,
}

impl Idle {
    /// Whether it says more than the last did: anything that others measured, or a count of set-up's that has changed.
    pub(super) fn is_news(&self, metrics: &ResourceMetrics) -> bool {
        let (own, others): (Vec<_>, Vec<_>) = metrics
            .scope_metrics()
            .partition(|scope| scope.scope().name() == SCOPE);
        let now: Vec<Point> = own
            .iter()
            .flat_map(|scope| scope.metrics())
            .flat_map(points)
            .collect();
        let is_other = others.iter().any(|scope| scope.metrics().next().is_some());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let has_changed = now
            .iter()
            .any(|point| point.is_delta || !last.contains(point));
        *last = now;
        is_other || has_changed
    }

    /// What it was given last has not arrived: all of it is news once more.
    pub(super) fn forget(&self) {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Without what a delta has not moved.
fn points(metric: &Metric) -> Vec<Point> {
    match metric.data() {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => of_sum(metric, sum),
        AggregatedMetrics::I64(MetricData::Sum(sum)) => of_sum(metric, sum),
        // A view may make something else of them.
        _ => Vec::new(),
    }
}

fn of_sum<T: Copy + Into<i128>>(metric: &Metric, sum: &Sum<T>) -> Vec<Point> {
    let is_delta = sum.temporality() == Temporality::Delta;
    let points = sum.data_points().map(|point| {
        let mut attributes: Vec<_> = point.attributes().cloned().collect();
        // The SDK gives them in any order.
        attributes.sort_by(|one, other| one.key.cmp(&other.key));
        Point {
            metric: metric.name().to_owned(),
            attributes,
            value: point.value().into(),
            is_delta,
        }
    });
    points
        .filter(|point| !is_delta || point.value != 0)
        .collect()
}
