//! Who is whose child. Cycles, orphans and spans of the same id are told, and lost is none.

use std::collections::HashMap;

use super::{CLIENT, SERVER, critical, skew};
use crate::store::Stored;

/// The spans of a trace, in the order in which they are shown: depth first, children by their start.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    /// The earliest start and the latest end, in nanoseconds since 1970, by the senders' own clocks.
    pub(crate) start: u64,
    pub(crate) finish: u64,
}

/// A span in its place.
#[derive(Debug)]
pub(crate) struct Node {
    /// The index of the span in the trace.
    pub(crate) span: usize,
    /// The index of the parent among the nodes.
    pub(crate) parent: Option<usize>,
    pub(crate) depth: usize,
    /// How many nodes are below it: those that follow.
    pub(crate) below: usize,
    pub(crate) children: usize,
    /// Failed spans at or below it.
    pub(crate) errors: usize,
    /// Nanoseconds in which none of its children ran.
    pub(crate) own: u64,
    /// Nanoseconds by which its service's clock is behind its parent's, at least; negative: ahead.
    pub(crate) skew: Option<i64>,
    /// Parts of it on the critical path, in nanoseconds since 1970.
    pub(crate) critical: Vec<(u64, u64)>,
    pub(crate) oddity: Option<Oddity>,
}

/// What is strange about a span's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// Its parent is not there: not yet, or lost.
    Orphan,
    /// Its ancestors are its descendants. It was taken for a root.
    Cycle,
    /// Another span has its id.
    SameId,
}

impl Tree {
    pub(crate) fn of(spans: &[Stored]) -> Self {
        let links = Links::of(spans);
        let mut tree = Self {
            nodes: Vec::with_capacity(spans.len()),
            start: spans.iter().map(Stored::start).min().unwrap_or_default(),
            finish: spans.iter().map(Stored::finish).max().unwrap_or_default(),
        };
        for (root, oddity) in &links.roots {
            tree.plant(spans, &links, *root, *oddity);
        }
        tree.sum(spans);
        skew::measure(&mut tree, spans);
        critical::mark(&mut tree, spans);
        tree
    }

    /// The nodes directly below one, in order.
    pub(crate) fn children(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self
            .nodes
            .get(node)
            .map_or(node, |found| node + found.below + 1);
        let mut next = node + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next += self.nodes.get(child)?.below + 1;
            Some(child)
        })
    }

    /// Without recursion: a chain may be as deep as there are spans.
    fn plant(&mut self, spans: &[Stored], links: &Links, root: usize, oddity: Option<Oddity>) {
        let mut stack = vec![(root, None, 0, oddity)];
        while let Some((span, parent, depth, oddity)) = stack.pop() {
            let node = self.nodes.len();
            self.nodes.push(Node {
                span,
                parent,
                depth,
                below: 0,
                children: 0,
                errors: 0,
                own: 0,
                skew: None,
                critical: Vec::new(),
                oddity: oddity.or_else(|| links.same.contains(&span).then_some(Oddity::SameId)),
            });
            let mut children: Vec<_> = links.children.get(&span).cloned().unwrap_or_default();
            children.sort_by_key(|child| spans.get(*child).map(Stored::start));
            stack.extend(
                children
                    .into_iter()
                    .rev()
                    .map(|child| (child, Some(node), depth + 1, None)),
            );
        }
    }

    /// From the last to the first: children come after their parents.
    fn sum(&mut self, spans: &[Stored]) {
        for index in (0..self.nodes.len()).rev() {
            let own = self.own_time(index, spans);
            let Some(node) = self.nodes.get_mut(index) else {
                continue;
            };
            node.own = own;
            if spans.get(node.span).is_some_and(Stored::is_error) {
                node.errors += 1;
            }
            let (parent, below, errors) = (node.parent, node.below + 1, node.errors);
            if let Some(parent) = parent.and_then(|parent| self.nodes.get_mut(parent)) {
                parent.below += below;
                parent.children += 1;
                parent.errors += errors;
            }
        }
    }

    /// The span less the union of its children within it.
    fn own_time(&self, index: usize, spans: &[Stored]) -> u64 {
        let span_of = |node: usize| self.nodes.get(node).and_then(|node| spans.get(node.span));
        let Some(span) = span_of(index) else { return 0 };
        let mut covered = 0;
        let mut reached = span.start();
        // Children come by their start.
        for child in self.children(index).filter_map(span_of) {
            let from = child.start().max(reached);
            let to = child.finish().min(span.finish());
            if to > from {
                covered += to - from;
                reached = to;
            }
        }
        span.finish() - span.start() - covered
    }
}

