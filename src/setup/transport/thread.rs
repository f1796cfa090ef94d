//! The export thread: a runtime of its own, whose work is never traced.
//!
//! It serves a process without a runtime, one whose only thread is busy, and one that is shutting down.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use opentelemetry::Context;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::Instant,
};

use url::{Origin, Url};

use super::quiet;
use crate::setup::{error::SetupError, ledger::Collector};

/// The thread of a pipeline, once something needs it. It ends with the last clone of what [`start`](Self::start) gave.
#[derive(Clone, Default)]
pub(in crate::setup) struct Thread(Arc<Shared>);

#[derive(Default)]
struct Shared {
    running: OnceLock<Running>,
    collectors: Mutex<HashMap<Origin, Arc<Collector>>>,
}

/// A running export thread.
#[derive(Clone)]
pub(in crate::setup) struct Running(Arc<Inner>);

struct Inner {
    handle: Handle,
    haste: watch::Sender<Haste>,
    /// Dropping it ends the thread.
    _stop: oneshot::Sender<()>,
}

/// Whether somebody waits for what is queued to be sent.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::setup) struct Haste {
    waiting: usize,
    /// Until when the last of them waits. `None` is without limit.
    until: Option<Instant>,
}

/// Somebody waits until this is dropped.
#[must_use = "haste ends when it is dropped"]
pub(in crate::setup) struct Hurry(watch::Sender<Haste>);

impl Thread {
    pub(in crate::setup) fn start(&self) -> Result<Running, SetupError> {
        if let Some(running) = self.0.running.get() {
            return Ok(running.clone());
        }
        let running = Running::start().map_err(|error| {
            SetupError::new("the export thread cannot be started").with_source(error)
        })?;
        Ok(self.0.running.get_or_init(|| running).clone())
    }

    /// What all signals that go to this host know of it.
    pub(in crate::setup) fn collector(&self, url: &Url) -> Arc<Collector> {
        let collectors = self.0.collectors.lock();
        let mut collectors = collectors.unwrap_or_else(PoisonError::into_inner);
        Arc::clone(collectors.entry(url.origin()).or_default())
    }

    /// Somebody waits for so long. Where nothing is sent nothing is in haste.
    pub(in crate::setup) fn hurry(&self, limit: Duration) -> Option<Hurry> {
        let until = Instant::now().checked_add(limit);
        Some(self.0.running.get()?.hurry(until))
    }
}

impl Running {
    fn start() -> io::Result<Self> {
        let runtime = runtime()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new()
            .name("throughline-export".to_owned())
            .spawn(move || run(runtime, stopped))?;
        Ok(Self(Arc::new(Inner {
            handle,
            haste: watch::Sender::default(),
            _stop: stop,
        })))
    }

    /// Runs it on the export thread. What is still running when the thread ends is dropped.
    pub(in crate::setup) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.0.handle.spawn(future)
    }

    pub(in crate::setup) fn haste(&self) -> watch::Receiver<Haste> {
        self.0.haste.subscribe()
    }

    /// Somebody waits until then, or for good.
    pub(in crate::setup) fn hurry(&self, until: Option<Instant>) -> Hurry {
        self.0.haste.send_modify(|haste| {
            haste.until = match (haste.waiting, haste.until, until) {
                (0, _, until) => until,
                (_, Some(last), Some(until)) => Some(last.max(until)),
                _ => None,
            };
            haste.waiting += 1;
        });
        Hurry(self.0.haste.clone())
    }
}

impl Haste {
    pub(in crate::setup) fn is_on(&self) -> bool {
        self.waiting > 0
    }

    /// Whether somebody still waits at that moment.
    pub(in crate::setup) fn lasts_until(&self, then: Instant) -> bool {
        self.until.is_none_or(|until| then < until)
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        self.0.send_modify(|haste| {
            haste.waiting = haste.waiting.saturating_sub(1);
        });
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Thread")
            .field(&self.0.running.get().is_some())
            .finish()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .thread_name("throughline-resolve")
        // Threads that look names up belong to it.
        .on_thread_start(|| {
            std::mem::forget(Context::enter_telemetry_suppressed_scope());
            quiet::hush();
        })
        // A subscriber may come later than the thread.
        .on_thread_unpark(quiet::hush)
        .build()
}

fn run(runtime: Runtime, stopped: oneshot::Receiver<()>) {
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    quiet::hush();
    runtime.block_on(async {
        stopped.await.ok();
    });
    // A name that is being looked up is not waited for.
    runtime.shutdown_background();
}
