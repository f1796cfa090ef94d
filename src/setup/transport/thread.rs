//! The export thread: a runtime of its own, whose work is never traced.
//!
//! It serves a process without a runtime, one whose only thread is busy, and one that is shutting down.

use std::{fmt, io, sync::Arc, thread};

use opentelemetry::Context;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{oneshot, watch},
    task::JoinHandle,
    time::Instant,
};

use super::quiet;

/// A running export thread. It ends with the last clone.
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

impl Running {
    pub(in crate::setup) fn start() -> io::Result<Self> {
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
