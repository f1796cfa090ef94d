//! Two traces side by side: the same calls, and what only one has.

use std::{collections::BTreeMap, sync::Arc};

use super::Tree;
use crate::store::Stored;

/// A call in one or both.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) depth: usize,
    pub(crate) service: Arc<str>,
    pub(crate) name: String,
    /// Nanoseconds, where it is there, and whether it failed.
    pub(crate) one: Option<(u64, bool)>,
    pub(crate) other: Option<(u64, bool)>,
}

/// A call path: services and names from the root, and which of the siblings it is.
pub(crate) type Path = Vec<(Arc<str>, String, usize)>;

/// Pairs spans by their call path. The order is the first trace's, with what only the other has where it would be.
pub(crate) fn compare(
    (one, ones): (&Tree, &[Stored]),
    (other, others): (&Tree, &[Stored]),
) -> Vec<Pair> {
    let mut all: BTreeMap<Path, Pair> = BTreeMap::new();
    let mut order: Vec<Path> = Vec::new();
    for (path, span, is_first) in paths(one, ones)
        .into_iter()
        .map(|(path, span)| (path, span, true))
        .chain(
            paths(other, others)
                .into_iter()
                .map(|(path, span)| (path, span, false)),
        )
    {
        if !all.contains_key(&path) {
            let at = place(&order, &path);
            order.insert(at, path.clone());
        }
        let pair = all.entry(path.clone()).or_insert_with(|| Pair {
            depth: path.len() - 1,
            service: Arc::clone(&span.service),
            name: span.span.name.clone(),
            one: None,
            other: None,
        });
        let seen = Some((span.finish() - span.start(), span.is_error()));
        if is_first {
            pair.one = seen;
        } else {
            pair.other = seen;
        }
    }
    order.iter().filter_map(|path| all.remove(path)).collect()
}

/// Behind the last that shares the most of the path.
fn place(order: &[Path], path: &Path) -> usize {
    for shared in (1..path.len()).rev() {
        let parent = path.get(..shared);
        if let Some(at) = order
            .iter()
            .rposition(|known| known.get(..shared) == parent)
        {
            return at + 1;
        }
    }
    order.len()
}

/// Each span's path, in the tree's order.
pub(crate) fn paths<'s>(tree: &Tree, spans: &'s [Stored]) -> Vec<(Path, &'s Stored)> {
    let mut found: Vec<Option<Path>> = Vec::with_capacity(tree.nodes.len());
    let mut seen: BTreeMap<(Option<usize>, Arc<str>, String), usize> = BTreeMap::new();
    let mut all = Vec::with_capacity(tree.nodes.len());
    for node in &tree.nodes {
        let Some(stored) = spans.get(node.span) else {
            found.push(None);
            continue;
        };
        let turn = seen
            .entry((
                node.parent,
                Arc::clone(&stored.service),
                stored.span.name.clone(),
            ))
            .or_default();
        let mut path = node
            .parent
            .and_then(|parent| found.get(parent)?.clone())
            .unwrap_or_default();
        path.push((Arc::clone(&stored.service), stored.span.name.clone(), *turn));
        *turn += 1;
        found.push(Some(path.clone()));
        all.push((path, stored));
    }
    all
}
