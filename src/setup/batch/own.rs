//! A user's exporter, on a thread of its own that belongs to no runtime: it may block, panic, and never return.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context as Task, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use tokio::sync::{mpsc, oneshot};

use super::exit::Exit;
use crate::setup::transport::{Again, Failure, Perhaps, Taken};

/// The exporter's thread ends with it, once it is done with what it does.
#[derive(Debug)]
pub(in crate::setup) struct Own {
    jobs: mpsc::Sender<Job>,
    resource: Option<Resource>,
}

#[derive(Debug)]
enum Job {
    Export {
        resource: Option<Resource>,
        spans: Vec<SpanData>,
        done: oneshot::Sender<Result<OTelSdkResult, Panicked>>,
    },
    Shutdown(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Panicked;

struct Unpark(Thread);

impl Own {
    pub(in crate::setup) fn start(exporter: impl SpanExporter + 'static) -> io::Result<Self> {
        let (jobs, to_do) = mpsc::channel(1);
        thread::Builder::new()
            .name("throughline-exporter".to_owned())
            .spawn(move || work(exporter, to_do))?;
        Ok(Self {
            jobs,
            resource: None,
        })
    }
}

impl Exit for Own {
    type Parcel = Option<Vec<SpanData>>;

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = Some(resource.clone());
    }

    fn pack(&mut self, spans: Vec<SpanData>) -> Self::Parcel {
        Some(spans)
    }

    /// There is one: an exporter that can try again does so itself.
    async fn attempt(&mut self, parcel: &mut Self::Parcel) -> Result<Taken, Failure> {
        let gone = || Failure::refused("the exporter's thread has ended");
        let job = self.jobs.reserve().await.map_err(|_| gone())?;
        let (done, result) = oneshot::channel();
        job.send(Job::Export {
            resource: self.resource.take(),
            spans: parcel.take().unwrap_or_default(),
            done,
        });
        let why = match result.await {
            Ok(Ok(Ok(()))) => return Ok(Taken::default()),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(Panicked)) => "the exporter panicked".to_owned(),
            Err(_) => return Err(gone()),
        };
        // It does not say how much it has sent.
        Err(Failure {
            why,
            taken: Perhaps::Perhaps,
            again: Again::Never,
        })
    }

    async fn close(&mut self) {
        let (done, closed) = oneshot::channel();
        if self.jobs.send(Job::Shutdown(done)).await.is_ok() {
            closed.await.ok();
        }
    }
}

fn work(mut exporter: impl SpanExporter, mut jobs: mpsc::Receiver<Job>) {
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    while let Some(job) = jobs.blocking_recv() {
        match job {
            Job::Export {
                resource,
                spans,
                done,
            } => {
                let export = AssertUnwindSafe(|| {
                    if let Some(resource) = resource {
                        exporter.set_resource(&resource);
                    }
                    block_on(exporter.export(spans))
                });
                // Nobody may wait for it any more.
                done.send(catch_unwind(export).map_err(|_| Panicked)).ok();
            }
            Job::Shutdown(done) => {
                let limit = Duration::from_secs(5);
                let close = AssertUnwindSafe(|| exporter.shutdown_with_timeout(limit));
                // Everything was exported: it has nothing more to say.
                drop(catch_unwind(close));
                done.send(()).ok();
                return;
            }
        }
    }
}

/// Without any runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut task = Task::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut task) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
