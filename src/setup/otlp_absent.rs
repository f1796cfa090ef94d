//! In place of OTLP, where its features are off.

use std::{sync::Arc, time::Duration};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{LogBatch, LogExporter},
    metrics::{self, data::ResourceMetrics, exporter::PushMetricExporter},
    trace::SpanData,
};

use super::{
    batch::Exit,
    error::SetupError,
    ledger::{Ledger, Signal},
    report::Report,
    settings::{Otlp, Temporality},
    transport::{Failure, Taken, thread::Thread},
};

/// Whether this build can send by OTLP.
pub(super) const IS_BUILT: bool = false;

/// An exporter that there is none of.
#[derive(Debug)]
pub(super) enum Absent {}

pub(super) fn spans(_settings: &Otlp) -> Result<Absent, SetupError> {
    Err(error("OTEL_TRACES_EXPORTER", "spans"))
}

pub(super) fn logs(
    _settings: &Otlp,
    _thread: &Thread,
    _report: &Report,
) -> Result<(Absent, Arc<Ledger>), SetupError> {
    Err(error("OTEL_LOGS_EXPORTER", "log records"))
}

pub(super) fn metrics(
    _settings: &Otlp,
    _temporality: Temporality,
    _thread: &Thread,
    _report: &Report,
) -> Result<(Absent, Arc<Ledger>), SetupError> {
    Err(error("OTEL_METRICS_EXPORTER", "metrics"))
}

pub(super) async fn probe(_settings: &Otlp, _signal: Signal) -> Result<(), String> {
    Err("this build is without OTLP".to_owned())
}

fn error(variable: &str, signal: &str) -> SetupError {
    SetupError::new(format!(
        "no exporter: {signal} are sent by OTLP unless {variable} says otherwise, and OTLP needs throughline's feature \
         `otlp-http` or `otlp-grpc`, which this build is without; console and none need no feature"
    ))
}

impl Exit for Absent {
    type Parcel = ();

    fn set_resource(&mut self, _resource: &Resource) {
        match *self {}
    }

    fn pack(&mut self, _spans: Vec<SpanData>) {
        match *self {}
    }

    async fn attempt(&mut self, _parcel: &mut ()) -> Result<Taken, Failure> {
        match *self {}
    }

    async fn close(&mut self) {
        match *self {}
    }
}

impl LogExporter for Absent {
    async fn export(&self, _batch: LogBatch<'_>) -> OTelSdkResult {
        match *self {}
    }
}

impl PushMetricExporter for Absent {
    async fn export(&self, _metrics: &ResourceMetrics) -> OTelSdkResult {
        match *self {}
    }

    fn force_flush(&self) -> OTelSdkResult {
        match *self {}
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        match *self {}
    }

    fn temporality(&self) -> metrics::Temporality {
        match *self {}
    }
}
