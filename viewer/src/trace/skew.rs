//! Clocks that disagree: a child in another service that begins before its parent, or ends after it, was measured by
//! another clock. Times are shown as they were sent; the difference is told beside them.

use super::tree::Tree;
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

/// What would have to be added to the child's times, at least. A child that outlives its parent may be a task that was
/// left running: that is no skew unless it began before as well, or is as long as would fit.
fn skew(parent: &Stored, child: &Stored) -> Option<i64> {
    let lead = parent.start().checked_sub(child.start())?;
    (lead > 0).then(|| i64::try_from(lead).unwrap_or(i64::MAX))
}
