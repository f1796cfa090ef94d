//! The critical path: what had to take as long for the trace to take as long.
//!
//! From a span's end backwards: the child that ended last before the point reached is on it, and before that child
//! began, the next one. What no child covers is the span's own part. So the path's parts are the root's time, each
//! moment once.

use super::{CLIENT, SERVER, tree::Tree};
use crate::store::Stored;

/// Marks the parts on the path that ends with the first root.
pub(super) fn mark(tree: &mut Tree, spans: &[Stored]) {
    let span_of = |tree: &Tree, node: usize| spans.get(tree.nodes.get(node)?.span);
    let Some(root) = span_of(tree, 0) else {
        return;
    };
    // A node, and the time in which it is on the path.
    let mut waiting = vec![(0, root.start(), root.finish())];
    while let Some((node, from, to)) = waiting.pop() {
        let Some(span) = span_of(tree, node) else {
            continue;
        };
        let mut children: Vec<_> = tree
            .children(node)
            .filter_map(|child| {
                let found = span_of(tree, child)?;
                Some((end(span, found), found.start(), child))
            })
            .collect();
        children.sort_by_key(|(finish, ..)| *finish);
        let mut reached = to;
        let mut parts = Vec::new();
        for (child_finish, child_start, child) in children.into_iter().rev() {
            // What ends after the point reached ran beside the path, or was left running.
            if child_finish > reached || child_start >= reached || child_finish <= from {
                continue;
            }
            if child_finish < reached {
                parts.push((child_finish, reached));
            }
            reached = child_start.max(from);
            waiting.push((child, reached, child_finish));
        }
        if reached > from {
            parts.push((from, reached));
        }
        parts.reverse();
        if let Some(node) = tree.nodes.get_mut(node) {
            node.critical = parts;
        }
    }
}

/// When the parent went on. A server may be busy a little longer than the client that has its answer already.
fn end(parent: &Stored, child: &Stored) -> u64 {
    if parent.span.kind == CLIENT && child.span.kind == SERVER {
        child.finish().min(parent.finish())
    } else {
        child.finish()
    }
}
