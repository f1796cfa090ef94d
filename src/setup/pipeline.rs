//! The end of a pipeline: within a deadline, whatever the collector does.

use std::{
    any::Any,
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::SdkTracerProvider,
};
use tokio::sync::oneshot;

use super::{
    batch::SpanCounts,
    error::{Lost, ShutdownError, Why},
    exports::Exports,
    meters::Meters,
    report::Report,
};
use crate::telemetry::{Lifecycle, Telemetry};

/// The SDK's processors wait no longer for a flush.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// What a processor needs to account for what it gives up at the deadline.
const GRACE: Duration = Duration::from_secs(1);

/// What there is to flush and to close.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) provider: SdkTracerProvider,
    pub(super) meters: Option<Meters>,
    pub(super) exports: Exports,
    pub(super) deadline: Duration,
    pub(super) report: Report,
}

#[derive(Clone, Copy)]
enum Last {
    Flush,
    Shutdown,
}

/// Ends one of the providers.
type Part = Box<dyn FnOnce(Last, Duration) -> OTelSdkResult + Send>;

/// What has not arrived so far.
#[derive(Debug, Default)]
struct Losses {
    all: Lost,
    /// Of that, what nobody was told of.
    untold: Lost,
    /// Spans that are not lost yet.
    waiting: u64,
    has_timed_out: bool,
    cause: Option<String>,
}

impl Telemetry {
    /// Sends what is queued and closes the exporters, within the deadline ([`Setup::shutdown_timeout`](crate::Setup::shutdown_timeout),
    /// 5 s by default), even where the collector never answers. Spans that end later go nowhere.
    ///
    /// The work is done by a thread of its own, so this waits in any runtime, and without one. Dropping the
    /// `Telemetry` does the same but blocks, and tells nobody. A pipeline of [`otel::telemetry`](crate::otel::telemetry) is not
    /// closed: its provider's owner does that.
    ///
    /// # Errors
    ///
    /// When spans were not delivered: in this last attempt, since the collector became unreachable, or because
    /// the queue was full. What was lost in an outage that is over does not count: it was told then.
    pub async fn shutdown(mut self) -> Result<(), ShutdownError> {
        let pipeline = self.pipeline();
        // The thread ends it even if nobody waits any more.
        drop(self.lifecycle.take());
        match pipeline {
            Some(pipeline) => pipeline.finish(Last::Shutdown).await,
            None => Ok(()),
        }
    }

    /// Sends what is queued, as [`shutdown`](Self::shutdown) does, and goes on. For the moment before a process may be frozen. It has 5 seconds at most.
    ///
    /// # Errors
    ///
    /// When spans of this flush were not delivered.
    pub fn flush(&self) -> impl Future<Output = Result<(), ShutdownError>> + Send + 'static {
        let pipeline = self.pipeline();
        async move {
            match pipeline {
                Some(pipeline) => pipeline.finish(Last::Flush).await,
                None => Ok(()),
            }
        }
    }

    /// Where `/metrics` is served for Prometheus: for port 0 (`OTEL_EXPORTER_PROMETHEUS_PORT=0`), where the system chooses.
    /// `None` where it is not served: it is not asked for, or the address could not be had.
    pub fn prometheus_address(&self) -> Option<SocketAddr> {
        self.pipeline()?.meters?.address
    }

    /// What became of the spans that ended so far, over all exporters. It can be asked at any time, and before
    /// [`shutdown`](Self::shutdown) takes the pipeline away; [`counts_reader`](Self::counts_reader) outlives it.
    pub fn counts(&self) -> SpanCounts {
        self.counts_reader()()
    }

    /// [`counts`](Self::counts) as a function that can be kept, also beyond the end.
    pub fn counts_reader(&self) -> impl Fn() -> SpanCounts + Send + Sync + 'static {
        let exports = self.pipeline().map(|pipeline| pipeline.exports);
        move || {
            let accounts = exports.iter().flat_map(Exports::accounts);
            accounts.map(|account| account.counts()).sum()
        }
    }

    pub(super) fn pipeline(&self) -> Option<Pipeline> {
        let lifecycle: &dyn Any = self.lifecycle.as_deref()?;
        lifecycle.downcast_ref::<Pipeline>().cloned()
    }
}

impl Lifecycle for Pipeline {
    fn close(&mut self) {
        // Nobody is there to take the error.
        if let Err(error) = self.finish_blocking(Last::Shutdown) {
            self.report.warn(&error.to_string());
        }
    }
}

impl Pipeline {
    async fn finish(self, last: Last) -> Result<(), ShutdownError> {
        let (sender, receiver) = oneshot::channel();
        let worker = self.clone();
        let spawned = thread::Builder::new()
            .name("throughline-finish".to_owned())
            .spawn(move || sender.send(worker.finish_blocking(last)).ok());
        match spawned {
            // It sends whatever happens.
            Ok(_) => receiver.await.unwrap_or(Ok(())),
            Err(error) => Err(self.no_thread(&error)),
        }
    }

