//! What there is to know about one span.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use opentelemetry_proto::tonic::{
    common::v1::KeyValue,
    trace::v1::{
        Span,
        span::{Event as Sent, Link as SentLink},
    },
};

use super::{colours::Colours, format, row::MOST};
use crate::{
    batch::text,
    ids::{SpanId, hex},
    store::{Stored, StoredLog, Whole},
    trace::{Node, Tree},
};

#[derive(Template)]
#[template(path = "span.html")]
pub(super) struct Detail {
    /// Nothing leads anywhere but within the trace.
    is_offline: bool,
    service: String,
    colour: usize,
    name: String,
    id: String,
    parent: String,
    kind: &'static str,
    status: &'static str,
    message: String,
    time: String,
    after: String,
    duration: String,
    own: String,
    scope: String,
    state: String,
    skew: String,
    attributes: Vec<Attribute>,
    resource: Vec<Attribute>,
    events: Vec<Event>,
    logs: Vec<Log>,
    links: Vec<Link>,
    /// Spans of this trace that say they follow from this one.
    followers: Vec<Link>,
}

pub(super) struct Attribute {
    pub(super) key: String,
    pub(super) value: String,
}

/// What is said of spans elsewhere in the trace, by their ids.
#[derive(Default)]
pub(super) struct Index<'a> {
    logs: HashMap<SpanId, Vec<&'a StoredLog>>,
    /// By the trace and the span that they say they follow.
    followers: HashMap<(&'a [u8], &'a [u8]), Vec<&'a Stored>>,
}

/// Something that happened in the span.
pub(super) struct Event {
    name: String,
    after: String,
    attributes: Vec<Attribute>,
}

pub(super) struct Log {
    pub(super) severity: String,
    pub(super) level: &'static str,
    pub(super) after: String,
    pub(super) body: String,
    pub(super) attributes: Vec<Attribute>,
}

struct Link {
    /// Whether it leads to a span of this trace.
    is_within: bool,
    trace: String,
    span: String,
    kind: &'static str,
    attributes: Vec<Attribute>,
}

impl Attribute {
    /// As the list of traces is asked for it.
    fn asked(&self) -> String {
        let value = self.value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{}=\"{value}\"", self.key)
    }
}

/// Each span's pane as HTML: by its id, in order, for spans whose ids are the same.
pub(super) fn all(
    whole: &Whole,
    colours: &Colours,
) -> askama::Result<BTreeMap<String, Vec<String>>> {
    let tree = Tree::of(&whole.spans);
    let index = Index::of(whole);
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in tree.nodes.iter().take(MOST) {
        if let Some(mut detail) = Detail::of(&tree, node, whole, &index, colours) {
            detail.is_offline = true;
            all.entry(detail.id.clone())
                .or_default()
                .push(detail.render()?);
        }
    }
    Ok(all)
}

impl<'a> Index<'a> {
    pub(super) fn of(whole: &'a Whole) -> Self {
        let mut index = Self::default();
        for log in &whole.logs {
            if let Some(id) = log.span_id {
                index.logs.entry(id).or_default().push(log);
            }
        }
        for follower in &whole.spans {
            for link in &follower.span.links {
                let named = index
                    .followers
                    .entry((&link.trace_id, &link.span_id))
                    .or_default();
                // It may say so more than once.
                if !named
                    .last()
                    .is_some_and(|last| std::ptr::eq(*last, follower))
                {
                    named.push(follower);
                }
            }
        }
        index
    }
}

