//! A trace as a waterfall: on its page, and in the file that opens offline.

use askama::Template;

use super::{colours::Colours, format, minimap::Minimap, row::Row};
use crate::{
    ids::TraceId,
    store::{Stored, Whole},
    trace::{Oddity, Tree},
};

#[derive(Template)]
#[template(path = "waterfall.html")]
pub(super) struct Waterfall {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) service: String,
    time: String,
    duration: String,
    /// Nanoseconds since 1970.
    start: u64,
    /// Nanoseconds.
    length: u64,
    spans: usize,
    logs: usize,
    errors: usize,
    orphans: usize,
    /// Name, spans, colour.
    services: Vec<(String, usize, usize)>,
    rows: Vec<Row>,
    map: Minimap,
}

/// From nanoseconds to hundredths of the trace.
pub(super) struct Scale {
    start: u64,
    length: u64,
}

impl Waterfall {
    pub(super) fn of(id: TraceId, whole: &Whole, colours: &Colours) -> Self {
        let tree = Tree::of(&whole.spans);
        let root = tree
            .nodes
            .first()
            .and_then(|node| whole.spans.get(node.span));
        let scale = Scale {
            start: tree.start,
            length: tree.finish - tree.start,
        };
        let is_orphan = |oddity| oddity == Some(Oddity::Orphan);
        Self {
            id: id.to_string(),
            title: root.map_or_else(String::new, |root| format::short(&root.span.name)),
            service: root.map_or_else(String::new, |root| root.service.to_string()),
            time: format::time(i64::try_from(tree.start).unwrap_or(i64::MAX)),
            duration: format::duration(scale.length),
            start: tree.start,
            length: scale.length,
            spans: whole.spans.len(),
            logs: whole.logs.len(),
            errors: whole.spans.iter().filter(|span| span.is_error()).count(),
            orphans: tree
                .nodes
                .iter()
                .filter(|node| is_orphan(node.oddity))
                .count(),
            services: services(&whole.spans, colours),
            rows: Row::all(&tree, &whole.spans, &scale, colours),
            map: Minimap::of(&tree, &whole.spans, &scale, colours),
        }
    }
}

fn services(spans: &[Stored], colours: &Colours) -> Vec<(String, usize, usize)> {
    let mut all: Vec<(String, usize, usize)> = Vec::new();
    for stored in spans {
        match all.iter_mut().find(|(name, ..)| **name == *stored.service) {
            Some((_, spans, _)) => *spans += 1,
            None => all.push((
                stored.service.to_string(),
                1,
                colours.of_service(&stored.service),
            )),
        }
    }
    all
}

impl Scale {
    pub(super) fn at(&self, time: u64) -> f64 {
        let since = time.saturating_sub(self.start).min(self.length);
        since as f64 * 100.0 / self.length.max(1) as f64
    }

    /// Where it begins, and how wide it is.
    pub(super) fn bar(&self, start: u64, finish: u64) -> (f64, f64) {
        (self.at(start), self.at(finish) - self.at(start))
    }
}
