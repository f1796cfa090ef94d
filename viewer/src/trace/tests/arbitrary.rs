//! What holds of any spans, however strange.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{
    super::{compare, fold},
    *,
};

/// Few ids, so that they meet; times from all there are, and from a few.
fn spans() -> impl Strategy<Value = Vec<Stored>> {
    let time = prop_oneof![
        4 => 0u64..50,
        1 => Just(0),
        1 => Just(u64::MAX),
        1 => any::<u64>(),
    ];
    let one = (
        1u64..12,
        0u64..14,
        time.clone(),
        time,
        0i32..6,
        any::<bool>(),
        0usize..3,
    );
    proptest::collection::vec(one, 0..30).prop_map(|all| {
        all.into_iter()
            .map(|(id, parent, from, to, kind, has_failed, service)| {
                let service = ["a", "b", "c"].get(service).copied().unwrap_or_default();
                let stored = of_kind(span(service, id, parent, (from, to)), kind);
                if has_failed { failed(stored) } else { stored }
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn every_span_has_one_place(spans in spans()) {
        let tree = Tree::of(&spans);
        let placed: HashSet<_> = tree.nodes.iter().map(|node| node.span).collect();
        prop_assert_eq!(tree.nodes.len(), spans.len());
        prop_assert_eq!(placed.len(), spans.len());
        for (index, node) in tree.nodes.iter().enumerate() {
            let children: Vec<_> = tree.children(index).collect();
            prop_assert_eq!(children.len(), node.children);
            for child in children {
                prop_assert_eq!(tree.nodes[child].parent, Some(index));
                prop_assert_eq!(tree.nodes[child].depth, node.depth + 1);
            }
        }
        let errors: usize = tree.nodes.iter().filter(|node| node.parent.is_none()).map(|node| node.errors).sum();
        prop_assert_eq!(errors, spans.iter().filter(|span| span.is_error()).count());
    }

    #[test]
    fn own_time_is_part_of_the_span(spans in spans()) {
        for node in &Tree::of(&spans).nodes {
            let span = &spans[node.span];
            prop_assert!(node.own <= span.finish() - span.start());
            if node.children == 0 {
                prop_assert_eq!(node.own, span.finish() - span.start());
            }
        }
    }

    #[test]
    fn the_path_is_the_time_of_the_root_once(spans in spans()) {
        let tree = Tree::of(&spans);
        let mut parts: Vec<_> = tree.nodes.iter().flat_map(|node| node.critical.clone()).collect();
        parts.sort_unstable();
        let Some(root) = tree.nodes.first().map(|node| &spans[node.span]) else {
            return Ok(());
        };
        let mut reached = root.start();
        for (from, to) in parts {
            prop_assert_eq!(from, reached);
            prop_assert!(to > from);
            reached = to;
        }
        prop_assert_eq!(reached, root.finish());
    }

    #[test]
    fn a_span_is_in_one_fold_at_most(spans in spans()) {
        let tree = Tree::of(&spans);
        let mut seen = HashSet::new();
        for fold in fold(&tree, &spans) {
            prop_assert!(fold.nodes.len() >= 5);
            for node in fold.nodes {
                prop_assert!(seen.insert(node));
                prop_assert_eq!(tree.nodes[node].parent, Some(fold.parent));
            }
        }
    }

    #[test]
    fn a_trace_is_like_itself(spans in spans()) {
        let tree = Tree::of(&spans);
        let pairs = compare((&tree, &spans), (&tree, &spans));
        prop_assert_eq!(pairs.len(), spans.len());
        prop_assert!(pairs.iter().all(|pair| pair.one.is_some() && pair.one == pair.other));
    }

    #[test]
    fn two_traces_lose_no_call(one in spans(), other in spans()) {
        let pairs = compare((&Tree::of(&one), &one), (&Tree::of(&other), &other));
        prop_assert_eq!(pairs.iter().filter(|pair| pair.one.is_some()).count(), one.len());
        prop_assert_eq!(pairs.iter().filter(|pair| pair.other.is_some()).count(), other.len());
    }
}