impl Detail {
    pub(super) fn of(
        tree: &Tree,
        node: &Node,
        whole: &Whole,
        index: &Index<'_>,
        colours: &Colours,
    ) -> Option<Self> {
        let stored = whole.spans.get(node.span)?;
        let span = &stored.span;
        let status = span.status.as_ref();
        let span_id = SpanId::from_slice(&span.span_id);
        let followers = index
            .followers
            .get(&(span.trace_id.as_slice(), span.span_id.as_slice()))
            .into_iter()
            .flatten()
            .map(|other| Link {
                is_within: true,
                trace: hex(&other.span.trace_id),
                span: hex(&other.span.span_id),
                kind: "followed by",
                attributes: Vec::new(),
            })
            .collect();
        Some(Self {
            is_offline: false,
            colour: colours.of_service(&stored.service),
            service: stored.service.to_string(),
            name: span.name.clone(),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            kind: kind(span.kind),
            status: match status.map(|status| status.code) {
                Some(1) => "ok",
                Some(2) => "error",
                _ => "unset",
            },
            message: status.map_or_else(String::new, |status| status.message.clone()),
            time: format::time(i64::try_from(stored.start()).unwrap_or(i64::MAX)),
            after: format::duration(stored.start() - tree.start),
            duration: format::duration(stored.finish() - stored.start()),
            own: format::duration(node.own),
            scope: format!("{} {}", stored.scope.name, stored.scope.version)
                .trim()
                .to_owned(),
            state: span.trace_state.clone(),
            skew: node.skew.map_or_else(String::new, skew),
            attributes: attributes(&span.attributes),
            resource: attributes(&stored.resource.attributes),
            events: span
                .events
                .iter()
                .map(|event| Event::of(event, stored))
                .collect(),
            logs: span_id
                .and_then(|id| index.logs.get(&id))
                .into_iter()
                .flatten()
                .map(|log| Log::of(log, stored.start()))
                .collect(),
            links: span.links.iter().map(|link| Link::of(link, span)).collect(),
            followers,
        })
    }
}

impl Event {
    fn of(event: &Sent, stored: &Stored) -> Self {
        let after = event.time_unix_nano.saturating_sub(stored.start());
        Self {
            name: event.name.clone(),
            after: format::duration(after),
            attributes: attributes(&event.attributes),
        }
    }

    pub(super) fn times(stored: &Stored) -> impl Iterator<Item = u64> + '_ {
        stored.span.events.iter().map(|event| event.time_unix_nano)
    }
}

impl Log {
    /// Of a span, or a trace, that began then.
    pub(super) fn of(log: &StoredLog, start: u64) -> Self {
        let after = log.time.cast_unsigned().saturating_sub(start);
        let level = match log.log.severity_number {
            17.. => "error",
            13..17 => "warn",
            9..13 => "info",
            _ => "debug",
        };
        let severity = match log.log.severity_text.as_str() {
            "" => level.to_owned(),
            text => text.to_owned(),
        };
        Self {
            severity,
            level,
            after: format::duration(after),
            body: log.log.body.as_ref().map(text).unwrap_or_default(),
            attributes: attributes(&log.log.attributes),
        }
    }
}

impl Link {
    fn of(link: &SentLink, span: &Span) -> Self {
        let is_child = link.attributes.iter().any(|attribute| {
            attribute.key == "opentracing.ref_type"
                && attribute.value.as_ref().map(text).as_deref() == Some("child_of")
        });
        Self {
            is_within: link.trace_id == span.trace_id,
            trace: hex(&link.trace_id),
            span: hex(&link.span_id),
            kind: if is_child { "child of" } else { "follows from" },
            attributes: attributes(&link.attributes),
        }
    }
}

/// By how much, and why that cannot be.
pub(super) fn skew(nanos: i64) -> String {
    let much = format::duration(nanos.unsigned_abs());
    let what = match nanos {
        0.. => format!("began {much} before its caller"),
        _ => format!("began {much} after its caller had the answer"),
    };
    format!("{what}: the clocks of the two services differ by at least as much")
}

fn attributes(list: &[KeyValue]) -> Vec<Attribute> {
    let mut all: Vec<_> = list
        .iter()
        .map(|attribute| Attribute {
            key: attribute.key.clone(),
            value: attribute.value.as_ref().map(text).unwrap_or_default(),
        })
        .collect();
    all.sort_by(|one, other| one.key.cmp(&other.key));
    all
}

/// A span's kind in a word.
fn kind(kind: i32) -> &'static str {
    match kind {
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        1 => "internal",
        _ => "unspecified",
    }
}
