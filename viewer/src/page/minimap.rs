//! All spans of a trace at once, small.

use std::collections::{BTreeMap, HashSet};

use super::{colours::Colours, waterfall::Scale};
use crate::{store::Stored, trace::Tree};

/// Lines of one colour are one path, so that five thousand spans are a dozen elements.
#[derive(Debug, Default)]
pub(super) struct Minimap {
    /// Lines there are.
    pub(super) height: usize,
    /// A colour, and its lines, in thousandths of the trace.
    pub(super) paths: BTreeMap<usize, String>,
    pub(super) errors: String,
}

/// As many lines can be told apart.
const MOST: usize = 64;
/// A trace of a few spans does not fill the height.
const LEAST: usize = 8;
/// Thousandths that can be seen.
const NARROWEST: f64 = 1.5;

impl Minimap {
    pub(super) fn of(tree: &Tree, spans: &[Stored], scale: &Scale, colours: &Colours) -> Self {
        let count = tree.nodes.len();
        let height = count.clamp(LEAST, MOST);
        let mut map = Self {
            height,
            ..Self::default()
        };
        let mut drawn = HashSet::new();
        for (index, node) in tree.nodes.iter().enumerate() {
            let Some(stored) = spans.get(node.span) else {
                continue;
            };
            let line = index * height / count.max(height);
            let (x, width) = scale.bar(stored.start(), stored.finish());
            let width = (width * 10.0).max(NARROWEST);
            let x = (x * 10.0).min(1000.0 - width);
            let colour = colours.of_service(&stored.service);
            let part = format!("M{x:.1} {line}.5h{width:.1}");
            if !drawn.insert((part.clone(), colour, stored.is_error())) {
                continue;
            }
            if stored.is_error() {
                map.errors.push_str(&part);
            } else {
                map.paths.entry(colour).or_default().push_str(&part);
            }
        }
        map
    }
}
