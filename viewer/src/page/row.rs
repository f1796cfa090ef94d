//! The rows of a waterfall: a span, or many of a kind.

use std::collections::HashMap;

use super::{
    colours::Colours,
    format,
    span::{Event, skew},
    waterfall::Scale,
};
use crate::{
    ids::hex,
    store::Stored,
    trace::{Folded, Node, Oddity, Tree, fold},
};

#[derive(Default)]
pub(super) struct Row {
    pub(super) id: String,
    /// Which of the spans of this id it is.
    pub(super) twin: usize,
    pub(super) level: usize,
    /// Classes for the indent stop somewhere.
    pub(super) indent: usize,
    pub(super) below: usize,
    pub(super) children: usize,
    pub(super) service: String,
    pub(super) colour: usize,
    pub(super) name: String,
    pub(super) duration: String,
    pub(super) own: String,
    pub(super) bar: Part,
    pub(super) critical: Vec<Part>,
    pub(super) is_error: bool,
    pub(super) errors_below: usize,
    /// A word, and what it means.
    pub(super) oddity: Option<(&'static str, &'static str)>,
    pub(super) skew: Option<(String, String)>,
    /// The fold that the row opens, and how many it stands for.
    pub(super) fold: Option<usize>,
    pub(super) count: usize,
    pub(super) is_n_plus_one: bool,
    /// The fold that it is one of.
    pub(super) within: Option<usize>,
    /// Hundredths of the trace.
    pub(super) events: Vec<String>,
}

/// From where, and how wide, in hundredths of the trace.
#[derive(Default)]
pub(super) struct Part {
    pub(super) x: String,
    pub(super) width: String,
}

/// As many spans have a row: browsers have an end as well.
pub(super) const MOST: usize = 20_000;

impl Row {
    /// Spans in order, and before the first of many of a kind a row that stands for them.
    pub(super) fn all(
        tree: &Tree,
        spans: &[Stored],
        scale: &Scale,
        colours: &Colours,
    ) -> Vec<Self> {
        let folds = fold(tree, spans);
        let mut fold_of = HashMap::new();
        for (number, fold) in folds.iter().enumerate() {
            fold_of.extend(fold.nodes.iter().map(|node| (*node, (number, fold))));
        }
        let mut twins: HashMap<&[u8], usize> = HashMap::new();
        let mut rows = Vec::new();
        for (index, node) in tree.nodes.iter().enumerate().take(MOST) {
            let Some(stored) = spans.get(node.span) else {
                continue;
            };
            let twin = twins.entry(&stored.span.span_id).or_default();
            let within = fold_of.get(&index);
            let row = Self {
                twin: *twin,
                within: within.map(|(number, _)| *number),
                ..Self::of(node, stored, scale, colours)
            };
            *twin += 1;
            let opens = within.filter(|(_, fold)| fold.nodes.first() == Some(&index));
            if let Some((number, fold)) = opens {
                rows.push(Self {
                    fold: Some(*number),
                    ..row.of_fold(fold, tree, spans, scale)
                });
            }
            rows.push(row);
        }
        rows
    }

    fn of(node: &Node, stored: &Stored, scale: &Scale, colours: &Colours) -> Self {
        Self {
            id: hex(&stored.span.span_id),
            level: node.depth + 1,
            indent: node.depth.min(24),
            below: node.below,
            children: node.children,
            service: stored.service.to_string(),
            colour: colours.of_service(&stored.service),
            name: format::short(&stored.span.name),
            duration: format::duration(stored.finish() - stored.start()),
            own: format::duration(node.own),
            bar: Part::of(scale, stored.start(), stored.finish()),
            critical: node
                .critical
                .iter()
                .map(|(from, to)| Part::of(scale, *from, *to))
                .collect(),
            is_error: stored.is_error(),
            errors_below: node.errors - usize::from(stored.is_error()),
            oddity: node.oddity.map(|oddity| match oddity {
                Oddity::Orphan => ("parent missing", "The span that it is below did not come"),
                Oddity::Cycle => (
                    "its own ancestor",
                    "The spans say that they are below each other",
                ),
                Oddity::SameId => (
                    "id used twice",
                    "Another span of this trace has the same id",
                ),
            }),
            skew: node.skew.map(|nanos| {
                let much = format::duration(nanos.unsigned_abs());
                let way = if nanos >= 0 { "behind" } else { "ahead" };
                (format!("clock {much} {way}"), skew(nanos))
            }),
            events: Event::times(stored)
                .map(|time| format::percent(scale.at(time)))
                .collect(),
            ..Self::default()
        }
    }

    /// Stands for all of them: from the first's start to the last's end. The row is the first's.
    fn of_fold(&self, fold: &Folded, tree: &Tree, spans: &[Stored], scale: &Scale) -> Self {
        let members = || {
            fold.nodes
                .iter()
                .filter_map(|node| tree.nodes.get(*node))
                .filter_map(|node| Some((node, spans.get(node.span)?)))
        };
        let start = members().map(|(_, stored)| stored.start()).min();
        let finish = members().map(|(_, stored)| stored.finish()).max();
        Self {
            id: self.id.clone(),
            twin: self.twin,
            level: self.level,
            indent: self.indent,
            service: self.service.clone(),
            colour: self.colour,
            name: self.name.clone(),
            bar: Part::of(scale, start.unwrap_or_default(), finish.unwrap_or_default()),
            duration: format::duration(fold.total),
            count: fold.nodes.len(),
            is_n_plus_one: fold.is_n_plus_one,
            errors_below: members().map(|(node, _)| node.errors).sum(),
            ..Self::default()
        }
    }
}

impl Part {
    fn of(scale: &Scale, from: u64, to: u64) -> Self {
        let (x, width) = scale.bar(from, to);
        Self {
            x: format::percent(x),
            width: format::percent(width),
        }
    }
}
