//! Traces as dots: when they began, and how long they took.

use super::format;
use crate::store::Found;

/// A plot as wide as there is room, and as high as this many pixels.
#[derive(Debug, Default)]
pub(super) struct Scatter {
    pub(super) dots: Vec<Dot>,
    /// The vertical scale: what is at the top, in the middle and at the bottom.
    pub(super) top: String,
    pub(super) middle: String,
    pub(super) bottom: String,
    /// Nanoseconds since 1970, of the left and the right edge.
    pub(super) from: i64,
    pub(super) to: i64,
}

#[derive(Debug)]
pub(super) struct Dot {
    /// Hundredths of the width.
    pub(super) x: f64,
    /// Pixels.
    pub(super) y: f64,
    pub(super) radius: f64,
    pub(super) is_error: bool,
    pub(super) id: String,
    pub(super) label: String,
}

const HEIGHT: f64 = 160.0;
/// So that no dot is cut.
const MARGIN: f64 = 14.0;

impl Scatter {
    /// `None` for fewer than two traces.
    pub(super) fn of(found: &[Found]) -> Option<Self> {
        if found.len() < 2 {
            return None;
        }
        let first = found.iter().map(|trace| trace.start).min()?;
        let last = found.iter().map(|trace| trace.start).max()?;
        // A little more on both sides.
        let room = (last.saturating_sub(first) / 50).max(1_000_000);
        let (from, to) = (first.saturating_sub(room), last.saturating_add(room));
        // A logarithmic scale shows both the usual and the outliers.
        let height = |nanos: i64| (nanos.max(1_000) as f64).ln();
        let length = |trace: &Found| trace.finish.saturating_sub(trace.start);
        let shortest = found.iter().map(length).min()?;
        let longest = found.iter().map(length).max()?;
        let (low, high) = (height(shortest), height(longest));
        let part = |value: f64, low: f64, high: f64| {
            if high > low {
                (value - low) / (high - low)
            } else {
                0.5
            }
        };
        let mut dots: Vec<_> = found
            .iter()
            .map(|trace| Dot {
                x: part(trace.start as f64, from as f64, to as f64) * 100.0,
                y: HEIGHT
                    - MARGIN
                    - part(height(length(trace)), low, high) * (HEIGHT - 2.0 * MARGIN),
                radius: (3.0 + (trace.spans as f64).max(1.0).ln()).min(9.0),
                is_error: trace.errors > 0,
                id: trace.id.to_string(),
                label: format!(
                    "{} {}, {}, {} span{}",
                    trace.root.0,
                    format::short(&trace.root.1),
                    format::duration(length(trace).cast_unsigned()),
                    trace.spans,
                    if trace.spans == 1 { "" } else { "s" }
                ),
            })
            .collect();
        // Errors are drawn over the others.
        dots.sort_by_key(|dot| dot.is_error);
        let middle = f64::midpoint(low, high).exp();
        Some(Self {
            dots,
            top: format::duration(longest.cast_unsigned()),
            middle: format::duration(middle as u64),
            bottom: format::duration(shortest.cast_unsigned()),
            from,
            to,
        })
    }
}
