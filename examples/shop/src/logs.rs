//! What the services log: the lines they write, and the records that come to the collector.

use crate::trace::Traces;

/// What becomes of the services' log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Logs {
    #[default]
    Unseen,
    Text,
    Json,
}

/// A log record as it came.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) service: String,
    pub(crate) text: String,
    /// The trace and the span, of a record within a request.
    pub(crate) ids: Option<(String, String)>,
}

impl Logs {
    /// Shows a line of a service, if lines are to be seen and it is one of the log.
    pub(crate) fn show(self, line: &str) {
        let is_logged = match self {
            Self::Unseen => false,
            // A time; what a service tells its launcher begins with a word.
            Self::Text => line.starts_with(|c: char| c.is_ascii_digit()),
            Self::Json => line.starts_with('{'),
        };
        if is_logged {
            println!("{line}");
        }
    }
}

/// What is wrong with the records: one that names a trace must name a span of it.
pub(crate) fn problems(records: &[Record], traces: &Traces) -> Vec<String> {
    let is_lost = |record: &&Record| {
        record.ids.as_ref().is_some_and(|(trace, span)| {
            let mut spans = traces.all().flat_map(|trace| trace.spans());
            !spans.any(|known| known.trace == *trace && known.id == *span)
        })
    };
    let lost = records.iter().filter(is_lost);
    lost.map(|record| {
        let Record { service, text, .. } = record;
        format!("a log record of {service} is of no span that came: {text}")
    })
    .collect()
}
