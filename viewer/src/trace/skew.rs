//! Clocks that disagree: what a service says it did before it was called, or after the caller had its answer, was
//! measured by another clock. Times are shown as they were sent; the difference is told beside them.

use super::{CLIENT, SERVER, tree::Tree};
use crate::store::Stored;

/// Says of each span of another service than its parent's by how much its clock must differ, where it must.
pub(super) fn measure(tree: &mut Tree, spans: &[Stored]) {
    let skews: Vec<_> = tree
        .nodes
        .iter()
        .map(|node| {
            let child = spans.get(node.span)?;
            let parent = spans.get(tree.nodes.get(node.parent?)?.span)?;
            (child.service != parent.service)
                .then(|| skew(parent, child))
                .flatten()
        })
        .collect();
    for (node, skew) in tree.nodes.iter_mut().zip(skews) {
        node.skew = skew;
    }
}

/// What would have to be added to the child's times, at least.
fn skew(parent: &Stored, child: &Stored) -> Option<i64> {
    let whole = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
    if child.start() < parent.start() {
        return Some(whole(parent.start() - child.start()));
    }
    // A task may be left running, and a caller that failed may have left before it was heard.
    let was_answered =
        parent.span.kind == CLIENT && child.span.kind == SERVER && !parent.is_error();
    (was_answered && child.start() > parent.finish())
        .then(|| -whole(child.start() - parent.finish()))
}
