//! What became of everything one exporter was given; and telling people once when it stops arriving, and once when it
//! arrives again.

mod state;
mod words;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

pub(super) use self::words::Signal;
use self::{state::State, words::Telling};
use super::{
    report::Report,
    transport::{Again, Failure, delivery::Fate, quiet::aloud},
};

/// The account of one exporter.
#[derive(Debug)]
pub(super) struct Ledger {
    signal: Signal,
    /// Where it goes, for people.
    target: String,
    report: Report,
    collector: Arc<Collector>,
    state: Mutex<State>,
}

/// What all signals that go to one collector know of it.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// One of them told that nobody answers.
    is_told: AtomicBool,
}

/// Sums of what is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) acknowledged: u64,
    pub(super) rejected: u64,
    pub(super) undelivered: u64,
    pub(super) unknown: u64,
    /// As the queue says; the newest are not in it yet.
    queue_full: u64,
}

impl Ledger {
    pub(super) fn new(
        signal: Signal,
        target: String,
        report: Report,
        collector: Arc<Collector>,
    ) -> Self {
        Self {
            signal,
            target,
            report,
            collector,
            state: Mutex::default(),
        }
    }

    /// An attempt failed, and there will be another. The first of an outage may be a restart.
    pub(super) fn failed(&self, failure: &Failure) {
        let others = (failure.again == Again::Soon).then_some(&*self.collector);
        let telling = self.state().gone(&failure.why, 2, others);
        self.tell(telling);
    }

    /// So many of them came to this.
    pub(super) fn settle(&self, count: u64, fate: Fate) {
        let telling = self.state().settle(count, fate, &self.collector);
        self.tell(telling);
    }

    /// The same; and so many in all had no room in the queue, since the beginning.
    pub(super) fn settle_beside(&self, count: u64, fate: Fate, queue_full: u64) {
        let mut state = self.state();
        state.settled.queue_full = queue_full;
        let settled = state.settle(count, fate, &self.collector);
        let telling = settled.or_else(|| state.full());
        drop(state);
        self.tell(telling);
    }

    /// So many in all had no room in the queue, since the beginning.
    pub(super) fn queue_full(&self, sum: u64) {
        let mut state = self.state();
        state.settled.queue_full = sum;
        let telling = state.full();
        drop(state);
        self.tell(telling);
    }

    pub(super) fn settled(&self) -> Settled {
        self.state().settled
    }

    /// The end came before it was known what became of these.
    pub(super) fn interrupted(&self, count: u64, fate: &Fate) {
        let settled = &mut self.state().settled;
        match fate {
            Fate::Unknown(_) => settled.unknown += count,
            _ => settled.undelivered += count,
        }
    }

    /// Why the last was lost that had room in the queue.
    pub(super) fn cause(&self) -> Option<String> {
        let state = self.state();
        state.cause.clone().or_else(|| state.left_out())
    }

    /// How much is lost of which nobody was told; with what the queue had no room for in all.
    pub(super) fn untold_of(&self, queue_full: u64) -> (u64, Option<String>) {
        let state = self.state();
        let newest = queue_full.saturating_sub(state.settled.queue_full);
        let lost = state.settled.lost() + newest - state.told;
        let for_room = state.settled.queue_full + newest - state.told_full;
        let cause = state.cause.clone().or_else(|| state.left_out());
        // Another one's is not theirs.
        (lost, cause.filter(|_| lost == 0 || lost > for_room))
    }

    /// How much is lost of which nobody was told, and why the last was that a collector did not leave out of others.
    pub(super) fn untold(&self) -> (u64, Option<String>) {
        let state = self.state();
        (state.settled.lost() - state.told, state.cause.clone())
    }

    fn tell(&self, telling: Option<Telling>) {
        let Some(telling) = telling else {
            return;
        };
        let text = telling.words(self.signal, &self.target);
        aloud(|| {
            if telling.is_good() {
                self.report.info(&text);
            } else {
                self.report.warn(&text);
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector {
    fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Acquire)
    }
}

impl Settled {
    pub(super) fn lost(&self) -> u64 {
        self.rejected + self.undelivered + self.unknown + self.queue_full
    }

    /// All of which is known what became of them.
    pub(super) fn sum(&self) -> u64 {
        self.acknowledged + self.lost()
    }
}

#[cfg(test)]
#[path = "ledger/tests.rs"]
mod tests;
