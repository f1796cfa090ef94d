//! Who calls whom, drawn.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use rust_sugiyama::{configure::Config, from_vertices_and_edges};

use super::{colours::Colours, format, search::backs, show};
use crate::{
    api::params::Params,
    store::{
        Store, StoreError,
        stats::{Edge, OUTSIDE, Peer, quantile},
    },
};

#[derive(Template)]
#[template(path = "map.html")]
struct Page {
    back: String,
    boxes: Vec<Node>,
    arrows: Vec<Arrow>,
    width: f64,
    height: f64,
}

impl Page {
    fn backs(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        backs(&self.back)
    }
}

struct Node {
    name: String,
    kind: &'static str,
    colour: usize,
    link: String,
    x: f64,
    y: f64,
}

struct Arrow {
    from: String,
    to: String,
    label: String,
    link: String,
    path: String,
    /// Where the label is.
    x: f64,
    y: f64,
    is_error: bool,
    calls: u64,
    rate: String,
    share: String,
    p95: String,
}

/// Of a box.
const WIDTH: f64 = 190.0;
const HEIGHT: f64 = 52.0;

pub(super) async fn page(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let params = Params::of(pairs);
    let window = super::search::Window::of(&params);
    let edges = store.edges(window.from, window.to).await?;
    let first = store.first(window.from).await?.unwrap_or(window.to);
    let seconds = ((window.to - first) as f64 / 1e9).max(1.0);
    let colours = Colours::of(&store).await?;
    Ok(show(&Page::of(&edges, window.name, seconds, &colours)))
}

impl Page {
    fn of(edges: &[Edge], back: String, seconds: f64, colours: &Colours) -> Self {
        let mut numbers: BTreeMap<Peer, usize> = BTreeMap::new();
        for edge in edges {
            for peer in [Peer::Service(edge.from.clone()), edge.to.clone()] {
                let next = numbers.len();
                numbers.entry(peer).or_insert(next);
            }
        }
        let number = |peer: &Peer| numbers.get(peer).copied().unwrap_or_default();
        let pairs: Vec<(u32, u32)> = edges
            .iter()
            .map(|edge| {
                let from = number(&Peer::Service(edge.from.clone()));
                (from as u32, number(&edge.to) as u32)
            })
            .filter(|(from, to)| from != to)
            .collect();
        let places = layout(numbers.len(), &pairs);
        let place = |peer: &Peer| places.get(number(peer)).copied().unwrap_or_default();
        let boxes: Vec<_> = numbers
            .keys()
            .map(|peer| Node::of(peer, place(peer), colours))
            .collect();
        let width = boxes
            .iter()
            .map(|node| node.x + WIDTH)
            .fold(400.0, f64::max);
        let height = boxes
            .iter()
            .map(|node| node.y + HEIGHT)
            .fold(120.0, f64::max);
        let arrows = edges
            .iter()
            .map(|edge| {
                let from = place(&Peer::Service(edge.from.clone()));
                Arrow::of(edge, from, place(&edge.to), seconds)
            })
            .collect();
        Self {
            back,
            boxes,
            arrows,
            width: width + 20.0,
            height: height + 20.0,
        }
    }
}

/// The upper left corner of each box: in layers, from left to right.
fn layout(count: usize, pairs: &[(u32, u32)]) -> Vec<(f64, f64)> {
    let vertices: Vec<(u32, (f64, f64))> = (0..count)
        .map(|number| (number as u32, (HEIGHT + 40.0, WIDTH + 150.0)))
        .collect();
    let mut places = vec![(20.0, 20.0); count];
    let mut below = 20.0;
    for (found, _, _) in from_vertices_and_edges(&vertices, pairs, &Config::default()) {
        // The library draws from top to bottom.
        let left = found.iter().map(|(_, (_, y))| -y.abs()).fold(0.0, f64::min);
        let top = found.iter().map(|(_, (x, _))| *x).fold(f64::MAX, f64::min);
        let mut lowest: f64 = below;
        for (number, (x, y)) in found {
            let place = (20.0 + y.abs() + left.min(0.0) * 0.0, below + x - top);
            lowest = lowest.max(place.1 + HEIGHT);
            if let Some(slot) = places.get_mut(number) {
                *slot = place;
            }
        }
        below = lowest + 40.0;
    }
    places
}

impl Node {
    fn of(peer: &Peer, (x, y): (f64, f64), colours: &Colours) -> Self {
        let (name, kind) = match peer {
            Peer::Service(name) if &**name == OUTSIDE => (OUTSIDE.to_owned(), "outside"),
            Peer::Service(name) => (name.to_string(), "service"),
            Peer::Database(name) => (name.clone(), "database"),
            Peer::Queue(name) => (name.clone(), "queue"),
            Peer::Unknown(name) => (name.clone(), "sends no spans"),
        };
        let link = match kind {
            "service" => format!("/?{}", query(&[("service", &name)])),
            _ => String::new(),
        };
        Self {
            colour: colours.of_service(&name),
            name,
            kind,
            link,
            x,
            y,
        }
    }
}

impl Arrow {
    fn of(edge: &Edge, from: (f64, f64), to: (f64, f64), seconds: f64) -> Self {
        let (name, asked) = match &edge.to {
            Peer::Service(name) => (name.to_string(), name.to_string()),
            Peer::Database(name) | Peer::Queue(name) | Peer::Unknown(name) => {
                (name.clone(), edge.from.to_string())
            }
        };
        let mut asks = vec![("service", asked.as_str())];
        if edge.errors > 0 {
            asks.push(("errors", "1"));
        }
        let (x1, y1) = (from.0 + WIDTH, from.1 + HEIGHT / 2.0);
        let (x2, y2) = (to.0, to.1 + HEIGHT / 2.0);
        let is_back = x2 <= x1 - WIDTH;
        let path = if edge.from.as_ref() == name {
            let (x, y) = (from.0 + WIDTH / 2.0, from.1);
            format!("M{x} {y} c -30 -34 30 -34 0 0")
        } else if is_back {
            let low = y1.max(y2) + HEIGHT;
            format!(
                "M{x1} {y1} C {} {low}, {} {low}, {x2} {y2}",
                x1 + 60.0,
                x2 - 60.0
            )
        } else {
            let bend = ((x2 - x1) / 2.0).max(30.0);
            format!(
                "M{x1} {y1} C {} {y1}, {} {y2}, {x2} {y2}",
                x1 + bend,
                x2 - bend
            )
        };
        let share = format::share(edge.errors as usize, edge.calls as usize);
        let rate = format::rate(edge.calls, seconds);
        let p95 = format::duration(quantile(&edge.durations, 0.95));
        Self {
            from: edge.from.to_string(),
            to: name,
            label: format!("{rate} · {p95}"),
            link: format!("/?{}", query(&asks)),
            path,
            x: f64::midpoint(x1, x2),
            y: f64::midpoint(y1, y2) - 6.0,
            is_error: edge.errors > 0,
            calls: edge.calls,
            rate,
            share,
            p95,
        }
    }
}

/// Pairs as the query of an address.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(pairs);
    out.finish()
}
