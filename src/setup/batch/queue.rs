//! Spans that wait for an exporter, bounded in number and in bytes. It knows no threads and no clock.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use opentelemetry_sdk::trace::SpanData;
use smallvec::SmallVec;

use crate::setup::settings::WhenFull;

/// Room for so many spans is made at the start; for more when they come.
const ROOM: usize = 2048;
/// So many are moved at a time: whoever ends a span waits no longer than that takes.
const STEP: usize = 64;

/// How much waits, and how long.
#[derive(Clone, Copy, Debug)]
pub(in crate::setup) struct Bounds {
    pub(in crate::setup) spans: usize,
    pub(in crate::setup) bytes: usize,
    pub(in crate::setup) when_full: WhenFull,
    /// Spans of a batch.
    pub(in crate::setup) batch: usize,
    /// How long a span waits for others.
    pub(in crate::setup) delay: Duration,
}

#[derive(Debug)]
pub(super) struct Queue {
    bounds: Bounds,
    waiting: VecDeque<Waiting>,
    /// Of those that wait.
    bytes: usize,
    /// Of these, what is nowhere else was dropped, or ended too late.
    pub(super) made: u64,
    pub(super) queue_full: u64,
    /// Ended after the end, or waited then.
    pub(super) closed: u64,
    /// Waited at the end.
    pub(super) abandoned: u64,
    /// Ever in the queue; out of it and accounted for.
    pub(super) entered: u64,
    pub(super) left: u64,
    pub(super) in_flight: u64,
    /// What entered until this one is to be sent, batch or not.
    due: u64,
    /// When all that had entered was last due.
    since: Option<Instant>,
    pub(super) worker: Worker,
    pub(super) is_closing: bool,
}

/// What is freed where nobody waits for it.
pub(super) type Freed = SmallVec<[Waiting; 1]>;

#[derive(Debug)]
pub(super) struct Waiting {
    span: SpanData,
    size: usize,
}

/// A batch that is being put together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) spans: Vec<SpanData>,
    bytes: usize,
}

/// What the worker waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worker {
    /// The first span.
    Idle,
    /// A whole batch.
    Collecting,
    /// Nothing: it looks by itself.
    Busy,
    Gone,
}

/// What a worker is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Take,
    Wait,
    WaitUntil(Instant),
    End,
}

impl Queue {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            waiting: VecDeque::with_capacity(bounds.spans.min(ROOM)),
            bytes: 0,
            made: 0,
            queue_full: 0,
            closed: 0,
            abandoned: 0,
            entered: 0,
            left: 0,
            in_flight: 0,
            due: 0,
            since: None,
            worker: Worker::Busy,
            is_closing: false,
        }
    }

    /// Takes a span in, or not. True if the worker is to be woken.
    pub(super) fn push(&mut self, span: SpanData, size: usize, freed: &mut Freed) -> bool {
        self.made += 1;
        let new = Waiting { span, size };
        if self.is_closing {
            self.closed += 1;
            freed.push(new);
            return false;
        }
        while self.is_full(size) {
            self.queue_full += 1;
            let oldest = match self.bounds.when_full {
                WhenFull::DropOldest if size <= self.bounds.bytes => self.waiting.pop_front(),
                WhenFull::DropOldest | WhenFull::DropNewest => None,
            };
            let Some(oldest) = oldest else {
                freed.push(new);
                // Nobody else would tell of it.
                return self.wakes_from(Worker::Idle);
            };
            self.bytes -= oldest.size;
            self.left += 1;
            freed.push(oldest);
        }
        self.bytes += size;
        self.entered += 1;
        self.waiting.push_back(new);
        self.wakes_from(Worker::Idle) || self.has_batch() && self.wakes_from(Worker::Collecting)
    }

    /// If that is what the worker does, it looks again.
    fn wakes_from(&mut self, state: Worker) -> bool {
        let wakes = self.worker == state;
        if wakes {
            self.worker = Worker::Busy;
        }
        wakes
    }

    /// What is to do now. All that waits is due in haste, at the end, and once the delay is over.
    pub(super) fn next(&mut self, now: Instant, is_hasty: bool) -> Next {
        if self.waiting.is_empty() {
            self.since = None;
            if self.is_closing {
                return Next::End;
            }
            self.worker = Worker::Idle;
            return Next::Wait;
        }
        let since = *self.since.get_or_insert(now);
        let until = since.checked_add(self.bounds.delay);
        if is_hasty || self.is_closing || until.is_some_and(|until| until <= now) {
            self.due = self.entered;
            self.since = Some(now);
        }
        if self.due > self.left + self.in_flight || self.has_batch() {
            self.worker = Worker::Busy;
            return Next::Take;
        }
        self.worker = Worker::Collecting;
        until.map_or(Next::Wait, Next::WaitUntil)
    }

    /// All that waits now is to be sent. The number of the last.
    pub(super) fn is_due(&mut self) -> u64 {
        self.due = self.entered;
        self.entered
    }

    /// How many spans the next batch has, at most.
    pub(super) fn next_batch(&self) -> usize {
        self.waiting.len().min(self.bounds.batch)
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    pub(super) fn capacity(&self) -> u64 {
        self.bounds.spans as u64
    }

    /// Moves some of the oldest into a batch; false once it is whole.
    pub(super) fn fill(&mut self, batch: &mut Batch) -> bool {
        let most = self.bounds.batch_bytes();
        for _ in 0..STEP {
            let is_first = batch.spans.is_empty();
            let has_room = batch.spans.len() < self.bounds.batch;
            let fits = |next: &Waiting| is_first || batch.bytes + next.size <= most;
            if !has_room || !self.waiting.front().is_some_and(fits) {
                return false;
            }
            let Some(next) = self.waiting.pop_front() else {
                return false;
            };
            self.bytes -= next.size;
            self.in_flight += 1;
            batch.bytes += next.size;
            batch.spans.push(next.span);
        }
        true
    }

    /// So many that were taken are accounted for.
    pub(super) fn settled(&mut self, count: u64) {
        self.in_flight -= count;
        self.left += count;
    }

    /// There is no worker any more. What waits is lost.
    pub(super) fn end(&mut self) -> VecDeque<Waiting> {
        let rest = std::mem::take(&mut self.waiting);
        let count = rest.len() as u64;
        self.is_closing = true;
        self.worker = Worker::Gone;
        self.bytes = 0;
        self.closed += count;
        self.abandoned += count;
        self.left += count;
        rest
    }

    fn is_full(&self, size: usize) -> bool {
        self.waiting.len() >= self.bounds.spans || self.bytes + size > self.bounds.bytes
    }

    fn has_batch(&self) -> bool {
        self.waiting.len() >= self.bounds.batch || self.bytes >= self.bounds.batch_bytes()
    }
}

impl Bounds {
    /// Receivers of gRPC take 4 MiB unless they are told otherwise.
    fn batch_bytes(&self) -> usize {
        (self.bytes / 4).min(4 << 20)
    }
}

#[cfg(test)]
#[path = "queue/tests.rs"]
mod tests;
