//! Spans as the shop looks at them, and the traces they make.

#[cfg(test)]
pub(crate) mod fixture;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use tokio::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) service: String,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Since the Unix epoch.
    pub(crate) start: Duration,
    pub(crate) duration: Duration,
    pub(crate) is_error: bool,
    pub(crate) attributes: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Server,
    Client,
    Other,
}

/// The spans of one trace, in the order of their starts.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    spans: Vec<Span>,
}

/// The traces that are still to be printed, and when each last grew.
#[derive(Debug, Default)]
pub(crate) struct Traces(HashMap<String, (Trace, Option<Instant>)>);

impl Span {
    pub(crate) fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }

    /// The number of HTTP's status, or the name of gRPC's.
    pub(crate) fn status(&self) -> Option<&str> {
        self.attribute("http.response.status_code")
            .or_else(|| self.attribute("rpc.status_code"))
    }
}

impl Trace {
    #[cfg(test)]
    pub(crate) fn of(spans: Vec<Span>) -> Self {
        let mut trace = Self::default();
        spans.into_iter().for_each(|span| trace.add(span));
        trace
    }

    pub(crate) fn add(&mut self, span: Span) {
        let at = self
            .spans
            .partition_point(|other| other.start <= span.start);
        self.spans.insert(at, span);
    }

    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The spans whose parent is not here: one, of no parent at all, if the trace is whole.
    pub(crate) fn roots(&self) -> Vec<&Span> {
        let is_here = |id: &String| self.spans.iter().any(|span| span.id == *id);
        let is_root = |span: &&Span| !span.parent.as_ref().is_some_and(&is_here);
        self.spans.iter().filter(is_root).collect()
    }

    pub(crate) fn children(&self, parent: &Span) -> Vec<&Span> {
        let is_child = |span: &&Span| span.parent.as_ref() == Some(&parent.id);
        self.spans.iter().filter(is_child).collect()
    }

    /// The path that the customer asked for: that of the span without a parent.
    pub(crate) fn path(&self) -> Option<&str> {
        let root = self.spans.iter().find(|span| span.parent.is_none())?;
        root.attribute("url.path")
    }
}

impl Traces {
    pub(crate) fn add(&mut self, spans: Vec<Span>) {
        for span in spans {
            let (trace, grew) = self.0.entry(span.trace.clone()).or_default();
            trace.add(span);
            *grew = Some(Instant::now());
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Trace> {
        self.0.values().map(|(trace, _)| trace)
    }

    pub(crate) fn of_path(&self, path: &str) -> Option<&Trace> {
        self.all().find(|trace| trace.path() == Some(path))
    }

    /// When the trace that has been quiet longest will have been so for `pause`.
    pub(crate) fn next_quiet(&self, pause: Duration) -> Option<Instant> {
        let longest = self.0.values().filter_map(|(_, grew)| *grew).min()?;
        Some(longest + pause)
    }

    /// Takes out the traces that did not grow for `pause`, in the order of their starts.
    pub(crate) fn take_quiet(&mut self, pause: Duration) -> Vec<Trace> {
        let now = Instant::now();
        let mut quiet: Vec<Trace> = self
            .0
            .extract_if(|_, (_, grew)| grew.is_some_and(|grew| grew + pause <= now))
            .map(|(_, (trace, _))| trace)
            .collect();
        quiet.sort_by_key(|trace| trace.spans.first().map(|span| span.start));
        quiet
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Other => "other",
        })
    }
}

/// As it is called in messages: ``stock server `GET /stock/{sku}` ``.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} `{}`", self.service, self.kind, self.name)
    }
}
