//! The page of a trace: its spans as a waterfall.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use http::StatusCode;

use super::{
    failed, format, show,
    span::{Detail, Event},
};
use crate::{
    api::params::Params,
    ids::{SpanId, TraceId, hex},
    store::{Store, StoreError, Stored, Whole},
    trace::{Folded, Node, Oddity, Tree, fold},
};

#[derive(Template)]
#[template(path = "trace.html")]
struct Page {
    id: String,
    waterfall: Waterfall,
}

/// What the page, and the file that opens offline, show of a trace.
#[derive(Template)]
#[template(path = "waterfall.html")]
pub(super) struct Waterfall {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) service: String,
    time: String,
    duration: String,
    /// Nanoseconds.
    length: u64,
    spans: usize,
    errors: usize,
    orphans: usize,
    services: Vec<(String, usize, u64)>,
    rows: Vec<Row>,
    marks: Vec<Mark>,
    /// Height of the little map.
    height: usize,
}

/// A row: a span, or many of a kind.
#[derive(Default)]
struct Row {
    /// The span's node; for a fold its first member's.
    node: usize,
    id: String,
    twin: usize,
    level: usize,
    /// Classes for the indent stop somewhere.
    indent: usize,
    below: usize,
    children: usize,
    service: String,
    colour: u64,
    name: String,
    duration: String,
    own: String,
    /// Thousandths of the trace.
    x: f64,
    width: f64,
    critical: Vec<(f64, f64)>,
    is_error: bool,
    errors_below: usize,
    oddity: &'static str,
    skew: String,
    /// The fold that this row opens.
    fold: Option<usize>,
    count: usize,
    is_n_plus_one: bool,
    /// The fold that this row is in.
    within: Option<usize>,
    events: Vec<f64>,
}

/// A span on the little map.
struct Mark {
    x: f64,
    y: usize,
    width: f64,
    colour: u64,
    is_error: bool,
}

pub(super) async fn page(
    State(store): State<Store>,
    Path(text): Path<String>,
) -> Result<Response, StoreError> {
    let Some(id) = TraceId::parse(&text) else {
        return Ok(unknown(&text));
    };
    let Some(whole) = store.trace(id).await? else {
        return Ok(unknown(&text));
    };
    Ok(show(&Page {
        id: id.to_string(),
        waterfall: Waterfall::of(id, &whole),
    }))
}

/// What there is to know about one span.
pub(super) async fn span(
    State(store): State<Store>,
    Path((trace, span)): Path<(String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let params = Params::of(pairs);
    let twin = params.limit("twin", 0, i64::MAX).unwrap_or_default();
    let ids = TraceId::parse(&trace).zip(SpanId::parse(&span));
    let Some((trace_id, span_id)) = ids else {
        return Ok(unknown(&trace));
    };
    let Some(whole) = store.trace(trace_id).await? else {
        return Ok(unknown(&trace));
    };
    let tree = Tree::of(&whole.spans);
    let found = tree
        .nodes
        .iter()
        .filter(|node| {
            whole
                .spans
                .get(node.span)
                .is_some_and(|stored| stored.span.span_id == span_id.0)
        })
        .nth(twin);
    Ok(
        match found.and_then(|node| Detail::of(&tree, node, &whole)) {
            Some(detail) => show(&detail),
            None => failed(
                StatusCode::NOT_FOUND,
                "There is no such span",
                format!("{span} is not in this trace, or not any more."),
            ),
        },
    )
}

fn unknown(text: &str) -> Response {
    failed(
        StatusCode::NOT_FOUND,
        "There is no such trace",
        format!("{text} did not come in yet, or gave way to newer traces."),
    )
}

impl Waterfall {
    pub(super) fn of(id: TraceId, whole: &Whole) -> Self {
        let tree = Tree::of(&whole.spans);
        let root = tree
            .nodes
            .first()
            .and_then(|node| whole.spans.get(node.span));
        let mut services: Vec<(String, usize, u64)> = Vec::new();
        for stored in &whole.spans {
            match services
                .iter_mut()
                .find(|(name, ..)| **name == *stored.service)
            {
                Some((_, spans, _)) => *spans += 1,
                None => services.push((
                    stored.service.to_string(),
                    1,
                    format::colour(&stored.service),
                )),
            }
        }
        let scale = Scale::of(&tree);
        let marks = tree
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(y, node)| {
                let stored = whole.spans.get(node.span)?;
                let (x, width) = scale.bar(stored.start(), stored.finish());
                Some(Mark {
                    x,
                    y,
                    width: width.max(1.5),
                    colour: format::colour(&stored.service),
                    is_error: stored.is_error(),
                })
            })
            .collect();
        Self {
            id: id.to_string(),
            title: root.map_or_else(String::new, |root| root.span.name.clone()),
            service: root.map_or_else(String::new, |root| root.service.to_string()),
            time: format::time(i64::try_from(tree.start).unwrap_or(i64::MAX)),
            duration: format::duration(scale.length),
            length: scale.length,
            spans: whole.spans.len(),
            errors: whole
                .spans
                .iter()
                .filter(|stored| stored.is_error())
                .count(),
            orphans: tree
                .nodes
                .iter()
                .filter(|node| node.oddity == Some(Oddity::Orphan))
                .count(),
            services,
            rows: rows(&tree, &whole.spans, &scale),
            height: tree.nodes.len().max(1),
            marks,
        }
    }
}

