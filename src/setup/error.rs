//! What can go wrong at the start, and at the end.

use std::{error::Error, fmt, time::Duration};

use super::ledger::{Count, Signal};

type Source = Box<dyn Error + Send + Sync>;

/// Why no pipeline could be made. The text names the variable or the call, and what was wrong with it.
///
/// A wrong value of an `OTEL_*` variable alone is never an error: it is reported as a warning and ignored. Its `Debug` is
/// its text, for a `main` that returns it.
pub struct SetupError {
    what: String,
    source: Option<Source>,
}

/// Spans, log records and measurements that did not arrive: how many, and why.
///
/// Its `Debug` is its text, for a `main` that returns it.
pub struct ShutdownError {
    lost: Lost,
    why: Why,
}

/// How much of each signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) spans: u64,
    pub(super) log_records: u64,
    pub(super) data_points: u64,
}

#[derive(Debug)]
pub(super) enum Why {
    /// The collector could not be reached or did not want them, as it said last.
    Refused(String),
    /// Time ran out.
    Deadline(Duration),
    /// There was no room for them in the queue.
    QueueFull,
    /// A processor, perhaps the user's own, says so.
    Processor(String),
}

impl SetupError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            source: None,
        }
    }

    #[allow(dead_code, reason = "only exporters have sources")]
    pub(super) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl ShutdownError {
    pub(super) fn new(lost: Lost, why: Why) -> Self {
        Self { lost, why }
    }

    /// How many ended spans are not known to have been delivered. Zero where only a processor of the user's own failed.
    pub fn spans_lost(&self) -> u64 {
        self.lost.spans
    }

    /// Whether the deadline passed: spans counted as lost may still arrive.
    pub fn is_timeout(&self) -> bool {
        matches!(self.why, Why::Deadline(_))
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl fmt::Debug for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl Error for SetupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}

impl fmt::Display for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = self.lost;
        match &self.why {
            Why::Processor(why) => write!(f, "the processors did not finish: {why}"),
            Why::Refused(why) => write!(f, "{lost} not delivered: {why}"),
            Why::Deadline(limit) => write!(
                f,
                "{lost} not delivered within {limit:?}, the time that shutdown and flush have"
            ),
            Why::QueueFull => write!(
                f,
                "{lost} not delivered: more ended than the queue could hold"
            ),
        }
    }
}

impl fmt::Debug for ShutdownError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ShutdownError {}

impl Lost {
    pub(super) fn add(&mut self, signal: Signal, count: u64) {
        match signal {
            Signal::Spans => self.spans += count,
            Signal::LogRecords => self.log_records += count,
            Signal::DataPoints => self.data_points += count,
        }
    }
}

/// In words, with the verb that follows.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.spans, Signal::Spans),
            (self.log_records, Signal::LogRecords),
            (self.data_points, Signal::DataPoints),
        ];
        let some: Vec<_> = all.into_iter().filter(|(count, _)| *count > 0).collect();
        match some.as_slice() {
            [] => Count(0, Signal::Spans).fmt(f),
            [(count, signal)] => Count(*count, *signal).fmt(f),
            [first @ .., (count, signal)] => {
                for (index, (count, signal)) in first.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{}", signal.counted(*count))?;
                }
                write!(f, " and {} were", signal.counted(*count))
            }
        }
    }
}
