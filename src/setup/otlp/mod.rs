//! OTLP, by a client of our own: what the exporters of OpenTelemetry's SDK are made of depends on features that other
//! crates of a build enable.

mod answer;
mod courier;
mod logs;
mod metrics;
mod spans;

pub(super) use self::{logs::LogExporter, metrics::MetricExporter, spans::SpanExporter};

use std::sync::Arc;

use self::courier::{Courier, Parcel};
use super::{
    endpoint::Shown,
    error::SetupError,
    ledger::{Ledger, Signal},
    report::Report,
    settings::{Otlp, Temporality},
    transport::{
        Failure, Taken,
        delivery::{Attempt, Backoff, Fate, Terms},
        thread::{Running, Thread},
    },
    watch::Cause,
};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Sends a signal's parcels on the export thread, one after the other.
#[derive(Debug)]
struct Line {
    courier: Arc<Courier>,
    backoff: Arc<tokio::sync::Mutex<Backoff>>,
    settings: Otlp,
    thread: Running,
    ledger: Arc<Ledger>,
}

/// One parcel on its way.
struct Errand {
    courier: Arc<Courier>,
    ledger: Arc<Ledger>,
    parcel: Parcel,
}

/// An exporter of spans, which tells of outages on its own.
pub(super) fn spans(
    settings: &Otlp,
    cause: Cause,
    thread: &Thread,
) -> Result<SpanExporter, SetupError> {
    let silent = Report::to(|_| {});
    let line = Line::new(settings, TRACES, Signal::Spans, thread, &silent)?;
    Ok(SpanExporter::new(line, cause))
}

/// An exporter of log records, which tells of outages on its own: to the SDK it never fails.
pub(super) fn logs(
    settings: &Otlp,
    thread: &Thread,
    report: &Report,
) -> Result<(LogExporter, Arc<Ledger>), SetupError> {
    let line = Line::new(settings, LOGS, Signal::LogRecords, thread, report)?;
    let ledger = Arc::clone(&line.ledger);
    Ok((LogExporter::new(line), ledger))
}

/// Whether this build can send by OTLP.
pub(super) const IS_BUILT: bool = true;

/// An exporter of metrics, which tells of outages on its own: to the SDK it never fails.
pub(super) fn metrics(
    settings: &Otlp,
    temporality: Temporality,
    thread: &Thread,
    report: &Report,
) -> Result<(MetricExporter, Arc<Ledger>), SetupError> {
    let line = Line::new(settings, METRICS, Signal::DataPoints, thread, report)?;
    let ledger = Arc::clone(&line.ledger);
    Ok((MetricExporter::new(line, temporality), ledger))
}

impl Line {
    fn new(
        settings: &Otlp,
        method: &'static str,
        signal: Signal,
        thread: &Thread,
        report: &Report,
    ) -> Result<Self, SetupError> {
        let target = Shown(&settings.endpoint).to_string();
        Ok(Self {
            courier: Arc::new(Courier::new(settings, method)?),
            backoff: Arc::default(),
            settings: settings.clone(),
            thread: thread.start()?,
            ledger: Arc::new(Ledger::new(signal, target, report.clone())),
        })
    }

    /// Sends so many items. Who does not know better may forget what became of them: the ledger tells.
    async fn send(&self, parcel: Parcel, count: u64) -> Option<Fate> {
        let backoff = Arc::clone(&self.backoff);
        let ledger = Arc::clone(&self.ledger);
        let mut terms = Terms {
            limit: self.settings.timeout,
            haste: self.thread.haste(),
        };
        let errand = Errand {
            courier: Arc::clone(&self.courier),
            ledger: Arc::clone(&self.ledger),
            parcel,
        };
        let sending = self.thread.spawn(async move {
            let mut backoff = backoff.lock().await;
            let fate = backoff.deliver(&mut terms, errand).await;
            ledger.settle(count, fate.clone());
            fate
        });
        let fate = sending.await.ok();
        if fate.is_none() {
            // The thread has ended.
            self.ledger.closed(count);
        }
        fate
    }
}

impl Attempt for Errand {
    async fn attempt(&mut self) -> Result<Taken, Failure> {
        self.courier.attempt(&self.parcel).await
    }

    fn failed(&self, failure: &Failure) {
        self.ledger.failed(failure);
    }
}
