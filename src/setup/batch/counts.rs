//! What became of spans, in numbers.

use std::iter::Sum;

/// What became of the spans of a pipeline.
///
/// At any time `made` is the sum of the others: what ended was taken by the collector, refused by it, dropped here, sent
/// without an answer, or waits. A span that goes to two exporters counts twice. Spans that no sampler chose are not made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanCounts {
    /// Sampled, and ended.
    pub made: u64,
    /// The collector said that it has them.
    pub acknowledged: u64,
    /// The collector refused them for good: with a status that allows no retry, or as a part of a batch that it took.
    pub rejected: u64,
    /// Never taken by the collector: the sum of the three reasons below.
    pub dropped: u64,
    /// Of those dropped: there was no room in the queue.
    pub dropped_queue_full: u64,
    /// Of those dropped: the collector could not be reached, or asked for patience, until the time for an export was over.
    pub dropped_undelivered: u64,
    /// Of those dropped: they ended after shutdown, or still waited at its deadline.
    pub dropped_closed: u64,
    /// Sent, and not answered, or not to the end: the collector may have them.
    pub unknown: u64,
    /// Waiting, or on their way.
    pub queued: u64,
}

/// The counts of one exporter, and where those are that are queued.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::setup) struct Snapshot {
    pub(in crate::setup) counts: SpanCounts,
    /// Of those dropped as closed: they waited at the deadline of shutdown.
    pub(in crate::setup) abandoned: u64,
    pub(in crate::setup) waiting: u64,
    pub(in crate::setup) in_flight: u64,
    /// As many may wait.
    pub(in crate::setup) capacity: u64,
}

impl Sum for SpanCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |all, one| Self {
            made: all.made + one.made,
            acknowledged: all.acknowledged + one.acknowledged,
            rejected: all.rejected + one.rejected,
            dropped: all.dropped + one.dropped,
            dropped_queue_full: all.dropped_queue_full + one.dropped_queue_full,
            dropped_undelivered: all.dropped_undelivered + one.dropped_undelivered,
            dropped_closed: all.dropped_closed + one.dropped_closed,
            unknown: all.unknown + one.unknown,
            queued: all.queued + one.queued,
        })
    }
}
