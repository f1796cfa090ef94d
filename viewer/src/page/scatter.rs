//! Traces as dots: when they began, and how long they took.

use super::format;
use crate::store::Found;

/// A plot of 1000 by 160 units.
#[derive(Debug, Default)]
pub(super) struct Scatter {
    pub(super) dots: Vec<Dot>,
    /// The vertical scale: what is at the top, in the middle and at the bottom.
    pub(super) top: String,
    pub(super) middle: String,
    pub(super) bottom: String,
    pub(super) from: String,
    pub(super) to: String,
}

#[derive(Debug)]
pub(super) struct Dot {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) radius: f64,
    pub(super) is_error: bool,
    pub(super) id: String,
    pub(super) label: String,
}

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 160.0;
/// So that no dot is cut.
const MARGIN: f64 = 10.0;

impl Scatter {
    /// `None` for fewer than two traces.
    pub(super) fn of(found: &[Found]) -> Option<Self> {
        if found.len() < 2 {
            return None;
        }
        let from = found.iter().map(|trace| trace.start).min()?;
        let to = found.iter().map(|trace| trace.start).max()?;
        // A logarithmic scale shows both the usual and the outliers.
        let height = |nanos: i64| (nanos.max(1_000) as f64).ln();
        let length = |trace: &Found| trace.finish - trace.start;
        let shortest = found.iter().map(length).min()?;
        let longest = found.iter().map(length).max()?;
        let (low, high) = (height(shortest), height(longest));
        let scale = |value: f64, low: f64, high: f64| {
            if high > low {
                (value - low) / (high - low)
            } else {
                0.5
            }
        };
        let dots = found
            .iter()
            .map(|trace| Dot {
                x: MARGIN
                    + scale(trace.start as f64, from as f64, to as f64) * (WIDTH - 2.0 * MARGIN),
                y: HEIGHT
                    - MARGIN
                    - scale(height(length(trace)), low, high) * (HEIGHT - 2.0 * MARGIN),
                radius: (2.5 + (trace.spans as f64).ln()).min(9.0),
                is_error: trace.errors > 0,
                id: trace.id.to_string(),
                label: format!(
                    "{} {}, {}, {} spans",
                    trace.root.0,
                    trace.root.1,
                    format::duration(length(trace).cast_unsigned()),
                    trace.spans
                ),
            })
            .collect();
        let middle = f64::midpoint(low, high).exp();
        Some(Self {
            dots,
            top: format::duration(longest.cast_unsigned()),
            middle: format::duration(middle as u64),
            bottom: format::duration(shortest.cast_unsigned()),
            from: format::time(from),
            to: format::time(to),
        })
    }
}
