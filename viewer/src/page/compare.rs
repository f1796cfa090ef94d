//! Two traces side by side, or one beside the median of its route.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};

use super::{format, show};
use crate::{
    api::params::Params,
    ids::TraceId,
    store::{Search, Store, StoreError, Whole},
    trace::{Pair, Path, Tree, compare, paths},
};

#[derive(Template)]
#[template(path = "compare.html")]
struct Page {
    a: String,
    b: String,
    wrong: Option<String>,
    other: String,
    rows: Vec<Line>,
    only_a: usize,
    only_b: usize,
}

struct Line {
    indent: usize,
    service: Arc<str>,
    colour: u64,
    name: String,
    one: String,
    other: String,
    /// `both`, `one` or `other`.
    side: &'static str,
    delta: String,
    is_slower: bool,
    fails: (bool, bool),
    /// Thousandths of the longest.
    widths: (u64, u64),
}

/// A trace is compared with as many of its route.
const SAMPLE: usize = 50;

pub(super) async fn page(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let params = Params::of(pairs);
    let text = |name| params.text(name).unwrap_or_default().trim().to_owned();
    let mut page = Page {
        a: text("a"),
        b: text("b"),
        wrong: None,
        other: "the other".to_owned(),
        rows: Vec::new(),
        only_a: 0,
        only_b: 0,
    };
    if page.a.is_empty() {
        return Ok(show(&page));
    }
    let Some(one) = load(&store, &page.a).await? else {
        page.wrong = Some(format!("There is no trace {}.", page.a));
        return Ok(show(&page));
    };
    let pairs = if page.b.is_empty() {
        let (pairs, count) = with_median(&store, &one).await?;
        page.other = format!("the median of {count} of its route");
        pairs
    } else {
        let Some(other) = load(&store, &page.b).await? else {
            page.wrong = Some(format!("There is no trace {}.", page.b));
            return Ok(show(&page));
        };
        compare(
            (&Tree::of(&one.spans), &one.spans),
            (&Tree::of(&other.spans), &other.spans),
        )
    };
    page.fill(&pairs);
    Ok(show(&page))
}

async fn load(store: &Store, text: &str) -> Result<Option<Whole>, StoreError> {
    match TraceId::parse(text) {
        Some(id) => store.trace(id).await,
        None => Ok(None),
    }
}

/// The trace beside what is usual on each of its call paths, and of how many traces.
async fn with_median(store: &Store, one: &Whole) -> Result<(Vec<Pair>, usize), StoreError> {
    let tree = Tree::of(&one.spans);
    let Some(root) = tree.nodes.first().and_then(|node| one.spans.get(node.span)) else {
        return Ok((Vec::new(), 0));
    };
    let search = Search {
        service: Some(root.service.to_string()),
        operation: Some(root.span.name.clone()),
        limit: SAMPLE,
        ..Search::default()
    };
    let mut seen: BTreeMap<Path, Vec<u64>> = BTreeMap::new();
    let mut count = 0;
    for found in store.search(search).await? {
        let Some(whole) = store.trace(found.id).await? else {
            continue;
        };
        count += 1;
        for (path, stored) in paths(&Tree::of(&whole.spans), &whole.spans) {
            seen.entry(path)
                .or_default()
                .push(stored.finish() - stored.start());
        }
    }
    let mut pairs = compare((&tree, &one.spans), (&tree, &one.spans));
    for (pair, (path, _)) in pairs.iter_mut().zip(paths(&tree, &one.spans)) {
        let durations = seen.get_mut(&path);
        pair.other = durations.and_then(|durations| {
            durations.sort_unstable();
            // What fewer than half have is not usual.
            (durations.len() * 2 > count)
                .then(|| Some((*durations.get(durations.len() / 2)?, false)))
                .flatten()
        });
    }
    // And what the usual trace has besides.
    let known: Vec<_> = paths(&tree, &one.spans)
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    for (path, mut durations) in seen {
        if durations.len() * 2 > count && !known.contains(&path) {
            durations.sort_unstable();
            if let (Some((service, name, _)), Some(median)) =
                (path.last(), durations.get(durations.len() / 2))
            {
                pairs.push(Pair {
                    depth: path.len() - 1,
                    service: Arc::clone(service),
                    name: name.clone(),
                    one: None,
                    other: Some((*median, false)),
                });
            }
        }
    }
    Ok((pairs, count))
}

impl Page {
    fn fill(&mut self, pairs: &[Pair]) {
        let longest = pairs
            .iter()
            .flat_map(|pair| [pair.one, pair.other])
            .flatten()
            .map(|(took, _)| took)
            .max()
            .unwrap_or_default()
            .max(1);
        self.only_a = pairs.iter().filter(|pair| pair.other.is_none()).count();
        self.only_b = pairs.iter().filter(|pair| pair.one.is_none()).count();
        self.rows = pairs.iter().map(|pair| Line::of(pair, longest)).collect();
    }
}

impl Line {
    fn of(pair: &Pair, longest: u64) -> Self {
        let words = |side: Option<(u64, bool)>| {
            side.map_or_else(|| "–".to_owned(), |(took, _)| format::duration(took))
        };
        let width = |side: Option<(u64, bool)>| {
            let took = side.map_or(0, |(took, _)| took);
            (u128::from(took) * 1000 / u128::from(longest)) as u64
        };
        let failed = |side: Option<(u64, bool)>| side.is_some_and(|(_, failed)| failed);
        let (side, delta, is_slower) = match (pair.one, pair.other) {
            (Some((one, _)), Some((other, _))) => {
                let sign = if other >= one { "+" } else { "−" };
                let delta = format!("{sign}{}", format::duration(one.abs_diff(other)));
                // A fifth and a tenth of a millisecond: less is noise.
                let is_slower = other > one + one / 5 && other - one > 100_000;
                ("both", delta, is_slower)
            }
            (Some(_), None) => ("one", "only in the first".to_owned(), false),
            (None, _) => ("other", "only in the other".to_owned(), false),
        };
        Self {
            indent: pair.depth.min(24),
            service: Arc::clone(&pair.service),
            colour: format::colour(&pair.service),
            name: pair.name.clone(),
            one: words(pair.one),
            other: words(pair.other),
            side,
            delta,
            is_slower,
            fails: (failed(pair.one), failed(pair.other)),
            widths: (width(pair.one), width(pair.other)),
        }
    }
}
