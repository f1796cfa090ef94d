//! The end of a pipeline: within a deadline, whatever the collector does.

mod standing;

use std::{
    any::Any,
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::SdkTracerProvider,
};
use tokio::sync::oneshot;

use self::standing::Standing;
use super::{
    batch::{Account, SpanCounts},
    doctor::Said,
    error::{ShutdownError, Why},
    loggers::Loggers,
    meters::Meters,
    report::Report,
    sampler::{polling::Polling, tail::Counts},
    transport::thread::Thread,
};
use crate::telemetry::{Lifecycle, Telemetry};

/// The SDK's processors wait no longer for a flush.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// What a processor needs, after the deadline, to account for what it gives up.
const GRACE: Duration = Duration::from_secs(1);

/// What there is to flush and to close.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) provider: SdkTracerProvider,
    pub(super) meters: Option<Meters>,
    pub(super) loggers: Loggers,
    pub(super) accounts: Vec<Arc<Account>>,
    pub(super) thread: Thread,
    /// What samplers ask of servers.
    pub(super) polling: Vec<Polling>,
    pub(super) tail: Option<Arc<Counts>>,
    pub(super) deadline: Duration,
    pub(super) report: Report,
    pub(super) said: Arc<Said>,
}

/// In its place where `OTEL_SDK_DISABLED` is set.
#[derive(Debug)]
pub(super) struct Disabled(pub(super) Arc<Said>);

#[derive(Clone, Copy)]
pub(super) enum Last {
    Flush,
    Shutdown,
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
    /// the queue was full. What was lost in an outage that is over does not count: it was told then. Also when the last metrics or log records were not,
    /// unless the collector takes none at all.
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
    /// When spans, metrics or log records of this flush were not delivered.
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

    /// What became of the spans that ended so far, over all exporters. It can be asked at any time.
    pub fn counts(&self) -> SpanCounts {
        self.counts_reader()()
    }

    /// [`counts`](Self::counts) as a function that can be kept, also beyond the end.
    pub fn counts_reader(&self) -> impl Fn() -> SpanCounts + Send + Sync + 'static {
        let accounts = self.pipeline().map(|pipeline| pipeline.accounts);
        let accounts = accounts.unwrap_or_default();
        move || accounts.iter().map(|account| account.counts()).sum()
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

impl Lifecycle for Disabled {
    fn close(&mut self) {}
}

impl Pipeline {
    async fn finish(self, last: Last) -> Result<(), ShutdownError> {
        let (sender, receiver) = oneshot::channel();
        let deadline = self.limit(last);
        let worker = self.clone();
        let spawned = thread::Builder::new()
            .name("throughline-finish".to_owned())
            .spawn(move || sender.send(worker.finish_blocking(last)).ok());
        if let Err(error) = spawned {
            return Err(self.no_thread(&error));
        }
        receiver.await.unwrap_or_else(|_| {
            Err(ShutdownError::new(
                self.undelivered(),
                Why::Deadline(deadline),
            ))
        })
    }

    fn finish_blocking(&self, last: Last) -> Result<(), ShutdownError> {
        if let Last::Shutdown = last {
            self.polling.iter().for_each(Polling::stop);
        }
        let before = self.standing();
        let _hurry = self.thread.hurry(self.limit(last));
        let deadline = self.limit(last);
        let of_spans = self.limit_of_spans(last);
        let provider = self.provider.clone();
        let (ended, spans_ended) = mpsc::channel::<Infallible>();
        let spans = aside(deadline, move || {
            let _ended = ended;
            match last {
                Last::Flush => provider.force_flush(),
                Last::Shutdown => provider.shutdown_with_timeout(of_spans),
            }
        });
        let metrics = self.meters.clone().map(|meters| {
            aside(deadline, move || {
                let begin = Instant::now();
                // They say what became of the last spans. What is given up is counted a moment later.
                let patience = match last {
                    Last::Flush => deadline / 2,
                    Last::Shutdown => of_spans + deadline.saturating_sub(of_spans) / 2,
                };
                spans_ended.recv_timeout(patience).ok();
                match last {
                    Last::Flush => meters.flush(),
                    Last::Shutdown => meters.shutdown(deadline.saturating_sub(begin.elapsed())),
                }
            })
        });
        let records = self.loggers.ending(last, deadline);
        let records = records.map(|end| aside(deadline, end));
        let ends = spans.and_then(|spans| Ok((spans, metrics.transpose()?, records.transpose()?)));
        let (spans, metrics, records) = ends.map_err(|error| self.no_thread(&error))?;
        // All have ended then, or have had their time.
        let spans = spans();
        let metrics = metrics.map_or(Ok(()), |metrics| metrics());
        let records = records.map_or(Ok(()), |records| records());
        self.verdict(last, &before, spans)?;
        let undelivered = self.meters.as_ref().and_then(Meters::undelivered);
        besides("the last metrics", metrics, undelivered, deadline)?;
        let undelivered = self.loggers.undelivered();
        besides("the last log records", records, undelivered, deadline)
    }