/// Indexes of spans: the roots in order, and each span's children.
#[derive(Debug, Default)]
struct Links {
    roots: Vec<(usize, Option<Oddity>)>,
    children: HashMap<usize, Vec<usize>>,
    same: std::collections::HashSet<usize>,
}

impl Links {
    fn of(spans: &[Stored]) -> Self {
        let mut links = Self::default();
        let mut by_id: HashMap<&[u8], Vec<usize>> = HashMap::new();
        for (index, span) in spans.iter().enumerate() {
            by_id.entry(&span.span.span_id).or_default().push(index);
        }
        for twins in by_id.values() {
            links
                .same
                .extend(twins.iter().filter(|span| has_double(spans, twins, **span)));
        }
        let mut parents = vec![None; spans.len()];
        for (index, (span, slot)) in spans.iter().zip(&mut parents).enumerate() {
            let wanted = span.span.parent_span_id.as_slice();
            let twins = by_id.get(span.span.span_id.as_slice());
            *slot = twins
                .and_then(|twins| client_half(spans, twins, index))
                .or_else(|| {
                    let named = by_id.get(wanted).filter(|_| !wanted.is_empty());
                    parent_among(spans, named?, index)
                });
            if slot.is_none() {
                let oddity = match () {
                    () if wanted.is_empty() => None,
                    () if wanted == span.span.span_id => Some(Oddity::Cycle),
                    () => Some(Oddity::Orphan),
                };
                links.roots.push((index, oddity));
            }
        }
        links.break_cycles(&mut parents);
        for (index, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                links.children.entry(*parent).or_default().push(index);
            }
        }
        links
            .roots
            .sort_by_key(|(root, _)| spans.get(*root).map(Stored::start));
        links
    }

    /// The first span of each circle becomes a root.
    fn break_cycles(&mut self, parents: &mut [Option<usize>]) {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            No,
            Now(usize),
            Before,
        }
        let mut seen = vec![Seen::No; parents.len()];
        for start in 0..parents.len() {
            let mut path = Vec::new();
            let mut at = Some(start);
            while let Some(span) = at {
                match seen.get(span) {
                    Some(Seen::No) => {}
                    Some(Seen::Now(walk)) if *walk == start => {
                        if let Some(parent) = parents.get_mut(span) {
                            *parent = None;
                        }
                        self.roots.push((span, Some(Oddity::Cycle)));
                        break;
                    }
                    _ => break,
                }
                if let Some(slot) = seen.get_mut(span) {
                    *slot = Seen::Now(start);
                }
                path.push(span);
                at = parents.get(span).copied().flatten();
            }
            for span in path {
                if let Some(slot) = seen.get_mut(span) {
                    *slot = Seen::Before;
                }
            }
        }
    }
}

fn kind(spans: &[Stored], index: usize) -> Option<i32> {
    spans.get(index).map(|span| span.span.kind)
}

/// Whether another of the same id is none of Zipkin's halves of a call to it.
fn has_double(spans: &[Stored], twins: &[usize], index: usize) -> bool {
    let is_half = |one, other| matches!((one, other), (Some(CLIENT), Some(SERVER)));
    let own = kind(spans, index);
    twins.iter().any(|twin| {
        let other = kind(spans, *twin);
        *twin != index && !is_half(own, other) && !is_half(other, own)
    })
}

/// Zipkin's two halves of a call may have one id, and one parent: then the server's is below the client's.
fn client_half(spans: &[Stored], twins: &[usize], index: usize) -> Option<usize> {
    if kind(spans, index) != Some(SERVER) {
        return None;
    }
    twins
        .iter()
        .copied()
        .find(|twin| *twin != index && kind(spans, *twin) == Some(CLIENT))
}

/// What two halves are the parent of was made in its own service, or else by the server.
fn parent_among(spans: &[Stored], twins: &[usize], index: usize) -> Option<usize> {
    let service = &spans.get(index)?.service;
    let others = || twins.iter().copied().filter(|twin| *twin != index);
    let is_own = |twin: &usize| {
        spans
            .get(*twin)
            .is_some_and(|span| span.service == *service)
    };
    others()
        .rfind(is_own)
        .or_else(|| others().rfind(|twin| kind(spans, *twin) == Some(SERVER)))
        .or_else(|| others().next_back())
}
