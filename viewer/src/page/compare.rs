//! Two traces side by side, or one beside the median of its route.

use std::{cmp::Ordering, sync::Arc};

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};

use super::{colours::Colours, format, show};
use crate::{
    api::params::Params,
    batch::{LONGEST_NAME, cut},
    ids::TraceId,
    store::{Search, Store, StoreError, Stored, Whole},
    trace::{Median, Pair, Tree, compare},
};

#[derive(Default, Template)]
#[template(path = "compare.html")]
struct Page {
    a: String,
    b: String,
    wrong: Option<String>,
    sides: Sides,
    /// What they are.
    one: String,
    other: String,
    rows: Vec<Line>,
    calls: usize,
    only_a: usize,
    only_b: usize,
    slower: usize,
}

/// What the two are called.
struct Sides {
    one: &'static str,
    other: &'static str,
    only_one: &'static str,
    only_other: &'static str,
}

struct Line {
    indent: usize,
    service: Arc<str>,
    colour: usize,
    name: String,
    /// How many calls of a kind, one after the other, the line stands for.
    count: usize,
    one: String,
    other: String,
    /// `both`, `one` or `other`.
    side: &'static str,
    delta: String,
    is_slower: bool,
    is_faster: bool,
    fails: (bool, bool),
    /// Thousandths of the longest.
    widths: (u64, u64),
}

const TWO: Sides = Sides {
    one: "First",
    other: "Other",
    only_one: "only in the first",
    only_other: "only in the other",
};
/// What is usual comes first, so that what is slower than that is red.
const USUAL: Sides = Sides {
    one: "Usual",
    other: "This one",
    only_one: "not in this one",
    only_other: "not usual",
};

impl Default for Sides {
    fn default() -> Self {
        TWO
    }
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
        ..Page::default()
    };
    page.fill(&store).await?;
    Ok(show(&page))
}

impl Page {
    async fn fill(&mut self, store: &Store) -> Result<(), StoreError> {
        if self.a.is_empty() {
            return Ok(());
        }
        let Some(one) = load(store, &self.a).await? else {
            self.wrong = Some(format!("There is no trace {}.", self.a));
            return Ok(());
        };
        let tree = Tree::of(&one.spans);
        let pairs = if self.b.is_empty() {
            let median = of_its_like(store, &self.a, &one).await?;
            self.sides = USUAL;
            self.one = match median.others() {
                0 => "no other trace of its route yet".to_owned(),
                1 => "the one other of its route".to_owned(),
                count => format!("the median of {count} others of its route"),
            };
            self.other = title(&one);
            let mut pairs = median.pairs();
            for pair in &mut pairs {
                std::mem::swap(&mut pair.one, &mut pair.other);
            }
            pairs
        } else {
            let Some(other) = load(store, &self.b).await? else {
                self.wrong = Some(format!("There is no trace {}.", self.b));
                return Ok(());
            };
            self.one = title(&one);
            self.other = title(&other);
            compare((&tree, &one.spans), (&Tree::of(&other.spans), &other.spans))
        };
        let colours = Colours::of(store).await?;
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
        self.calls = pairs.len();
        self.rows = Line::all(&pairs, longest, &self.sides, &colours);
        self.slower = self.rows.iter().filter(|row| row.is_slower).count();
        Ok(())
    }
}

async fn load(store: &Store, text: &str) -> Result<Option<Whole>, StoreError> {
    match TraceId::parse(text) {
        Some(id) => store.trace(id).await,
        None => Ok(None),
    }
}

fn title(whole: &Whole) -> String {
    root(whole).map_or_else(String::new, |root| {
        format!("{} {}", root.service, format::short(&root.span.name))
    })
}

fn root(whole: &Whole) -> Option<&Stored> {
    whole.spans.get(Tree::of(&whole.spans).nodes.first()?.span)
}

/// What is usual for traces that begin with the same operation.
async fn of_its_like(store: &Store, id: &str, one: &Whole) -> Result<Median, StoreError> {
    let tree = Tree::of(&one.spans);
    let mut median = Median::of(&tree, &one.spans);
    let Some(first) = root(one) else {
        return Ok(median);
    };
    let name = cut(&first.span.name, LONGEST_NAME).to_owned();
    let begins = (first.service.to_string(), name);
    let search = Search {
        service: Some(begins.0.clone()),
        operation: Some(begins.1.clone()),
        limit: SAMPLE,
        ..Search::default()
    };
    let id = TraceId::parse(id);
    for found in store.search(search).await? {
        if Some(found.id) == id || found.root != begins {
            continue;
        }
        if let Some(whole) = store.trace(found.id).await? {
            median.add(&Tree::of(&whole.spans), &whole.spans);
        }
    }
    Ok(median)
}

