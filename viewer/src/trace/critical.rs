//! The critical path: what had to take as long for the trace to take as long.
//!
//! From a span's end backwards: the child that ended last before the point reached is on it, and before that child
//! began, the next one. What no child covers is the span's own part.

use super::tree::Tree;
use crate::store::Stored;

/// Marks the parts on the path that ends with the first root.
pub(super) fn mark(tree: &mut Tree, spans: &[Stored]) {
    if tree.nodes.is_empty() {
        return;
    }
    let range = |tree: &Tree, node: usize| {
        let span = spans.get(tree.nodes.get(node)?.span)?;
        Some((span.start(), span.finish()))
    };
    let Some((_, end)) = range(tree, 0) else {
        return;
    };
    // A node, and the point before which its part is looked for.
    let mut waiting = vec![(0, end)];
    while let Some((node, end)) = waiting.pop() {
        let Some((start, finish)) = range(tree, node) else {
            continue;
        };
        let mut reached = end.min(finish);
        let mut children: Vec<_> = tree
            .children(node)
            .filter_map(|child| range(tree, child).map(|range| (child, range)))
            .collect();
        children.sort_by_key(|(_, (_, finish))| *finish);
        let mut parts = Vec::new();
        for (child, (child_start, child_finish)) in children.into_iter().rev() {
            // What ends after the point reached ran beside the path, or was left running.
            if child_finish > reached || child_start >= reached || child_finish <= start {
                continue;
            }
            if child_finish < reached {
                parts.push((child_finish, reached));
            }
            waiting.push((child, child_finish));
            reached = child_start.max(start);
        }
        if reached > start {
            parts.push((start, reached));
        }
        parts.reverse();
        if let Some(node) = tree.nodes.get_mut(node) {
            node.critical = parts;
        }
    }
}
