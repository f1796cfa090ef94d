//! Whose child a span is, and what is told of it.

use super::{super::Oddity, *};

fn oddities(tree: &Tree) -> Vec<Option<Oddity>> {
    tree.nodes.iter().map(|node| node.oddity).collect()
}

#[test]
fn children_come_below_their_parents_by_their_start() {
    let spans = [
        span("a", 1, 0, (0, 100)),
        span("a", 2, 1, (50, 60)),
        span("a", 3, 1, (10, 20)),
        span("a", 4, 2, (51, 52)),
    ];
    let tree = Tree::of(&spans);
    assert_eq!(
        shape(&tree),
        [(0, None), (2, Some(0)), (1, Some(0)), (3, Some(1))]
    );
    let depths: Vec<_> = tree.nodes.iter().map(|node| node.depth).collect();
    assert_eq!(depths, [0, 1, 1, 2]);
    let below: Vec<_> = tree.nodes.iter().map(|node| node.below).collect();
    assert_eq!(below, [3, 0, 1, 0]);
    assert_eq!(tree.children(0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((tree.start, tree.finish), (0, 100));
    assert_eq!(oddities(&tree), [None; 4]);
}

#[test]
fn a_span_whose_parent_is_missing_is_a_root_and_says_so() {
    let tree = Tree::of(&[span("a", 1, 0, (0, 9)), span("a", 2, 7, (1, 2))]);
    assert_eq!(shape(&tree), [(0, None), (1, None)]);
    assert_eq!(oddities(&tree), [None, Some(Oddity::Orphan)]);
}

#[test]
fn its_own_parent_is_no_missing_parent() {
    let tree = Tree::of(&[span("a", 1, 1, (0, 9))]);
    assert_eq!(shape(&tree), [(0, None)]);
    assert_eq!(oddities(&tree), [Some(Oddity::Cycle)]);
}

#[test]
fn a_circle_is_opened_once_and_keeps_its_spans() {
    let spans = [
        span("a", 1, 3, (0, 9)),
        span("a", 2, 1, (1, 8)),
        span("a", 3, 2, (2, 7)),
        span("a", 4, 3, (3, 4)),
    ];
    let tree = Tree::of(&spans);
    assert_eq!(
        shape(&tree),
        [(0, None), (1, Some(0)), (2, Some(1)), (3, Some(2))]
    );
    let told = oddities(&tree);
    assert_eq!(told, [Some(Oddity::Cycle), None, None, None]);
}

#[test]
fn the_halves_of_a_call_may_share_an_id() {
    // Zipkin's way. The server's clock is a little behind; what it calls is below it, what the client does is not.
    let spans = [
        of_kind(span("stock", 5, 1, (9, 90)), SERVER),
        of_kind(span("shop", 5, 1, (10, 100)), CLIENT),
        span("shop", 1, 0, (0, 110)),
        of_kind(span("stock", 6, 5, (20, 30)), CLIENT),
        span("shop", 7, 5, (95, 99)),
    ];
    let tree = Tree::of(&spans);
    assert_eq!(
        shape(&tree),
        [
            (2, None),
            (1, Some(2)),
            (0, Some(1)),
            (3, Some(0)),
            (4, Some(1))
        ]
    );
    assert_eq!(oddities(&tree), [None; 5]);
}

#[test]
fn an_id_used_twice_is_told_and_both_are_kept() {
    let spans = [
        span("a", 1, 0, (0, 9)),
        span("a", 2, 1, (1, 2)),
        span("a", 2, 1, (3, 4)),
    ];
    let tree = Tree::of(&spans);
    assert_eq!(shape(&tree), [(0, None), (1, Some(0)), (2, Some(0))]);
    let same = Some(Oddity::SameId);
    assert_eq!(oddities(&tree), [None, same, same]);
}

#[test]
fn a_chain_of_ten_thousand_is_no_deeper_than_memory() {
    let spans: Vec<_> = (1..=10_000)
        .map(|id| span("a", id, id - 1, (id, 20_000 - id)))
        .collect();
    let tree = Tree::of(&spans);
    assert_eq!(tree.nodes.last().unwrap().depth, 9_999);
    assert_eq!(tree.nodes.first().unwrap().below, 9_999);
    let pairs = super::super::compare((&tree, &spans), (&tree, &spans));
    assert_eq!(pairs.len(), 10_000);
    assert!(pairs.iter().all(|pair| pair.one == pair.other));
}

#[test]
fn errors_are_counted_up_to_the_root() {
    let spans = [
        span("a", 1, 0, (0, 9)),
        failed(span("a", 2, 1, (1, 8))),
        failed(span("a", 3, 2, (2, 7))),
        span("a", 4, 1, (3, 4)),
    ];
    let errors: Vec<_> = Tree::of(&spans)
        .nodes
        .iter()
        .map(|node| node.errors)
        .collect();
    assert_eq!(errors, [2, 2, 1, 0]);
}

#[test]
fn skew_is_told_where_clocks_cannot_agree() {
    let told = |spans: &[Stored]| Tree::of(spans).nodes.get(1).unwrap().skew;
    assert_eq!(told(&call((100, 200), (110, 190))), None);
    assert_eq!(told(&call((100, 200), (70, 150))), Some(30));
    // Served after the caller had its answer.
    assert_eq!(told(&call((100, 200), (250, 300))), Some(-50));
    // One that finished a little later, or was left running, may be right.
    assert_eq!(told(&call((100, 200), (110, 205))), None);
    // Who was not answered may have left before.
    let mut left = call((100, 200), (250, 300));
    left[0] = failed(left[0].clone());
    assert_eq!(told(&left), None);
    // In one service there is one clock.
    let own = [span("a", 1, 0, (100, 200)), span("a", 2, 1, (70, 150))];
    assert_eq!(told(&own), None);
}
