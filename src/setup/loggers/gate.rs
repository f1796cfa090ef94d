//! The queue in front of an exporter of log records.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::{InstrumentationScope, logs::Severity};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    logs::{
        BatchConfigBuilder, BatchLogProcessor, LogExporter, LogProcessor, SdkLogRecord,
        SimpleLogProcessor,
    },
};

use crate::setup::{ledger::Ledger, settings::Batch};

/// A processor of the SDK's that is left alone once it is shut: it would complain of each record, in a record.
#[derive(Debug)]
pub(super) struct Gate {
    processor: Box<dyn LogProcessor>,
    is_shut: AtomicBool,
    made: AtomicU64,
    /// The last flush or shutdown took too long, which the provider does not tell apart.
    is_late: Arc<AtomicBool>,
    /// The exporter's.
    ledger: Option<Arc<Ledger>>,
}

impl Gate {
    /// Exports batches, from a thread of its own; or without a queue each record at once, on the thread that made it.
    pub(super) fn to(
        exporter: impl LogExporter + 'static,
        batch: Option<Batch>,
        ledger: Option<Arc<Ledger>>,
    ) -> Self {
        Self {
            processor: match batch {
                Some(batch) => Box::new(queue(exporter, batch)),
                None => Box::new(SimpleLogProcessor::new(exporter)),
            },
            is_shut: AtomicBool::new(false),
            made: AtomicU64::new(0),
            is_late: Arc::default(),
            ledger,
        }
    }

    pub(super) fn ledger(&self) -> Option<Arc<Ledger>> {
        self.ledger.clone()
    }

    pub(super) fn lateness(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_late)
    }

    fn in_time(&self, result: OTelSdkResult) -> OTelSdkResult {
        let is_late = matches!(result, Err(OTelSdkError::Timeout(_)));
        self.is_late.store(is_late, Ordering::Relaxed);
        result
    }

    fn is_open(&self) -> bool {
        !self.is_shut.load(Ordering::Relaxed)
    }
}

impl LogProcessor for Gate {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.is_open() {
            self.made.fetch_add(1, Ordering::Relaxed);
            self.processor.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.in_time(self.processor.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.is_shut.store(true, Ordering::Relaxed);
        let result = self.in_time(self.processor.shutdown_with_timeout(timeout));
        if result.is_ok()
            && let Some(ledger) = &self.ledger
        {
            // What never reached the exporter.
            let made = self.made.load(Ordering::Relaxed);
            ledger.queue_full(made.saturating_sub(ledger.settled().sum()));
        }
        result
    }

    fn event_enabled(&self, level: Severity, target: &str, name: Option<&str>) -> bool {
        self.is_open() && self.processor.event_enabled(level, target, name)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.processor.set_resource(resource);
    }
}

fn queue<E: LogExporter + 'static>(exporter: E, batch: Batch) -> BatchLogProcessor {
    // All of them, so that the SDK looks for none by itself.
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(batch.queue)
        .with_max_export_batch_size(batch.size)
        .with_scheduled_delay(batch.delay)
        .build();
    BatchLogProcessor::builder(exporter)
        .with_batch_config(config)
        .build()
}
