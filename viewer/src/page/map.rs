//! Who calls whom, drawn.

use std::collections::BTreeMap;

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
    from: String,
    to: String,
    /// The boxes' numbers.
    ends: (usize, usize),
    link: String,
    failed_link: String,
    line: layout::Line,
    is_error: bool,
    calls: u64,
    rate: String,
    share: String,
    p95: String,
}

/// With more arrows, words are shown of those that are pointed at.
const CROWDED: usize = 16;

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
    Ok(show(&Page::of(
        &calls.edges,
        window.name,
        seconds,
        &colours,
    )))
}

impl Page {
    fn of(edges: &[Edge], back: String, seconds: f64, colours: &Colours) -> Self {
        let mut numbers: BTreeMap<Peer, usize> = BTreeMap::new();
        let mut number = |peer: Peer| {
            let next = numbers.len();
            *numbers.entry(peer).or_insert(next)
        };
        let ends: Vec<_> = edges
            .iter()
            .map(|edge| {
                let from = number(Peer::Service(edge.from.clone()));
                (from, number(edge.to.clone()))
            })
            .collect();
        let layout = Layout::of(numbers.len(), &ends);
        let arrows: Vec<_> = edges
            .iter()
            .zip(&ends)
            .zip(layout.lines(&ends))
            .map(|((edge, ends), line)| Arrow::of(edge, *ends, line, seconds, &back))
            .collect();
        Self {
            boxes: numbers
                .iter()
                .map(|(peer, number)| {
                    Node::of(peer, *number, layout.place(*number), colours, &back)
                })
                .collect(),
            is_crowded: arrows.len() > CROWDED,
            arrows,
            width: layout.width,
            height: layout.height,
            back,
        }
    }

    fn backs(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        backs(&self.back)
    }
}

impl Node {
    fn of(peer: &Peer, number: usize, (x, y): (f64, f64), colours: &Colours, back: &str) -> Self {
        let (name, kind, class) = match peer {
            Peer::Service(name) if &**name == OUTSIDE => (name.to_string(), "outside", "outside"),
            Peer::Service(name) => (name.to_string(), "service", "service"),
            Peer::Database(name) => (name.clone(), "database", "database"),
            Peer::Queue(name) => (name.clone(), "queue", "queue"),
            Peer::Unknown(name) => (name.clone(), "sends no spans", "silent"),
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

/// As much of a name as a box is wide; its end tells more than its middle.
fn fitting(name: &str) -> String {
    const LONGEST: usize = 21;
    const TAIL: usize = 8;
    let count = name.chars().count();
    if count <= LONGEST {
        return name.to_owned();
    }
    let head: String = name.chars().take(LONGEST - TAIL - 1).collect();
    let tail: String = name.chars().skip(count - TAIL).collect();
    format!("{head}…{tail}")
}

impl Arrow {
    fn of(edge: &Edge, ends: (usize, usize), line: layout::Line, seconds: f64, back: &str) -> Self {
        let (to, asked) = match &edge.to {
            Peer::Service(name) => (name.to_string(), name.to_string()),
            Peer::Database(name) | Peer::Queue(name) | Peer::Unknown(name) => {
                (name.clone(), edge.from.to_string())
            }
        };
        let link = |more: &[(&str, &str)]| {
            let asks = [&[("service", asked.as_str()), ("back", back)], more].concat();
            format!("/?{}", query(&asks))
        };
        Self {
            from: edge.from.to_string(),
            to,
            ends,
            link: link(&[]),
            failed_link: link(&[("errors", "1")]),
            line,
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
        assert_eq!(long, "inventory-se…oduction");
        assert_eq!(long.chars().count(), 21);
    }

    #[test]
    fn what_is_not_said_is_not_asked() {
        assert_eq!(query(&[("service", "a b"), ("back", "")]), "service=a+b");
    }
}
