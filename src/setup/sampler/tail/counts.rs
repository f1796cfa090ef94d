//! What became of spans that were undecided.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::telemetry::Telemetry;

/// What became of the spans that nobody had sampled when they ended; sampled ones are not among them. The sum of all four
/// is how many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TailCounts {
    /// Went to the exporters.
    pub kept: u64,
    /// Their local root ended well and fast.
    pub discarded: u64,
    /// Given up before their local root ended: for want of room, for having waited too long, or at shutdown.
    pub lost: u64,
    /// In memory now.
    pub waiting: u64,
}

#[derive(Debug, Default)]
pub(in crate::setup) struct Counts {
    pub(super) kept: AtomicU64,
    pub(super) discarded: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) waiting: AtomicU64,
}

impl Counts {
    pub(in crate::setup) fn read(&self) -> TailCounts {
        TailCounts {
            kept: self.kept.load(Relaxed),
            discarded: self.discarded.load(Relaxed),
            lost: self.lost.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
        }
    }
}

impl Telemetry {
    /// What [`Setup::keep_errors_and_slow`](crate::Setup::keep_errors_and_slow) has made of spans so far. `None` without it.
    pub fn tail_counts(&self) -> Option<TailCounts> {
        self.pipeline()?.tail.map(|counts| counts.read())
    }
}
