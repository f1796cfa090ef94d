//! Who calls whom, drawn.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};

use super::{
    colours::Colours,
    format,
    layout::{self, Layout},
    query::{Window, backs},
    show,
};
use crate::{
    api::params::Params,
    store::{
        Store, StoreError,
        stats::{Edge, Peer, quantile},
    },
};

#[derive(Template)]
#[template(path = "map.html")]
struct Page {
    back: String,
    boxes: Vec<Node>,
    arrows: Vec<Arrow>,
    /// As many of the calls have a row.
    calls: Vec<Call>,
    /// How many of each there are.
    all_boxes: usize,
    all_arrows: usize,
    all_calls: usize,
    width: f64,
    height: f64,
    /// More than can be told apart with words on each arrow.
    is_crowded: bool,
}

struct Node {
    number: usize,
    name: String,
    /// As much of it as fits.
    short: String,
    kind: &'static str,
    class: &'static str,
    colour: Option<usize>,
    link: String,
    x: f64,
    y: f64,
}

struct Arrow {
    /// The boxes' numbers.
    ends: (usize, usize),
    line: layout::Line,
    call: Call,
}

#[derive(Clone)]
struct Call {
    from: String,
    to: String,
    link: String,
    failed_link: String,
    is_error: bool,
    calls: u64,
    rate: String,
    share: String,
    p95: String,
}

/// With more arrows, words are shown of those that are pointed at.
const CROWDED: usize = 16;
/// As many boxes are drawn, the busiest. Time and stack of the layout grow with them.
const BOXES: usize = 200;
/// As many arrows between them are drawn.
const ARROWS: usize = 400;
/// As many rows has the table.
const ROWS: usize = 1000;

pub(super) async fn page(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let params = Params::of(pairs);
    let window = Window::of(&params);
    let calls = store.edges(window.from, window.to).await?;
    // All of time is the time of which there are traces.
    let (first, last) = match window.name.as_str() {
        "" => (store.first(0).await?, store.last().await?),
        _ => (Some(window.from), Some(window.to)),
    };
    // Of very many the newest are looked at.
    let first = calls.since.or(first);
    let time = first
        .zip(last)
        .map(|(first, last)| last.saturating_sub(first));
    let seconds = time.unwrap_or_default() as f64 / 1e9;
    let colours = Colours::of(&store).await?;
    store
        .aside(move || show(&Page::of(calls.edges, window.name, seconds, &colours)))
        .await
}

impl Page {
    fn of(mut edges: Vec<Edge>, back: String, seconds: f64, colours: &Colours) -> Self {
        let (boxes, all_boxes) = busiest(&edges);
        let all_calls = edges.len();
        // Stable: by name where there are as many calls.
        edges.sort_by_key(|edge| Reverse(edge.calls));
        let mut drawn: Vec<&Edge> = edges
            .iter()
            .filter(|edge| boxes.contains(&edge.from) && boxes.contains(&edge.to))
            .collect();
        let all_arrows = drawn.len();
        drawn.truncate(ARROWS);
        drawn.sort_by_key(|edge| (&edge.from, &edge.to));
        let numbers: BTreeMap<&Peer, usize> = boxes.iter().zip(0..).collect();
        let number = |peer: &Peer| numbers.get(peer).copied().unwrap_or_default();
        let ends: Vec<_> = drawn
            .iter()
            .map(|edge| (number(&edge.from), number(&edge.to)))
            .collect();
        let layout = Layout::of(numbers.len(), &ends);
        let arrows: Vec<_> = drawn
            .iter()
            .zip(&ends)
            .zip(layout.lines(&ends))
            .map(|((edge, ends), line)| Arrow {
                ends: *ends,
                line,
                call: Call::of(edge, seconds, &back),
            })
            .collect();
        let boxes = numbers
            .iter()
            .map(|(peer, number)| Node::of(peer, *number, layout.place(*number), colours, &back))
            .collect();
        edges.truncate(ROWS);
        edges.sort_by(|one, other| (&one.from, &one.to).cmp(&(&other.from, &other.to)));
        Self {
            boxes,
            is_crowded: arrows.len() > CROWDED,
            arrows,
            calls: edges
                .iter()
                .map(|edge| Call::of(edge, seconds, &back))
                .collect(),
            all_boxes,
            all_arrows,
            all_calls,
            width: layout.width,
            height: layout.height,
            back,
        }
    }

