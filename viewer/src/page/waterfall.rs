//! A trace as a waterfall: on its page, and in the file that opens offline.

use std::collections::{HashMap, HashSet};

use askama::Template;

use super::{
    colours::Colours,
    format,
    minimap::Minimap,
    row::{MOST, Row},
    span::Log,
};
use crate::{
    ids::{SpanId, TraceId},
    store::{Stored, StoredLog, Whole},
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
    /// Spans and logs.
    left_out: (usize, usize),
    logs: usize,
    errors: usize,
    orphans: usize,
    /// The most by which clocks must differ.
    skew: String,
    /// Name, spans, colour.
    services: Vec<(String, usize, usize)>,
    rows: Vec<Row>,
    /// How many spans have a row.
    shown: usize,
    /// Logs that no span's pane shows.
    strays: Vec<Log>,
    all_strays: usize,
    map: Minimap,
}

/// As many logs are listed below the rows.
const STRAYS: usize = 1000;

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
        let strays = strays(whole);
        let first_log = whole.logs.first();
        let begins = match (root, first_log) {
            (None, Some(log)) => log.time.cast_unsigned(),
            _ => tree.start,
        };
        let is_orphan = |oddity| oddity == Some(Oddity::Orphan);
        Self {
            id: id.to_string(),
            title: match root {
                Some(root) => format::short(&root.span.name),
                None if whole.left_out.0 > 0 => "too large to be read".to_owned(),
                None => "logs alone".to_owned(),
            },
            service: root
                .map(|root| &root.service)
                .or_else(|| first_log.map(|log| &log.service))
                .map_or_else(String::new, |service| service.to_string()),
            time: format::time(i64::try_from(begins).unwrap_or(i64::MAX)),
            duration: format::duration(scale.length),
            start: tree.start,
            length: scale.length,
            spans: whole.spans.len(),
            left_out: whole.left_out,
            logs: whole.logs.len(),
            errors: whole.spans.iter().filter(|span| span.is_error()).count(),
            orphans: tree
                .nodes
                .iter()
                .filter(|node| is_orphan(node.oddity))
                .count(),
            skew: tree
                .nodes
                .iter()
                .filter_map(|node| node.skew.map(i64::unsigned_abs))
                .max()
                .map_or_else(String::new, format::duration),
            services: services(&whole.spans, colours),
            shown: tree.nodes.len().min(MOST),
            all_strays: strays.len(),
            strays: strays
                .into_iter()
                .take(STRAYS)
                .map(|log| Log::of(log, begins))
                .collect(),
            rows: Row::all(&tree, &whole.spans, &scale, colours),
            map: Minimap::of(&tree, &whole.spans, &scale, colours),
        }
    }
}

/// Logs of the trace that name no span, or one that is not there.
fn strays(whole: &Whole) -> Vec<&StoredLog> {
    let spans: HashSet<_> = whole
        .spans
        .iter()
        .filter_map(|stored| SpanId::from_slice(&stored.span.span_id))
        .collect();
    let is_stray = |log: &&StoredLog| log.span_id.is_none_or(|id| !spans.contains(&id));
    whole.logs.iter().filter(is_stray).collect()
}

fn services(spans: &[Stored], colours: &Colours) -> Vec<(String, usize, usize)> {
    let mut all: Vec<(String, usize, usize)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for stored in spans {
        let place = *places.entry(&stored.service).or_insert_with(|| {
            let colour = colours.of_service(&stored.service);
            all.push((stored.service.to_string(), 0, colour));
            all.len() - 1
        });
        if let Some((_, spans, _)) = all.get_mut(place) {
            *spans += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_told() {
        let text = |left_out| {
            let whole = Whole {
                left_out,
                ..Whole::default()
            };
            let page = Waterfall::of(TraceId([7; 16]), &whole, &Colours::default());
            format!("{}: {}", page.title, page.render().unwrap())
        };
        assert!(!text((0, 0)).contains("larger than"));
        let part = text((3, 0));
        assert!(part.contains("these are 0 of its 3 spans."), "{part}");
        assert!(part.starts_with("too large to be read"), "{part}");
        assert!(part.contains("data-spans=\"3\" data-logs=\"0\""), "{part}");
        let part = text((0, 2));
        assert!(part.contains("of its 0 spans, and 0 of 2 logs."), "{part}");
    }
}
