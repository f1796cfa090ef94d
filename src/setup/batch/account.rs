//! A queue between those who end spans and the worker, and the account of all that ended.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use opentelemetry_sdk::{Resource, trace::SpanData};
use tokio::sync::Notify;

use super::{
    component::Component,
    counts::{Snapshot, SpanCounts},
    queue::{Batch, Bounds, Freed, Next, Queue, Worker},
    size,
};
use crate::setup::{ledger::Ledger, transport::delivery::Fate};

/// A worker that is told to end has this long to say what it was at.
const GRACE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(in crate::setup) struct Account {
    pub(in crate::setup) ledger: Ledger,
    pub(in crate::setup) exporter: Component,
    queue: Mutex<Queue>,
    resource: Mutex<Option<Resource>>,
    /// Wakes the worker.
    work: Notify,
    /// Ends the worker.
    abandoned: Notify,
    /// Wakes who waits for the worker.
    settled: Condvar,
    /// The last flush or shutdown took too long.
    timed_out: AtomicBool,
}

impl Account {
    pub(in crate::setup) fn new(bounds: Bounds, ledger: Ledger, exporter: Component) -> Self {
        Self {
            ledger,
            exporter,
            queue: Mutex::new(Queue::new(bounds)),
            resource: Mutex::default(),
            work: Notify::new(),
            abandoned: Notify::new(),
            settled: Condvar::new(),
            timed_out: AtomicBool::new(false),
        }
    }

    /// A span ended. It waits for nobody.
    pub(super) fn push(&self, span: SpanData) {
        let size = size::of(&span);
        let mut freed = Freed::new();
        let wakes = self.queue().push(span, size, &mut freed);
        if wakes {
            self.work.notify_one();
        }
    }

    /// Something may be to do.
    pub(super) async fn woken(&self) {
        self.work.notified().await;
    }

    /// Nothing is to do any more.
    pub(super) async fn is_abandoned(&self) {
        self.abandoned.notified().await;
    }

    pub(super) fn next(&self, is_hasty: bool) -> Next {
        self.queue().next(Instant::now(), is_hasty)
    }

    /// How much had no room, while nothing is sent.
    pub(super) fn tell_of_room(&self) {
        let full = self.queue().queue_full;
        self.ledger.queue_full(full);
    }

    /// A batch, from the oldest on.
    pub(super) fn take(&self) -> Vec<SpanData> {
        let (size, full) = {
            let queue = self.queue();
            (queue.next_batch(), queue.queue_full)
        };
        self.ledger.queue_full(full);
        let mut batch = Batch::default();
        batch.spans.reserve_exact(size);
        // Between two steps others have the queue.
        while self.queue().fill(&mut batch) {}
        batch.spans
    }

    /// So many that were taken came to this.
    pub(super) fn settle(&self, count: u64, fate: Fate) {
        let full = self.queue().queue_full;
        self.ledger.settle_beside(count, fate, full);
        self.settled(count);
    }

    /// So many that were taken are accounted for.
    pub(super) fn settled(&self, count: u64) {
        self.queue().settled(count);
        self.settled.notify_all();
    }

    /// There is no worker any more.
    pub(super) fn end(&self) {
        let rest = self.queue().end();
        self.settled.notify_all();
        drop(rest);
    }

    pub(super) fn set_resource(&self, resource: &Resource) {
        *lock(&self.resource) = Some(resource.clone());
    }

    /// The resource, if it is a new one.
    pub(super) fn resource(&self) -> Option<Resource> {
        lock(&self.resource).take()
    }

    /// Waits until all that has entered is accounted for; false if that takes longer.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let until = self.queue().is_due();
        self.work.notify_one();
        self.wait(limit, |queue| queue.left < until)
    }

    /// From here on nothing enters. Waits until the rest is accounted for; false if that takes longer.
    pub(super) fn close(&self, limit: Duration) -> bool {
        self.queue().is_closing = true;
        self.work.notify_one();
        self.wait(limit, |_| true)
    }

    /// The worker is to end, whatever it does. Waits until it has.
    pub(super) fn abandon(&self) {
        self.abandoned.notify_one();
        let gone = |queue: &mut Queue| queue.worker != Worker::Gone;
        let waited = self.settled.wait_timeout_while(self.queue(), GRACE, gone);
        drop(waited);
    }

    fn wait(&self, limit: Duration, not_yet: impl Fn(&Queue) -> bool) -> bool {
        let not_yet = |queue: &mut Queue| not_yet(queue) && queue.worker != Worker::Gone;
        let (queue, timeout) = self
            .settled
            .wait_timeout_while(self.queue(), limit, not_yet)
            .unwrap_or_else(PoisonError::into_inner);
        drop(queue);
        self.timed_out.store(timeout.timed_out(), Ordering::Release);
        !timeout.timed_out()
    }

    /// Whether the last flush or shutdown took too long. The provider does not tell it apart from other errors.
    pub(in crate::setup) fn has_timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Acquire)
    }

    /// What is lost of which nobody was told; what still waited at the deadline is part of it.
    pub(in crate::setup) fn untold(&self) -> (u64, Option<String>) {
        let (full, abandoned) = {
            let queue = self.queue();
            (queue.queue_full, queue.abandoned)
        };
        let (lost, cause) = self.ledger.untold_of(full);
        (lost + abandoned, cause)
    }

    /// Why the last was lost that had room in the queue.
    pub(in crate::setup) fn cause(&self) -> Option<String> {
        self.ledger.cause()
    }

    pub(in crate::setup) fn counts(&self) -> SpanCounts {
        self.snapshot().counts
    }

    /// All of one moment.
    pub(in crate::setup) fn snapshot(&self) -> Snapshot {
        // In this order: what is settled was made before.
        let settled = self.ledger.settled();
        let queue = self.queue();
        let dropped = settled.undelivered + queue.queue_full + queue.closed;
        let gone = settled.acknowledged + settled.rejected + settled.unknown + dropped;
        let queued = queue.made - gone;
        let waiting = queue.waiting();
        Snapshot {
            counts: SpanCounts {
                made: queue.made,
                acknowledged: settled.acknowledged,
                rejected: settled.rejected,
                dropped,
                dropped_queue_full: queue.queue_full,
                dropped_undelivered: settled.undelivered,
                dropped_closed: queue.closed,
                unknown: settled.unknown,
                queued,
            },
            abandoned: queue.abandoned,
            waiting,
            in_flight: queued.saturating_sub(waiting),
            capacity: queue.capacity(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
