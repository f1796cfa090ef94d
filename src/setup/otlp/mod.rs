//! OTLP, by a client of our own: what the exporters of OpenTelemetry's SDK are made of depends on features that other
//! crates of a build enable.

mod answer;
mod courier;
mod logs;
mod metrics;
mod spans;

pub(super) use self::{logs::LogExporter, metrics::MetricExporter, spans::Spans};

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    trace::v1::ExportTraceServiceRequest,
};

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

/// What a worker takes batches of spans to.
pub(super) fn spans(settings: &Otlp) -> Result<Spans, SetupError> {
    Courier::new(settings, TRACES).map(Spans::new)
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

/// Whether a collector takes a message with nothing in it: one attempt.
pub(super) async fn probe(settings: &Otlp, signal: Signal) -> Result<(), String> {
    let courier = |method| Courier::new(settings, method).map_err(|error| error.to_string());
    let (courier, parcel) = match signal {
        Signal::Spans => {
            let courier = courier(TRACES)?;
            let parcel = courier.pack(&ExportTraceServiceRequest::default());
            (courier, parcel)
        }
        Signal::DataPoints => {
            let courier = courier(METRICS)?;
            let parcel = courier.pack(&ExportMetricsServiceRequest::default());
            (courier, parcel)
        }
        Signal::LogRecords => {
            let courier = courier(LOGS)?;
            let parcel = courier.pack(&ExportLogsServiceRequest::default());
            (courier, parcel)
        }
    };
    let answer = courier.attempt(&parcel).await;
    answer.map(drop).map_err(|failure| failure.why)
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
            ledger: Arc::new(Ledger::new(
                signal,
                target,
                report.clone(),
                thread.collector(&settings.endpoint),
            )),
        })
    }

    /// Sends so many items, and tells the ledger what became of them.
    async fn send(&self, parcel: Parcel, count: u64) {
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
            ledger.settle(count, fate);
        });
        if sending.await.is_err() {
            let why = "the export thread has ended".to_owned();
            self.ledger.settle(count, Fate::Unknown(why));
        }
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
