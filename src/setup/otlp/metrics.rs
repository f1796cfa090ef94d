//! Metrics by OTLP.

use std::time::Duration;

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest, metrics::v1::metric::Data,
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{self, data::ResourceMetrics, exporter::PushMetricExporter},
};

use super::Line;
use crate::setup::settings::Temporality;

/// The SDK's reader encodes, the export thread sends.
#[derive(Debug)]
pub(in crate::setup) struct MetricExporter {
    line: Line,
    temporality: Temporality,
}

impl MetricExporter {
    pub(super) fn new(line: Line, temporality: Temporality) -> Self {
        Self { line, temporality }
    }
}

impl PushMetricExporter for MetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let request = ExportMetricsServiceRequest::from(metrics);
        let count = points(&request);
        // Nothing was measured.
        if count > 0 {
            let parcel = self.line.courier.pack(&request);
            self.line.send(parcel, count).await;
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> metrics::Temporality {
        match self.temporality {
            Temporality::Cumulative => metrics::Temporality::Cumulative,
            Temporality::Delta => metrics::Temporality::Delta,
            Temporality::LowMemory => metrics::Temporality::LowMemory,
        }
    }
}

fn points(request: &ExportMetricsServiceRequest) -> u64 {
    let metrics = request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics)
        .flat_map(|scope| &scope.metrics);
    let points = metrics.filter_map(|metric| {
        Some(match metric.data.as_ref()? {
            Data::Gauge(data) => data.data_points.len(),
            Data::Sum(data) => data.data_points.len(),
            Data::Histogram(data) => data.data_points.len(),
            Data::ExponentialHistogram(data) => data.data_points.len(),
            Data::Summary(data) => data.data_points.len(),
        })
    });
    points.sum::<usize>() as u64
}
