//! Many siblings that look the same are shown as one row.

use super::{
    CLIENT,
    tree::{Node, Tree},
};
use crate::store::Stored;

/// Siblings of one service, name and kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    /// The node of the parent.
    pub(crate) parent: usize,
    /// The nodes, in order.
    pub(crate) nodes: Vec<usize>,
    /// Nanoseconds of all of them together.
    pub(crate) total: u64,
    /// One after the other, each a call that leaves the service: what one question could have asked.
    pub(crate) is_n_plus_one: bool,
}

/// As many are worth folding.
const MANY: usize = 5;

/// The groups of siblings that are worth folding.
pub(crate) fn fold(tree: &Tree, spans: &[Stored]) -> Vec<Folded> {
    let span_of = |node: usize| {
        let node: &Node = tree.nodes.get(node)?;
        spans.get(node.span)
    };
    let mut all = Vec::new();
    for (parent, node) in tree.nodes.iter().enumerate() {
        if node.children < MANY {
            continue;
        }
        let mut groups: Vec<Folded> = Vec::new();
        let mut found = std::collections::HashMap::new();
        for child in tree.children(parent) {
            let Some(span) = span_of(child) else { continue };
            let key = (
                span.service.clone(),
                span.span.name.as_str(),
                span.span.kind,
            );
            let group = *found.entry(key).or_insert_with(|| {
                groups.push(Folded {
                    parent,
                    nodes: Vec::new(),
                    total: 0,
                    is_n_plus_one: span.span.kind == CLIENT,
                });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(group) {
                let follows = group
                    .nodes
                    .last()
                    .and_then(|last| span_of(*last))
                    .is_none_or(|last| last.finish() <= span.start());
                group.is_n_plus_one &= follows;
                group.total = group.total.saturating_add(span.finish() - span.start());
                group.nodes.push(child);
            }
        }
        all.extend(groups.into_iter().filter(|group| group.nodes.len() >= MANY));
    }
    all
}
