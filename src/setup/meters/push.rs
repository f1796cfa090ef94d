//! Exporters that are fed at intervals, by a thread of the SDK's.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{PeriodicReader, Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
};

use super::idle::Idle;
use crate::setup::ledger::Ledger;

/// The moment at which a reader has sent its last.
#[derive(Clone, Debug, Default)]
pub(in crate::setup) struct End(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_here: Mutex<bool>,
    changed: Condvar,
}

/// An exporter that is given no more than there is to say, and tells its end: the SDK's reader waits 5 seconds for it,
/// whatever the deadline is.
#[derive(Debug)]
struct Telling<E> {
    exporter: E,
    /// Of an exporter that tells nobody else what becomes of what it is given.
    ledger: Option<Arc<Ledger>>,
    idle: Idle,
    end: End,
}

/// Reads at this interval, and once more at the end.
pub(super) fn reader(
    exporter: impl PushMetricExporter,
    ledger: Option<Arc<Ledger>>,
    interval: Duration,
) -> (PeriodicReader<impl PushMetricExporter>, End) {
    let end = End::default();
    let exporter = Telling {
        exporter,
        ledger,
        idle: Idle::default(),
        end: end.clone(),
    };
    let reader = PeriodicReader::builder(exporter).with_interval(interval);
    (reader.build(), end)
}

impl End {
    fn tell(&self) {
        *self
            .0
            .is_here
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }

    /// Whether it comes in this time.
    pub(super) fn wait(&self, timeout: Duration) -> bool {
        let is_here = self
            .0
            .is_here
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (is_here, _) = self
            .0
            .changed
            .wait_timeout_while(is_here, timeout, |is_here| !*is_here)
            .unwrap_or_else(PoisonError::into_inner);
        *is_here
    }
}

impl<E> Telling<E> {
    /// As much as did not arrive and is worth sending again: a refusal is an answer.
    fn missed(&self) -> u64 {
        self.ledger.as_ref().map_or(0, |ledger| {
            let settled = ledger.settled();
            settled.undelivered + settled.unknown
        })
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Telling<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        if !self.idle.is_news(metrics) {
            return Ok(());
        }
        let before = self.missed();
        let result = self.exporter.export(metrics).await;
        if result.is_err() || self.missed() != before {
            self.idle.forget();
        }
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    /// The reader calls it after its last export.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.exporter.shutdown_with_timeout(timeout);
        self.end.tell();
        result
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