    fn finish_blocking(&self, last: Last) -> Result<(), ShutdownError> {
        let before = self.losses();
        let limit = self.limit(last);
        // All exporters send what they have, at the same time.
        let _hurry = self.exports.hurry(limit);
        let result = self.end(last, limit)?;
        self.verdict(last, &before, result)
    }

    /// Ends the parts, none of which keeps the others waiting for ever.
    fn end(&self, last: Last, limit: Duration) -> Result<OTelSdkResult, ShutdownError> {
        let deadline = Instant::now().checked_add(limit);
        let (sender, receiver) = mpsc::channel();
        let mut result = Ok(());
        // What is measured of the export of spans is exported after it.
        for stage in [vec![self.traces()], self.measured()] {
            let mut pending = 0;
            for part in stage {
                pending += 1;
                let sender = sender.clone();
                let left = left(deadline, limit);
                thread::Builder::new()
                    .name("throughline-end".to_owned())
                    .spawn(move || sender.send(part(last, left)).ok())
                    .map_err(|error| self.no_thread(&error))?;
            }
            for _ in 0..pending {
                // A provider keeps no deadline where a processor keeps none.
                let left = left(deadline, limit) + GRACE;
                let one = receiver
                    .recv_timeout(left)
                    .unwrap_or(Err(OTelSdkError::Timeout(limit)));
                result = result.and(match one {
                    // A second end finds nothing to do.
                    Err(OTelSdkError::AlreadyShutdown) => Ok(()),
                    other => other,
                });
            }
        }
        Ok(result)
    }

    fn traces(&self) -> Part {
        let provider = self.provider.clone();
        Box::new(move |last, limit| match last {
            Last::Flush => provider.force_flush(),
            Last::Shutdown => provider.shutdown_with_timeout(limit),
        })
    }

    fn measured(&self) -> Vec<Part> {
        let meters = self.meters.clone();
        let part = |meters: Meters| -> Part {
            Box::new(move |last, limit| match last {
                Last::Flush => meters.provider.force_flush(),
                Last::Shutdown => meters.provider.shutdown_with_timeout(limit),
            })
        };
        meters.map(part).into_iter().collect()
    }

    fn verdict(
        &self,
        last: Last,
        before: &Losses,
        result: OTelSdkResult,
    ) -> Result<(), ShutdownError> {
        let now = self.losses();
        let timed_out = matches!(result, Err(OTelSdkError::Timeout(_))) || now.has_timed_out;
        let mut lost = match last {
            Last::Flush => now.since(before),
            Last::Shutdown => now.untold,
        };
        let why = if timed_out {
            lost.spans += now.waiting;
            Why::Deadline(self.limit(last))
        } else if lost != Lost::default() {
            now.cause.map_or(Why::QueueFull, Why::Refused)
        } else if let Err(error) = result {
            Why::Processor(error.to_string())
        } else {
            return Ok(());
        };
        Err(ShutdownError::new(lost, why))
    }

    fn limit(&self, last: Last) -> Duration {
        match last {
            Last::Flush => self.deadline.min(FLUSH_LIMIT),
            Last::Shutdown => self.deadline,
        }
    }

    fn losses(&self) -> Losses {
        let mut losses = Losses::default();
        for account in self.exports.accounts() {
            let counts = account.counts();
            losses.all.spans += counts.made - counts.acknowledged - counts.queued;
            losses.untold.spans += account.untold();
            losses.waiting += counts.queued;
            losses.has_timed_out |= account.has_timed_out();
            losses.cause = losses.cause.or_else(|| account.ledger.cause());
        }
        for ledger in self.exports.ledgers() {
            losses.all.add(ledger.signal(), ledger.settled().lost());
            losses.untold.add(ledger.signal(), ledger.untold(0));
            losses.cause = losses.cause.or_else(|| ledger.cause());
        }
        losses
    }

    fn no_thread(&self, error: &std::io::Error) -> ShutdownError {
        let mut lost = self.losses().untold;
        lost.spans += self.losses().waiting;
        let why = format!("no thread could be started: {error}");
        ShutdownError::new(lost, Why::Processor(why))
    }
}

impl Losses {
    fn since(&self, before: &Self) -> Lost {
        Lost {
            spans: self.all.spans - before.all.spans,
            log_records: self.all.log_records - before.all.log_records,
            data_points: self.all.data_points - before.all.data_points,
        }
    }
}

fn left(deadline: Option<Instant>, limit: Duration) -> Duration {
    deadline.map_or(limit, |deadline| {
        deadline.saturating_duration_since(Instant::now())
    })
}