    fn verdict(
        &self,
        last: Last,
        before: &Standing,
        result: OTelSdkResult,
    ) -> Result<(), ShutdownError> {
        let now = self.standing();
        let timed_out = matches!(result, Err(OTelSdkError::Timeout(_))) || now.has_timed_out();
        let (lost, cause) = match last {
            Last::Flush => now.since(before),
            Last::Shutdown => now.untold(),
        };
        let why = match (result, cause) {
            _ if timed_out => {
                let lost = lost + now.waiting();
                return Err(ShutdownError::new(lost, Why::Deadline(self.limit(last))));
            }
            (_, Some(cause)) if lost > 0 => Why::Refused(cause),
            // A second end finds nothing to do.
            (Ok(()) | Err(OTelSdkError::AlreadyShutdown), _) if lost == 0 => return Ok(()),
            (Ok(()) | Err(OTelSdkError::AlreadyShutdown), _) => Why::QueueFull,
            (Err(error), _) => Why::Processor(error.to_string()),
        };
        Err(ShutdownError::new(lost, why))
    }

    fn limit(&self, last: Last) -> Duration {
        match last {
            Last::Flush => self.deadline.min(FLUSH_LIMIT),
            Last::Shutdown => self.deadline,
        }
    }

    /// Spans are given up early enough for the last metrics to say so.
    fn limit_of_spans(&self, last: Last) -> Duration {
        let limit = self.limit(last);
        match (last, &self.meters) {
            (Last::Shutdown, Some(meters)) if meters.push() => limit - limit / 4,
            _ => limit,
        }
    }

    fn standing(&self) -> Standing {
        Standing::of(&self.accounts)
    }

    fn undelivered(&self) -> u64 {
        let now = self.standing();
        now.untold().0 + now.waiting()
    }

    fn no_thread(&self, error: &io::Error) -> ShutdownError {
        let why = format!("no thread could be started: {error}");
        ShutdownError::new(self.undelivered(), Why::Processor(why))
    }
}

/// What became of another signal than spans.
fn besides(
    what: &'static str,
    result: OTelSdkResult,
    undelivered: Option<String>,
    deadline: Duration,
) -> Result<(), ShutdownError> {
    let why = match (result, undelivered) {
        (Err(OTelSdkError::Timeout(_)), _) => Why::BesidesDeadline(what, deadline),
        (Err(error), _) => Why::Besides(what, error.to_string()),
        (Ok(()), Some(cause)) => Why::Besides(what, cause),
        (Ok(()), None) => return Ok(()),
    };
    Err(ShutdownError::new(0, why))
}

/// Begins it on a thread of its own, which keeps no deadline where a processor keeps none. What it gives waits for the
/// result for the rest of the time.
fn aside(
    deadline: Duration,
    end: impl FnOnce() -> OTelSdkResult + Send + 'static,
) -> io::Result<impl FnOnce() -> OTelSdkResult> {
    let begin = Instant::now();
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("throughline-end".to_owned())
        .spawn(move || {
            // What the end has to say is not to be exported.
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            sender.send(end()).ok()
        })?;
    Ok(move || {
        receiver
            .recv_timeout((deadline.saturating_add(GRACE)).saturating_sub(begin.elapsed()))
            .unwrap_or(Err(OTelSdkError::Timeout(deadline)))
    })
}
