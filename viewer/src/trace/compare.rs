//! Two traces side by side: the same calls, and what only one has. Or one beside what is usual for its like.

use std::{collections::HashMap, sync::Arc};

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

/// A trace beside the medians of others.
#[derive(Debug)]
pub(crate) struct Median {
    paths: Paths,
    one: Vec<Option<(u64, bool)>>,
    /// The durations of each path in the others.
    seen: Vec<Vec<u64>>,
    others: usize,
}

/// Call paths: services and names from the root, and which of the siblings of a kind it is. Each has a number, and a
/// place among those below the same one: however deep it is, it is one step.
#[derive(Debug, Default)]
struct Paths {
    steps: Vec<Step>,
    numbers: HashMap<Key, usize>,
    roots: Vec<usize>,
}

#[derive(Debug)]
struct Step {
    depth: usize,
    service: Arc<str>,
    name: String,
    children: Vec<usize>,
}

/// The path above, the service, the name, the turn.
type Key = (Option<usize>, Arc<str>, String, usize);

/// Pairs spans by their call path. The order is the first trace's, with what only the other has where it would be.
pub(crate) fn compare(
    (one, ones): (&Tree, &[Stored]),
    (other, others): (&Tree, &[Stored]),
) -> Vec<Pair> {
    let mut paths = Paths::default();
    let ones = by_path(paths.add(one, ones));
    let others = by_path(paths.add(other, others));
    paths.pairs(&ones, |path| others.get(path).copied().flatten())
}

impl Median {
    pub(crate) fn of(tree: &Tree, spans: &[Stored]) -> Self {
        let mut paths = Paths::default();
        let one = by_path(paths.add(tree, spans));
        Self {
            paths,
            one,
            seen: Vec::new(),
            others: 0,
        }
    }

    /// Takes another into account.
    pub(crate) fn add(&mut self, tree: &Tree, spans: &[Stored]) {
        self.others += 1;
        for (path, span) in self.paths.add(tree, spans) {
            if self.seen.len() <= path {
                self.seen.resize(path + 1, Vec::new());
            }
            if let Some(durations) = self.seen.get_mut(path) {
                durations.push(span.finish() - span.start());
            }
        }
    }

    /// How many others there are.
    pub(crate) fn others(&self) -> usize {
        self.others
    }

    /// The trace beside the median of each call. What no more than half of the others have is not usual.
    pub(crate) fn pairs(mut self) -> Vec<Pair> {
        let usual: Vec<_> = self
            .seen
            .iter_mut()
            .map(|durations| {
                durations.sort_unstable();
                let median = durations.get(durations.len() / 2)?;
                (durations.len() * 2 > self.others).then_some((*median, false))
            })
            .collect();
        self.paths
            .pairs(&self.one, |path| usual.get(path).copied().flatten())
    }
}

fn by_path(spans: Vec<(usize, &Stored)>) -> Vec<Option<(u64, bool)>> {
    let mut found = Vec::new();
    for (path, span) in spans {
        if found.len() <= path {
            found.resize(path + 1, None);
        }
        if let Some(slot) = found.get_mut(path) {
            *slot = Some((span.finish() - span.start(), span.is_error()));
        }
    }
    found
}

impl Paths {
    /// Each span's path, in the tree's order. A new one stands behind the sibling that comes before it in this trace.
    fn add<'s>(&mut self, tree: &Tree, spans: &'s [Stored]) -> Vec<(usize, &'s Stored)> {
        let mut of_node: Vec<Option<usize>> = Vec::with_capacity(tree.nodes.len());
        let mut turns: HashMap<(Option<usize>, &Arc<str>, &str), usize> = HashMap::new();
        let mut last: HashMap<Option<usize>, usize> = HashMap::new();
        let mut all = Vec::with_capacity(tree.nodes.len());
        for node in &tree.nodes {
            let Some(stored) = spans.get(node.span) else {
                of_node.push(None);
                continue;
            };
            let above = node
                .parent
                .and_then(|parent| of_node.get(parent).copied().flatten());
            let name = stored.span.name.as_str();
            let turn = turns.entry((above, &stored.service, name)).or_default();
            let key = (above, Arc::clone(&stored.service), name.to_owned(), *turn);
            *turn += 1;
            let path = match self.numbers.get(&key) {
                Some(path) => *path,
                None => self.insert(key, last.get(&above).copied()),
            };
            last.insert(above, path);
            of_node.push(Some(path));
            all.push((path, stored));
        }
        all
    }

    fn insert(&mut self, key: Key, behind: Option<usize>) -> usize {
        let (above, service, name, _) = &key;
        let number = self.steps.len();
        let depth = above
            .and_then(|above| self.steps.get(above))
            .map_or(0, |above| above.depth + 1);
        self.steps.push(Step {
            depth,
            service: Arc::clone(service),
            name: name.clone(),
            children: Vec::new(),
        });
        let siblings = match above.and_then(|above| self.steps.get_mut(above)) {
            Some(above) => &mut above.children,
            None => &mut self.roots,
        };
        let place = behind.and_then(|behind| siblings.iter().rposition(|path| *path == behind));
        siblings.insert(place.map_or(0, |place| place + 1), number);
        self.numbers.insert(key, number);
        number
    }

    /// All paths that one or the other has, depth first.
    fn pairs(
        &self,
        ones: &[Option<(u64, bool)>],
        other: impl Fn(usize) -> Option<(u64, bool)>,
    ) -> Vec<Pair> {
        let mut pairs = Vec::with_capacity(self.steps.len());
        let mut stack: Vec<_> = self.roots.iter().rev().copied().collect();
        while let Some(path) = stack.pop() {
            let Some(step) = self.steps.get(path) else {
                continue;
            };
            stack.extend(step.children.iter().rev());
            let pair = Pair {
                depth: step.depth,
                service: Arc::clone(&step.service),
                name: step.name.clone(),
                one: ones.get(path).copied().flatten(),
                other: other(path),
            };
            if pair.one.is_some() || pair.other.is_some() {
                pairs.push(pair);
            }
        }
        pairs
    }
}
