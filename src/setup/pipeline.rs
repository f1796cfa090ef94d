//! The end of a pipeline: within a deadline, whatever the collector does.

use std::{
    any::Any,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::SdkTracerProvider,
};
use tokio::sync::oneshot;

use super::{
    error::{ShutdownError, Why},
    watch::{Standing, Watch},
};
use crate::telemetry::{Lifecycle, Telemetry};

/// What there is to flush and to close.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) provider: SdkTracerProvider,
    pub(super) watches: Vec<Arc<Watch>>,
    pub(super) deadline: Duration,
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
    pub fn shutdown(mut self) -> impl Future<Output = Result<(), ShutdownError>> + Send + 'static {
        async move {
            let pipeline = self.pipeline();
            // The thread ends it even if nobody waits any more.
            drop(self.lifecycle.take());
            match pipeline {
                Some(pipeline) => pipeline.finish(Last::Shutdown).await,
                None => Ok(()),
            }
        }
    }

    /// Sends what is queued, as [`shutdown`](Self::shutdown) does, and goes on. For a moment before the process may be frozen.
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

    fn pipeline(&self) -> Option<Pipeline> {
        let lifecycle: &dyn Any = self.lifecycle.as_deref()?;
        lifecycle.downcast_ref::<Pipeline>().cloned()
    }
}

impl Lifecycle for Pipeline {
    fn close(&mut self) {
        // Nobody is there to hear of it; what was lost to an outage has been told.
        self.finish_blocking(Last::Shutdown).ok();
    }
}

impl Pipeline {
    async fn finish(self, last: Last) -> Result<(), ShutdownError> {
        let (sender, receiver) = oneshot::channel();
        let deadline = self.deadline;
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
        let before = self.standing();
        let (sender, receiver) = mpsc::sync_channel(1);
        let provider = self.provider.clone();
        let deadline = self.deadline;
        let spawned = thread::Builder::new()
            .name("throughline-export".to_owned())
            .spawn(move || {
                let result = match last {
                    Last::Flush => provider.force_flush(),
                    Last::Shutdown => provider.shutdown_with_timeout(deadline),
                };
                sender.send(result).ok()
            });
        if let Err(error) = spawned {
            return Err(self.no_thread(&error));
        }
        // The provider keeps no deadline where a processor keeps none.
        let result = receiver
            .recv_timeout(deadline)
            .unwrap_or(Err(OTelSdkError::Timeout(deadline)));
        self.verdict(last, &before, result)
    }

    fn verdict(
        &self,
        last: Last,
        before: &Standing,
        result: OTelSdkResult,
    ) -> Result<(), ShutdownError> {
        let now = self.standing();
        let pending = now.pending();
        if let Err(OTelSdkError::Timeout(_)) = result {
            return Err(ShutdownError::new(
                pending + now.outage_lost(),
                Why::Deadline(self.deadline),
            ));
        }
        let failed = match last {
            Last::Flush => now.failed - before.failed,
            Last::Shutdown => now.outage_lost(),
        };
        match (last, &now.outage, result) {
            (_, Some((_, cause)), _) if failed > 0 => {
                let lost = match last {
                    Last::Flush => failed,
                    Last::Shutdown => failed + pending,
                };
                Err(ShutdownError::new(lost, Why::Refused(cause.clone())))
            }
            // A second end finds nothing to do.
            (_, _, Err(OTelSdkError::AlreadyShutdown)) => Ok(()),
            (_, _, Err(error)) => Err(ShutdownError::new(
                pending,
                Why::Processor(error.to_string()),
            )),
            (Last::Shutdown, _, Ok(())) if pending > 0 => {
                Err(ShutdownError::new(pending, Why::QueueFull))
            }
            (Last::Flush | Last::Shutdown, _, Ok(())) => Ok(()),
        }
    }

    fn standing(&self) -> Standing {
        let mut all = Standing::default();
        for watch in &self.watches {
            let one = watch.standing();
            all.made += one.made;
            all.delivered += one.delivered;
            all.failed += one.failed;
            all.outage = match (all.outage, one.outage) {
                (Some((a, cause)), Some((b, _))) => Some((a + b, cause)),
                (a, b) => a.or(b),
            };
        }
        all
    }

    fn undelivered(&self) -> u64 {
        let now = self.standing();
        now.pending() + now.outage_lost()
    }

    fn no_thread(&self, error: &std::io::Error) -> ShutdownError {
        let why = format!("no thread could be started: {error}");
        ShutdownError::new(self.undelivered(), Why::Processor(why))
    }
}

impl Standing {
    /// Neither delivered nor failed: still queued, or dropped for want of room.
    fn pending(&self) -> u64 {
        self.made.saturating_sub(self.delivered + self.failed)
    }

    fn outage_lost(&self) -> u64 {
        self.outage.as_ref().map_or(0, |(lost, _)| *lost)
    }
}
