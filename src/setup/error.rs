//! What can go wrong at the start, and at the end.

use std::{error::Error, fmt, time::Duration};

type Source = Box<dyn Error + Send + Sync>;

/// Why no pipeline could be made. The text names the variable or the call, and what was wrong with it.
///
/// A wrong value of an `OTEL_*` variable alone is no error: it is reported as a warning and ignored. But a certificate or a
/// key that cannot be used is one: a connection without it is not the one that was asked for. Its `Debug` is its text, for
/// a `main` that returns it.
pub struct SetupError {
    what: String,
    source: Option<Source>,
}

/// Spans or metrics that did not arrive: how many, and why.
///
/// Its `Debug` is its text, for a `main` that returns it.
pub struct ShutdownError {
    lost: u64,
    why: Why,
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
    /// Metrics or log records alone are lost, as the collector or the SDK says.
    Besides(&'static str, String),
    BesidesDeadline(&'static str, Duration),
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
    pub(super) fn new(lost: u64, why: Why) -> Self {
        Self { lost, why }
    }

    /// How many ended spans are not known to have been delivered. Zero where only metrics or log records were lost, or
    /// only a processor of the user's own failed.
    pub fn spans_lost(&self) -> u64 {
        self.lost
    }

    /// Whether the deadline passed: spans counted as lost may still arrive.
    pub fn is_timeout(&self) -> bool {
        matches!(self.why, Why::Deadline(_) | Why::BesidesDeadline(..))
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
        match &self.why {
            Why::Processor(why) => write!(f, "the span processors did not finish: {why}"),
            Why::Refused(why) => write!(f, "{} not delivered: {why}", Spans(self.lost)),
            Why::Deadline(limit) => write!(
                f,
                "{} not delivered within {limit:?}, the time that shutdown and flush have",
                Spans(self.lost)
            ),
            Why::Besides(what, why) => write!(f, "{what} were not delivered: {why}"),
            Why::BesidesDeadline(what, limit) => write!(
                f,
                "{what} were not delivered within {limit:?}, the time that shutdown and flush have"
            ),
            Why::QueueFull => write!(
                f,
                "{} not delivered: more ended than the queue could hold",
                Spans(self.lost)
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

/// A number of spans, in words, with the verb that follows.
pub(super) struct Spans(pub(super) u64);

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 span was"),
            n => write!(f, "{n} spans were"),
        }
    }
}