/// From nanoseconds to thousandths of the trace.
struct Scale {
    start: u64,
    length: u64,
}

impl Scale {
    fn of(tree: &Tree) -> Self {
        Self {
            start: tree.start,
            length: tree.finish - tree.start,
        }
    }

    fn at(&self, time: u64) -> f64 {
        let since = time.saturating_sub(self.start);
        since as f64 * 1000.0 / self.length.max(1) as f64
    }

    fn bar(&self, start: u64, finish: u64) -> (f64, f64) {
        (self.at(start), self.at(finish) - self.at(start))
    }
}

/// Spans in order, and before the first of many of a kind a row that stands for them.
fn rows(tree: &Tree, spans: &[Stored], scale: &Scale) -> Vec<Row> {
    let folds = fold(tree, spans);
    let mut member_of = HashMap::new();
    for (index, fold) in folds.iter().enumerate() {
        for node in &fold.nodes {
            member_of.insert(*node, index);
        }
    }
    let mut twins: HashMap<&[u8], usize> = HashMap::new();
    let mut rows = Vec::with_capacity(tree.nodes.len() + folds.len());
    for (index, node) in tree.nodes.iter().enumerate() {
        let Some(stored) = spans.get(node.span) else {
            continue;
        };
        let within = member_of.get(&index).copied();
        let opens = within
            .and_then(|fold| Some((fold, folds.get(fold)?)))
            .filter(|(_, fold)| fold.nodes.first() == Some(&index));
        if let Some((number, fold)) = opens {
            rows.push(Row::of_fold(number, fold, tree, spans, scale));
        }
        let twin = twins.entry(&stored.span.span_id).or_default();
        rows.push(Row {
            twin: *twin,
            within,
            ..Row::of(index, node, stored, scale)
        });
        *twin += 1;
    }
    rows
}

impl Row {
    fn of(index: usize, node: &Node, stored: &Stored, scale: &Scale) -> Self {
        let (x, width) = scale.bar(stored.start(), stored.finish());
        let critical = |(from, to): &(u64, u64)| scale.bar(*from, *to);
        Self {
            node: index,
            id: hex(&stored.span.span_id),
            level: node.depth + 1,
            indent: node.depth.min(24),
            below: node.below,
            children: node.children,
            service: stored.service.to_string(),
            colour: format::colour(&stored.service),
            name: stored.span.name.clone(),
            duration: format::duration(stored.finish() - stored.start()),
            own: format::duration(node.own),
            x,
            width,
            critical: node.critical.iter().map(critical).collect(),
            is_error: stored.is_error(),
            errors_below: node.errors - usize::from(stored.is_error()),
            oddity: match node.oddity {
                None => "",
                Some(Oddity::Orphan) => "parent missing",
                Some(Oddity::Cycle) => "its own ancestor",
                Some(Oddity::SameId) => "id used twice",
            },
            skew: node.skew.map_or_else(String::new, |skew| {
                format!("clock {} off", format::duration(skew.unsigned_abs()))
            }),
            events: Event::times(stored).map(|time| scale.at(time)).collect(),
            ..Self::default()
        }
    }

    /// Stands for all of them: from the first's start to the last's end.
    fn of_fold(number: usize, fold: &Folded, tree: &Tree, spans: &[Stored], scale: &Scale) -> Self {
        let members = || {
            fold.nodes
                .iter()
                .filter_map(|node| Some((tree.nodes.get(*node)?, *node)))
                .filter_map(|(node, index)| Some((index, node, spans.get(node.span)?)))
        };
        let start = members().map(|(.., stored)| stored.start()).min();
        let finish = members().map(|(.., stored)| stored.finish()).max();
        let (x, width) = scale.bar(start.unwrap_or_default(), finish.unwrap_or_default());
        let errors = members().map(|(_, node, _)| node.errors).sum();
        let Some((index, node, first)) = members().next() else {
            return Self::default();
        };
        Self {
            x,
            width,
            duration: format::duration(fold.total),
            count: fold.nodes.len(),
            is_n_plus_one: fold.is_n_plus_one,
            fold: Some(number),
            is_error: false,
            errors_below: errors,
            critical: Vec::new(),
            events: Vec::new(),
            oddity: "",
            skew: String::new(),
            below: 0,
            children: 0,
            ..Self::of(index, node, first, scale)
        }
    }
}