    fn backs(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        backs(&self.back)
    }
}

/// The boxes that are drawn, and how many there are.
fn busiest(edges: &[Edge]) -> (BTreeSet<Peer>, usize) {
    let mut calls: BTreeMap<Peer, u64> = BTreeMap::new();
    for edge in edges {
        *calls.entry(edge.from.clone()).or_default() += edge.calls;
        *calls.entry(edge.to.clone()).or_default() += edge.calls;
    }
    let all = calls.len();
    let mut calls: Vec<_> = calls.into_iter().collect();
    // Stable: by name where there are as many calls.
    calls.sort_by_key(|(_, calls)| Reverse(*calls));
    calls.truncate(BOXES);
    (calls.into_iter().map(|(peer, _)| peer).collect(), all)
}

impl Node {
    fn of(peer: &Peer, number: usize, (x, y): (f64, f64), colours: &Colours, back: &str) -> Self {
        let name = name_of(peer).to_owned();
        let (kind, class) = match peer {
            Peer::Service(_) => ("service", "service"),
            Peer::Database(_) => ("database", "database"),
            Peer::Queue(_) => ("queue", "queue"),
            Peer::Unknown(_) | Peer::Unseen => ("sends no spans", "silent"),
            Peer::Outside => ("outside", "outside"),
        };
        let is_service = class == "service";
        Self {
            number,
            short: fitting(&name),
            kind,
            class,
            colour: is_service.then(|| colours.of_service(&name)),
            link: match is_service {
                true => format!("/?{}", query(&[("service", &name), ("back", back)])),
                false => String::new(),
            },
            name,
            x,
            y,
        }
    }
}

fn name_of(peer: &Peer) -> &str {
    match peer {
        Peer::Service(name) => name,
        Peer::Database(name) | Peer::Queue(name) | Peer::Unknown(name) => name,
        Peer::Outside => "user",
        Peer::Unseen => "unknown caller",
    }
}

/// As much of a name as a box is wide; its end tells more than its middle.
fn fitting(name: &str) -> String {
    const LONGEST: usize = 19;
    const TAIL: usize = 7;
    let count = name.chars().count();
    if count <= LONGEST {
        return name.to_owned();
    }
    let head: String = name.chars().take(LONGEST - TAIL - 1).collect();
    let tail: String = name.chars().skip(count - TAIL).collect();
    format!("{head}…{tail}")
}

impl Call {
    fn of(edge: &Edge, seconds: f64, back: &str) -> Self {
        let (from, to) = (name_of(&edge.from), name_of(&edge.to));
        let asked = match &edge.to {
            Peer::Service(_) => to,
            _ => from,
        };
        let link = |more: &[(&str, &str)]| {
            let asks = [&[("service", asked), ("back", back)], more].concat();
            format!("/?{}", query(&asks))
        };
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            link: link(&[]),
            failed_link: link(&[("errors", "1")]),
            is_error: edge.errors > 0,
            calls: edge.calls,
            rate: format::rate(edge.calls, seconds),
            share: format::share(edge.errors as usize, edge.calls as usize),
            p95: format::duration(quantile(&edge.durations, 0.95)),
        }
    }

    /// Where it leads: to failures where there are some.
    fn main_link(&self) -> &str {
        match self.is_error {
            true => &self.failed_link,
            false => &self.link,
        }
    }
}

/// Pairs as the query of an address; empty ones are left out.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(fitting("orders"), "orders");
        let long = fitting("inventory-service-europe-production");
        assert_eq!(long, "inventory-s…duction");
        assert_eq!(long.chars().count(), 19);
    }

    #[test]
    fn what_is_not_said_is_not_asked() {
        assert_eq!(query(&[("service", "a b"), ("back", "")]), "service=a+b");
    }
}
