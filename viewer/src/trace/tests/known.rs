//! Times and sums of traces whose answers are known.

use super::{
    super::{Median, Pair, compare, fold},
    *,
};

fn own(spans: &[Stored]) -> Vec<u64> {
    Tree::of(spans).nodes.iter().map(|node| node.own).collect()
}

fn critical(spans: &[Stored]) -> Vec<Vec<(u64, u64)>> {
    let tree = Tree::of(spans);
    tree.nodes
        .iter()
        .map(|node| node.critical.clone())
        .collect()
}

#[test]
fn own_time_is_what_no_child_covers() {
    let spans = [
        span("a", 1, 0, (0, 100)),
        span("a", 2, 1, (10, 40)),
        // Overlaps the first, and so counts from 40 on.
        span("a", 3, 1, (30, 60)),
        // Within the others.
        span("a", 4, 1, (35, 50)),
        // Outlives its parent.
        span("a", 5, 1, (90, 150)),
        // Begins when the parent is over.
        span("a", 6, 1, (200, 250)),
    ];
    assert_eq!(own(&spans), [40, 30, 30, 15, 60, 50]);
}

#[test]
fn the_path_goes_through_what_was_waited_for() {
    // Two in parallel, the second longer; then one more; then the root's own.
    let spans = [
        span("a", 1, 0, (0, 100)),
        span("a", 2, 1, (10, 40)),
        span("a", 3, 1, (10, 60)),
        span("a", 4, 1, (70, 90)),
        span("a", 5, 3, (20, 30)),
    ];
    assert_eq!(
        critical(&spans),
        [
            vec![(0, 10), (60, 70), (90, 100)],
            vec![],
            vec![(10, 20), (30, 60)],
            vec![(20, 30)],
            vec![(70, 90)],
        ]
    );
}

#[test]
fn what_was_left_running_is_not_on_the_path() {
    let spans = [
        span("a", 1, 0, (0, 100)),
        span("a", 2, 1, (10, 500)),
        span("a", 3, 1, (20, 30)),
    ];
    assert_eq!(
        critical(&spans),
        [vec![(0, 20), (30, 100)], vec![], vec![(20, 30)]]
    );
}

#[test]
fn a_server_that_ends_a_little_later_is_on_the_path() {
    assert_eq!(
        critical(&call((0, 100), (10, 103))),
        [vec![(0, 10)], vec![(10, 100)]]
    );
}

/// A parent with as many children, each as long as it is from one to the next.
fn siblings(count: u64, kind: i32, step: u64) -> Vec<Stored> {
    let mut spans = vec![span("a", 1, 0, (0, 1_000))];
    for turn in 0..count {
        let from = 10 + turn * step;
        spans.push(of_kind(span("a", 10 + turn, 1, (from, from + 10)), kind));
    }
    spans
}

#[test]
fn many_of_a_kind_are_one_row_and_a_mark_if_one_waited_for_the_other() {
    let folds = |spans: &[Stored]| fold(&Tree::of(spans), spans);
    assert!(folds(&siblings(4, CLIENT, 10)).is_empty());
    let found = folds(&siblings(5, CLIENT, 10));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].nodes, [1, 2, 3, 4, 5]);
    assert_eq!(found[0].total, 50);
    assert!(found[0].is_n_plus_one);
    // At the same time: somebody thought of it.
    assert!(!folds(&siblings(5, CLIENT, 5))[0].is_n_plus_one);
    // Within the service: nothing to ask for at once.
    assert!(!folds(&siblings(5, 1, 10))[0].is_n_plus_one);
    // Of two names, each is one of its own.
    let mut mixed = siblings(10, CLIENT, 10);
    for span in mixed.iter_mut().skip(1).step_by(2) {
        span.span.name = "other work".to_owned();
    }
    let found = folds(&mixed);
    assert_eq!(found[0].nodes, [1, 3, 5, 7, 9]);
    assert_eq!(found[1].nodes, [2, 4, 6, 8, 10]);
}

type Side = Option<(u64, bool)>;

fn lines(pairs: &[Pair]) -> Vec<(usize, &str, Side, Side)> {
    pairs
        .iter()
        .map(|pair| (pair.depth, pair.name.as_str(), pair.one, pair.other))
        .collect()
}

#[test]
fn calls_are_compared_by_their_path() {
    let of = |first: (u64, u64), more: &[(&str, u64)]| {
        let mut spans = vec![named(span("a", 1, 0, first), "root")];
        for (turn, (name, at)) in (2..).zip(more) {
            spans.push(named(span("a", turn, 1, (*at, at + 5)), name));
        }
        spans
    };
    let one = of((0, 100), &[("ask", 10), ("ask", 20), ("sum", 40)]);
    let mut other = of((0, 150), &[("ask", 10), ("cache", 30), ("sum", 40)]);
    other[3] = failed(other[3].clone());
    let pairs = compare((&Tree::of(&one), &one), (&Tree::of(&other), &other));
    let five = Some((5, false));
    assert_eq!(
        lines(&pairs),
        [
            (0, "root", Some((100, false)), Some((150, false))),
            (1, "ask", five, five),
            // Behind what comes before it in its own trace.
            (1, "cache", None, five),
            (1, "ask", five, None),
            (1, "sum", five, Some((5, true))),
        ]
    );
}

#[test]
fn a_trace_is_beside_the_median_of_others() {
    let trace = |took: u64, with_cache: bool| {
        let mut spans = vec![named(span("a", 1, 0, (0, took)), "root")];
        if with_cache {
            spans.push(named(span("a", 2, 1, (0, took / 2)), "cache"));
        }
        spans
    };
    let one = trace(900, false);
    let mut median = Median::of(&Tree::of(&one), &one);
    for (took, with_cache) in [(30, true), (10, true), (20, false)] {
        let spans = trace(took, with_cache);
        median.add(&Tree::of(&spans), &spans);
    }
    assert_eq!(median.others(), 3);
    assert_eq!(
        lines(&median.pairs()),
        [
            (0, "root", Some((900, false)), Some((20, false))),
            (1, "cache", None, Some((15, false))),
        ]
    );
    // What is in half of them, no more, is not usual.
    let mut median = Median::of(&Tree::of(&one), &one);
    for with_cache in [true, false] {
        let spans = trace(10, with_cache);
        median.add(&Tree::of(&spans), &spans);
    }
    assert_eq!(median.pairs().len(), 1);
}
