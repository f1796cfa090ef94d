//! Where the boxes of the map are, and how arrows go from one to the other.

use std::collections::HashMap;

use rust_sugiyama::{configure::Config, from_vertices_and_edges};

use super::layers::shortest;

/// In layers, from left to right: who calls is left of who is called, but for circles.
#[derive(Debug)]
pub(super) struct Layout {
    /// The upper left corner of each box.
    places: Vec<(f64, f64)>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An arrow's line, and where its words are.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) path: String,
    pub(super) middle: (f64, f64),
}

/// Of a box.
pub(super) const WIDTH: f64 = 180.0;
pub(super) const HEIGHT: f64 = 52.0;
/// Between boxes: room for the words of an arrow, and for the arrows between two boxes.
const APART: (f64, f64) = (120.0, 24.0);
/// Around all.
const MARGIN: f64 = 24.0;
/// How far an arrow swings out that goes back, or to its own box.
const SWING: f64 = 46.0;

impl Layout {
    pub(super) fn of(count: usize, edges: &[(usize, usize)]) -> Self {
        let vertices: Vec<(u32, (f64, f64))> = (0..count)
            .map(|number| (number as u32, (HEIGHT + APART.1, WIDTH + APART.0)))
            .collect();
        let onwards: Vec<_> = shortest(edges)
            .into_iter()
            .map(|(from, to)| (from as u32, to as u32))
            .collect();
        let mut places = vec![(MARGIN, MARGIN); count];
        let mut top = MARGIN;
        // Each group of boxes that have to do with each other, one below the other.
        for (group, ..) in from_vertices_and_edges(&vertices, &onwards, &Config::default()) {
            // The library's layers are from top to bottom.
            let turned = || group.iter().map(|(number, (x, y))| (*number, y.abs(), *x));
            let left = turned().map(|(_, x, _)| x).fold(f64::MAX, f64::min);
            let highest = turned().map(|(.., y)| y).fold(f64::MAX, f64::min);
            let mut lowest = top;
            for (number, x, y) in turned() {
                let place = (MARGIN + x - left, top + y - highest);
                lowest = f64::max(lowest, place.1 + HEIGHT);
                if let Some(slot) = places.get_mut(number) {
                    *slot = place;
                }
            }
            top = lowest + APART.1;
        }
        let far = |place: fn(&(f64, f64)) -> f64| places.iter().map(place).fold(MARGIN, f64::max);
        let (width, height) = (far(|place| place.0) + WIDTH, far(|place| place.1) + HEIGHT);
        let layout = Self {
            places,
            width: width + MARGIN,
            height: height + MARGIN,
        };
        // What goes back swings out below the boxes.
        let swing = match edges.iter().all(|edge| layout.goes_on(*edge)) {
            true => 0.0,
            false => SWING,
        };
        Self {
            height: layout.height + swing,
            ..layout
        }
    }

    fn goes_on(&self, (from, to): (usize, usize)) -> bool {
        self.place(from).0 < self.place(to).0
    }

    pub(super) fn place(&self, number: usize) -> (f64, f64) {
        self.places.get(number).copied().unwrap_or_default()
    }

    /// A line for each edge. Those that share a side of a box begin, and end, one above the other.
    pub(super) fn lines(&self, edges: &[(usize, usize)]) -> Vec<Line> {
        let forward: Vec<_> = edges
            .iter()
            .copied()
            .filter(|edge| self.goes_on(*edge))
            .collect();
        let starts = self.ports(&forward);
        let turned: Vec<_> = forward.iter().map(|(from, to)| (*to, *from)).collect();
        let ends = self.ports(&turned);
        edges
            .iter()
            .map(|(from, to)| {
                let port = |ports: &HashMap<_, f64>, edge| ports.get(&edge).copied();
                match (port(&starts, (*from, *to)), port(&ends, (*to, *from))) {
                    (Some(start), Some(end)) => self.onwards(*from, *to, (start, end)),
                    _ if from == to => self.round(*from),
                    _ => self.back(*from, *to),
                }
            })
            .collect()
    }

