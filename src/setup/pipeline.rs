//! The end of a pipeline: within a deadline, whatever the collector does.

use std::{
    any::Any,
    io,
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::SdkTracerProvider,
};
use tokio::sync::oneshot;

use super::{
    error::{ShutdownError, Why},
    meters::Meters,
    report::Report,
    sampler::{polling::Polling, tail::Counts},
    transport::thread::Thread,
    watch::{Standing, Watch},
};
use crate::telemetry::{Lifecycle, Telemetry};

/// The SDK's processors wait no longer for a flush.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// What there is to flush and to close.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) provider: SdkTracerProvider,
    pub(super) meters: Option<Meters>,
    pub(super) watches: Vec<Arc<Watch>>,
    pub(super) thread: Thread,
    /// What samplers ask of servers.
    pub(super) polling: Vec<Polling>,
    pub(super) tail: Option<Arc<Counts>>,
    pub(super) deadline: Duration,
    pub(super) report: Report,
}

#[derive(Clone, Copy)]
enum Last {
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
        let provider = self.provider.clone();
        let spans = aside(deadline, move || match last {
            Last::Flush => provider.force_flush(),
            Last::Shutdown => provider.shutdown_with_timeout(deadline),
        });
        let metrics = self.meters.clone().map(|meters| {
            aside(deadline, move || match last {
                Last::Flush => meters.flush(),
                Last::Shutdown => meters.shutdown(deadline),
            })
        });
        let ends = spans.and_then(|spans| Ok((spans, metrics.transpose()?)));
        let (spans, metrics) = ends.map_err(|error| self.no_thread(&error))?;
        // Both have ended then, or have had their time.
        let (spans, metrics) = (spans(), metrics.map_or(Ok(()), |metrics| metrics()));
        self.verdict(last, &before, spans)?;
        let undelivered = self.meters.as_ref().and_then(Meters::undelivered);
        match (metrics, undelivered) {
            (Err(OTelSdkError::Timeout(_)), _) => {
                Err(ShutdownError::new(0, Why::MetricsDeadline(deadline)))
            }
            (Err(error), _) => Err(ShutdownError::new(0, Why::Metrics(error.to_string()))),
            (Ok(()), Some(cause)) => Err(ShutdownError::new(0, Why::Metrics(cause))),
            (Ok(()), None) => Ok(()),
        }
    }

    fn verdict(
        &self,
        last: Last,
        before: &Standing,
        result: OTelSdkResult,
    ) -> Result<(), ShutdownError> {
        let mut now = self.standing();
        let cause = now.cause.take();
        let timed_out = matches!(result, Err(OTelSdkError::Timeout(_)))
            || self.watches.iter().any(|watch| watch.has_timed_out());
        let failed = now.failed - before.failed;
        let (failed, pending) = match last {
            Last::Flush => (failed, 0),
            Last::Shutdown => (failed.max(now.outage), now.pending()),
        };
        let why = match (result, cause) {
            _ if timed_out => {
                let lost = failed + now.pending();
                return Err(ShutdownError::new(lost, Why::Deadline(self.limit(last))));
            }
            (_, Some(cause)) if failed > 0 => Why::Refused(cause),
            // A second end finds nothing to do.
            (Ok(()) | Err(OTelSdkError::AlreadyShutdown), _) if pending == 0 => return Ok(()),
            (Ok(()) | Err(OTelSdkError::AlreadyShutdown), _) => Why::QueueFull,
            (Err(error), _) => Why::Processor(error.to_string()),
        };
        Err(ShutdownError::new(failed + pending, why))
    }

    fn limit(&self, last: Last) -> Duration {
        match last {
            Last::Flush => self.deadline.min(FLUSH_LIMIT),
            Last::Shutdown => self.deadline,
        }
    }

    fn standing(&self) -> Standing {
        let mut all = Standing::default();
        for watch in &self.watches {
            let one = watch.standing();
            all.made += one.made;
            all.delivered += one.delivered;
            all.failed += one.failed;
            all.outage += one.outage;
            all.cause = all.cause.or(one.cause);
        }
        all
    }

    fn undelivered(&self) -> u64 {
        let now = self.standing();
        now.pending() + now.outage
    }

    fn no_thread(&self, error: &io::Error) -> ShutdownError {
        let why = format!("no thread could be started: {error}");
        ShutdownError::new(self.undelivered(), Why::Processor(why))
    }
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
        .spawn(move || sender.send(end()).ok())?;
    Ok(move || {
        receiver
            .recv_timeout(deadline.saturating_sub(begin.elapsed()))
            .unwrap_or(Err(OTelSdkError::Timeout(deadline)))
    })
}

impl Standing {
    /// Neither delivered nor failed: still queued, or dropped for want of room.
    fn pending(&self) -> u64 {
        self.made.saturating_sub(self.delivered + self.failed)
    }
}
