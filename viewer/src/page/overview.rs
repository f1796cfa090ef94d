//! Each route of each service: how often, how well, how fast.

use std::cmp::Reverse;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};

use super::{
    chart::Chart,
    colours::Colours,
    format,
    map::query,
    query::{Window, backs},
    show,
};
use crate::{
    api::params::Params,
    store::{
        Store, StoreError,
        stats::{Route, quantile},
    },
};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    back: String,
    /// The busiest routes.
    rows: Vec<Line>,
    /// How many there are.
    all_rows: usize,
    /// The ends of the charts.
    from: String,
    to: String,
}

/// As many routes are shown: each has a chart.
const ROWS: usize = 500;

impl Page {
    fn of(mut routes: Vec<Route>, window: Window, colours: &Colours) -> Self {
        let starts = || {
            let requests = routes.iter().flat_map(|route| &route.requests);
            requests.map(|(start, ..)| *start)
        };
        // All of time is the time of which there are requests.
        let (from, to) = match window.name.as_str() {
            "" => (starts().min(), starts().max()),
            _ => (Some(window.from), Some(window.to)),
        };
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
        let all_rows = routes.len();
        // Stable: by name where there are as many requests.
        routes.sort_by_key(|route| Reverse(route.requests.len()));
        routes.truncate(ROWS);
        routes.sort_by(|one, other| (&one.service, &one.name).cmp(&(&other.service, &other.name)));
        let rows = routes
            .iter()
            .map(|route| Line::of(route, (from, to), colours))
            .collect();
        Self {
            back: window.name,
            rows,
            all_rows,
            from: format::time(from),
            to: format::time(to),
        }
    }

    fn backs(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        backs(&self.back)
    }
}

struct Line {
    service: String,
    colour: usize,
    name: String,
    requests: usize,
    /// There are more, that are older.
    is_part: bool,
    rate: String,
    errors: usize,
    share: String,
    /// The words, and where an example is.
    p50: (String, String),
    p95: (String, String),
    p99: (String, String),
    all: String,
    failed: String,
    chart: Chart,
}

pub(super) async fn page(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let window = Window::of(&Params::of(pairs));
    let routes = store.routes(window.from, window.to).await?;
    let colours = Colours::of(&store).await?;
    store
        .aside(move || show(&Page::of(routes, window, &colours)))
        .await
}

impl Line {
    fn of(route: &Route, (from, to): (i64, i64), colours: &Colours) -> Self {
        let mut by_duration: Vec<_> = route.requests.iter().collect();
        by_duration.sort_unstable_by_key(|(start, took, _)| (*took, *start));
        let durations: Vec<_> = by_duration.iter().map(|(_, took, _)| *took).collect();
        let errors = route.requests.iter().filter(|(.., failed)| *failed).count();
        let requests = route.requests.len();
        // Of very many the newest are known.
        let begin = route.since.unwrap_or(from);
        let asked = [("service", &*route.service), ("operation", &*route.name)];
        let of_request = [asked.as_slice(), &[("of", "request")]].concat();
        let link = |more: &[(&str, &str)]| format!("/?{}", query(&[&of_request, more].concat()));
        // What is counted here, though more may come in.
        let times = [begin, to].map(format::exact);
        let [begins, ends] = &times;
        let counted = [("from", begins.as_str()), ("to", ends.as_str())];
        let example = |share| {
            let took = quantile(&durations, share);
            let of_this = by_duration.iter().find(|(_, known, _)| *known == took);
            let start = of_this.map_or(0, |(start, ..)| *start);
            let (start, long) = (start.to_string(), took.to_string());
            let one = [("start", start.as_str()), ("took", long.as_str())];
            let address = format!("/example?{}", query(&[asked.as_slice(), &one].concat()));
            (format::duration(took), address)
        };
        Self {
            service: route.service.clone(),
            colour: colours.of_service(&route.service),
            name: format::short(&route.name),
            requests,
            is_part: route.since.is_some(),
            rate: format::rate(requests as u64, to.saturating_sub(begin) as f64 / 1e9),
            errors,
            share: format::share(errors, requests),
            p50: example(0.5),
            p95: example(0.95),
            p99: example(0.99),
            all: link(&counted),
            failed: link(&[counted.as_slice(), &[("errors", "1")]].concat()),
            chart: Chart::of(&route.requests, (from, to), |more| link(more)),
        }
    }
}