impl Line {
    /// A line for each, and one for calls of a kind that only one trace makes again and again.
    fn all(pairs: &[Pair], longest: u64, sides: &Sides, colours: &Colours) -> Vec<Self> {
        let is_again = |one: &Pair, next: &Pair| {
            (one.depth, &one.service, &one.name) == (next.depth, &next.service, &next.name)
                && one.one.is_some() == next.one.is_some()
                && one.other.is_some() == next.other.is_some()
                && (one.one.is_none() || one.other.is_none())
        };
        pairs
            .chunk_by(is_again)
            .filter_map(|again| Self::of(again, longest, sides, colours))
            .collect()
    }

    fn of(again: &[Pair], longest: u64, sides: &Sides, colours: &Colours) -> Option<Self> {
        let pair = again.first()?;
        let sum = |side: fn(&Pair) -> Option<(u64, bool)>| {
            again
                .iter()
                .filter_map(side)
                .reduce(|(one, fails), (took, failed)| (one.saturating_add(took), fails || failed))
        };
        let (one, other) = (sum(|pair| pair.one), sum(|pair| pair.other));
        let words = |side: Option<(u64, bool)>| {
            side.map_or_else(|| "–".to_owned(), |(took, _)| format::duration(took))
        };
        let width = |side: Option<(u64, bool)>| {
            let took = side.map_or(0, |(took, _)| took);
            (u128::from(took.min(longest)) * 1000 / u128::from(longest)) as u64
        };
        let failed = |side: Option<(u64, bool)>| side.is_some_and(|(_, failed)| failed);
        let (side, delta) = match (one, other) {
            (Some((one, _)), Some((other, _))) => ("both", delta(one, other)),
            (Some(_), None) => ("one", sides.only_one.to_owned()),
            (None, _) => ("other", sides.only_other.to_owned()),
        };
        let much = |one: Option<(u64, bool)>, other: Option<(u64, bool)>| {
            one.zip(other)
                .is_some_and(|((one, _), (other, _))| is_much(one, other))
        };
        Some(Self {
            indent: pair.depth.min(24),
            service: Arc::clone(&pair.service),
            colour: colours.of_service(&pair.service),
            name: format::short(&pair.name),
            count: again.len(),
            one: words(one),
            other: words(other),
            side,
            delta,
            is_slower: much(one, other),
            is_faster: much(other, one),
            fails: (failed(one), failed(other)),
            widths: (width(one), width(other)),
        })
    }
}

fn delta(one: u64, other: u64) -> String {
    let much = format::duration(one.abs_diff(other));
    match one.cmp(&other) {
        Ordering::Less => format!("+{much}"),
        Ordering::Equal => "the same".to_owned(),
        Ordering::Greater => format!("−{much}"),
    }
}

/// A fifth more, and a tenth of a millisecond: less is noise.
fn is_much(less: u64, more: u64) -> bool {
    more.saturating_sub(less) > (less / 5).max(100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_differences_are_noise() {
        assert!(is_much(1_000_000, 1_300_000));
        assert!(!is_much(1_000_000, 1_150_000));
        assert!(!is_much(10_000, 90_000));
        assert!(!is_much(5_000_000, 1_000_000));
        assert!(!is_much(u64::MAX, u64::MAX));
        assert_eq!(delta(5, 5), "the same");
        assert_eq!(delta(1_000, 3_000), "+2 µs");
        assert_eq!(delta(3_000, 1_000), "−2 µs");
    }

    #[test]
    fn what_only_one_does_again_and_again_is_one_line() {
        let pair = |one, other| Pair {
            depth: 1,
            service: Arc::from("a"),
            name: "SELECT".to_owned(),
            one,
            other,
        };
        let took = Some((5_000, false));
        let pairs = [
            pair(took, took),
            pair(took, took),
            pair(None, took),
            pair(None, Some((7_000, true))),
            pair(took, None),
        ];
        let lines = Line::all(&pairs, 10_000, &TWO, &Colours::default());
        let counts: Vec<_> = lines.iter().map(|line| line.count).collect();
        assert_eq!(counts, [1, 1, 2, 1]);
        let again = &lines[2];
        assert_eq!((again.side, again.other.as_str()), ("other", "12 µs"));
        assert_eq!(again.fails, (false, true));
        assert_eq!(again.widths, (0, 1000));
    }
}
