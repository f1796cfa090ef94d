//! What differs in a call, or in many of a kind, between one trace and another.

use std::{cmp::Ordering, sync::Arc};

use super::{colours::Colours, format};
use crate::trace::Pair;

/// What the two are called.
pub(super) struct Sides {
    pub(super) one: &'static str,
    pub(super) other: &'static str,
    pub(super) only_one: &'static str,
    pub(super) only_other: &'static str,
}

pub(super) struct Line {
    pub(super) indent: usize,
    pub(super) service: Arc<str>,
    pub(super) colour: usize,
    pub(super) name: String,
    /// How many calls of a kind, one after the other, the line stands for.
    pub(super) count: usize,
    pub(super) one: String,
    pub(super) other: String,
    /// `both`, `one` or `other`.
    pub(super) side: &'static str,
    pub(super) delta: String,
    pub(super) is_slower: bool,
    pub(super) is_faster: bool,
    pub(super) fails: (bool, bool),
    /// Thousandths of the longest.
    pub(super) widths: (u64, u64),
}

const TWO: Sides = Sides {
    one: "First",
    other: "Other",
    only_one: "only in the first",
    only_other: "only in the other",
};
/// What is usual comes first, so that what is slower than that is red.
pub(super) const USUAL: Sides = Sides {
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

impl Line {
    /// A line for each, and one for calls of a kind that only one trace makes again and again.
    pub(super) fn all(pairs: &[Pair], longest: u64, sides: &Sides, colours: &Colours) -> Vec<Self> {
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
