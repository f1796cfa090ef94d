//! Which arrows say where the boxes of the map are.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Layers that these arrows cross together at most: the time of the layout grows with them.
const CROSSED: usize = 5_000;

/// Those that say where boxes are: all between two of them, or the shortest where they would cross too many layers.
pub(super) fn shortest(edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let layers = layers(edges);
    let layer = |number| layers.get(&number).copied().unwrap_or_default();
    let length = |(from, to): &(usize, usize)| layer(*from).abs_diff(layer(*to));
    let mut edges: Vec<_> = edges
        .iter()
        .filter(|(from, to)| from != to)
        .copied()
        .collect();
    if edges.iter().map(length).sum::<usize>() > CROSSED {
        edges.sort_by_key(length);
        let mut crossed = 0;
        edges.retain(|edge| {
            crossed += length(edge);
            crossed <= CROSSED
        });
    }
    edges
}

/// How many boxes are left of each at least, but for circles.
fn layers(edges: &[(usize, usize)]) -> BTreeMap<usize, usize> {
    let mut below: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to) in edges {
        below.entry(*from).or_default().push(*to);
    }
    let (mut seen, mut order) = (HashSet::new(), Vec::new());
    for number in below.keys() {
        visit(*number, &below, &mut seen, &mut order);
    }
    let turns: HashMap<usize, usize> = order.iter().copied().zip(0..).collect();
    let mut layers = BTreeMap::new();
    for number in order.iter().rev() {
        let next = layers.get(number).map_or(1, |layer| layer + 1);
        for to in below.get(number).into_iter().flatten() {
            // What goes back up was left later.
            if turns.get(to) < turns.get(number) {
                let layer = layers.entry(*to).or_default();
                *layer = next.max(*layer);
            }
        }
    }
    layers
}

/// Depth first: a box is left after those below it. There are few, so that it is not deep.
fn visit(
    number: usize,
    below: &BTreeMap<usize, Vec<usize>>,
    seen: &mut HashSet<usize>,
    order: &mut Vec<usize>,
) {
    if seen.insert(number) {
        for to in below.get(&number).into_iter().flatten() {
            visit(*to, below, seen, order);
        }
        order.push(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::layout::{Layout, WIDTH};

    /// A chain of 200, and 201 calls that skip most of it.
    #[test]
    fn calls_that_cross_very_many_layers_do_not_say_where_boxes_are() {
        let mut edges: Vec<_> = (1..200).map(|number| (number - 1, number)).collect();
        edges.extend((0..201).map(|number| (number % 14, 199 - number / 14)));
        let asked = shortest(&edges);
        assert_eq!(asked[..199], edges[..199], "the chain");
        let layers = layers(&edges);
        let crossed = asked.iter().map(|(from, to)| to.abs_diff(*from));
        assert!((CROSSED - 200..=CROSSED).contains(&crossed.sum()));
        assert_eq!(layers[&199], 199);
        let layout = Layout::of(200, &edges);
        for (from, to) in &edges {
            assert!(layout.place(*from).0 + WIDTH < layout.place(*to).0);
        }
        assert_eq!(layout.lines(&edges).len(), 400);
        // A circle, one that calls itself, and few enough.
        let few = [(0, 1), (1, 2), (2, 0), (2, 2), (0, 2)];
        assert_eq!(shortest(&few), [(0, 1), (1, 2), (2, 0), (0, 2)]);
    }
}