    /// How far below the top of its box the first of each pair is left, in the order of the others.
    fn ports(&self, pairs: &[(usize, usize)]) -> HashMap<(usize, usize), f64> {
        let mut by_box: HashMap<usize, Vec<usize>> = HashMap::new();
        for (here, there) in pairs {
            by_box.entry(*here).or_default().push(*there);
        }
        let mut ports = HashMap::new();
        for (here, mut others) in by_box {
            others.sort_by(|one, other| self.place(*one).1.total_cmp(&self.place(*other).1));
            let step = HEIGHT / (others.len() + 1) as f64;
            for (turn, there) in others.into_iter().enumerate() {
                ports.insert((here, there), step * (turn + 1) as f64);
            }
        }
        ports
    }

    fn onwards(&self, from: usize, to: usize, (start, end): (f64, f64)) -> Line {
        let (from, to) = (self.place(from), self.place(to));
        let (x1, y1) = (from.0 + WIDTH, from.1 + start);
        let (x2, y2) = (to.0, to.1 + end);
        let middle = f64::midpoint(x1, x2);
        Line {
            path: format!(
                "M{x1:.1} {y1:.1}C{middle:.1} {y1:.1} {middle:.1} {y2:.1} {x2:.1} {y2:.1}"
            ),
            middle: (middle, f64::midpoint(y1, y2)),
        }
    }

    /// Below the boxes.
    fn back(&self, from: usize, to: usize) -> Line {
        let (from, to) = (self.place(from), self.place(to));
        let (x1, x2) = (from.0 + WIDTH * 0.6, to.0 + WIDTH * 0.4);
        let (y1, y2) = (from.1 + HEIGHT, to.1 + HEIGHT);
        let low = y1.max(y2) + SWING;
        Line {
            path: format!("M{x1:.1} {y1:.1}C{x1:.1} {low:.1} {x2:.1} {low:.1} {x2:.1} {y2:.1}"),
            middle: (
                f64::midpoint(x1, x2),
                f64::midpoint(f64::midpoint(y1, y2), low) + SWING / 4.0,
            ),
        }
    }

    /// To the box it comes from.
    fn round(&self, from: usize) -> Line {
        let (x, y) = self.place(from);
        let (x1, x2, y) = (x + WIDTH * 0.7, x + WIDTH * 0.5, y + HEIGHT);
        let low = y + SWING * 0.8;
        Line {
            path: format!("M{x1:.1} {y:.1}C{x1:.1} {low:.1} {x2:.1} {low:.1} {x2:.1} {y:.1}"),
            middle: (f64::midpoint(x1, x2), low),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(one: (f64, f64), other: (f64, f64)) -> bool {
        (one.0 - other.0).abs() < WIDTH && (one.1 - other.1).abs() < HEIGHT
    }

    #[test]
    fn callers_are_left_of_who_they_call_and_no_box_is_on_another() {
        // A chain, a fork, a diamond and a pair of its own.
        let edges = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (0, 5), (6, 7)];
        let layout = Layout::of(8, &edges);
        for (from, to) in edges {
            assert!(
                layout.place(from).0 + WIDTH < layout.place(to).0,
                "{from} {to}"
            );
        }
        for one in 0..8 {
            let (x, y) = layout.place(one);
            assert!(x >= MARGIN && y >= MARGIN);
            assert!(x + WIDTH < layout.width && y + HEIGHT < layout.height);
            for other in 0..one {
                assert!(!overlap((x, y), layout.place(other)), "{one} is on {other}");
            }
        }
    }

    #[test]
    fn each_arrow_has_a_line_of_its_own() {
        // A fork, a circle, and one that calls itself.
        let edges = [(0, 1), (0, 2), (2, 0), (1, 1)];
        let layout = Layout::of(3, &edges);
        let lines = layout.lines(&edges);
        let mut paths: Vec<_> = lines.iter().map(|line| line.path.as_str()).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), edges.len());
        let start = |line: &Line| line.path.split('C').next().map(str::to_owned);
        assert_ne!(start(&lines[0]), start(&lines[1]));
        for line in &lines {
            assert!(line.middle.1 < layout.height);
        }
    }

    #[test]
    fn nothing_is_a_small_map() {
        let layout = Layout::of(0, &[]);
        assert!(layout.lines(&[]).is_empty());
        assert!(layout.width > 0.0 && layout.height > 0.0);
    }
}
