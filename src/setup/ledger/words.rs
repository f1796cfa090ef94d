//! What people are told of an exporter, in words.

use std::fmt;

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::setup) enum Signal {
    Spans,
    LogRecords,
    DataPoints,
}

/// A number of them, with the verb that follows.
pub(in crate::setup) struct Count(pub(in crate::setup) u64, pub(in crate::setup) Signal);

/// Something to tell once the account is closed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    Gone(String),
    /// So many of them.
    Refused(u64, String),
    Unserved(String),
    Back(u64),
    Partial(u64, String),
    Full(u64),
}

impl Telling {
    /// Something that was wrong is well again.
    pub(super) fn is_good(&self) -> bool {
        matches!(self, Self::Back(_))
    }

    pub(super) fn words(&self, signal: Signal, target: &str) -> String {
        match self {
            Self::Gone(why) => format!(
                "cannot send {signal} to {target}: {why}; what cannot wait is lost until it works again, which will be \
                 reported"
            ),
            Self::Refused(count, why) => format!(
                "{target} refuses {signal}: {why}; {} lost and more may be, until it takes them again, which will be \
                 reported",
                Count(*count, signal)
            ),
            Self::Unserved(why) => format!(
                "{target} takes no {signal}: {why}; where it is not meant to, {}=none sends none",
                signal.variable()
            ),
            Self::Back(lost) => format!(
                "{signal} reach {target} again; {} lost in between",
                Count(*lost, signal)
            ),
            Self::Partial(0, message) => {
                format!("{target} took all {signal}, and says: {message:?}")
            }
            Self::Partial(rejected, message) => format!(
                "{target} rejected some {signal}, at first {rejected}, and says: {message:?}"
            ),
            Self::Full(lost) => format!(
                "more {signal} end than are sent to {target}: {} lost for want of room in the queue",
                Count(*lost, signal)
            ),
        }
    }
}

impl Signal {
    fn variable(self) -> &'static str {
        match self {
            Self::Spans => "OTEL_TRACES_EXPORTER",
            Self::LogRecords => "OTEL_LOGS_EXPORTER",
            Self::DataPoints => "OTEL_METRICS_EXPORTER",
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Spans => "span",
            Self::LogRecords => "log record",
            Self::DataPoints => "metric data point",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.one())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.0 == 1 { "was" } else { "were" };
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural} {verb}", self.0, self.1.one())
    }
}
