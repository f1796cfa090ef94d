//! Each route of each service: how often, how well, how fast.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};

use super::{
    colours::Colours,
    format,
    map::query,
    search::{Window, backs},
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
    rows: Vec<Line>,
}

impl Page {
    fn backs(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        backs(&self.back)
    }
}

struct Line {
    service: String,
    colour: usize,
    name: String,
    requests: usize,
    rate: String,
    errors: usize,
    share: String,
    /// The words, and where examples are.
    p50: (String, String),
    p95: (String, String),
    p99: (String, String),
    all: String,
    failed: String,
    /// Over time: the number of requests, the errors, and the 95th percentile, each as points of a line of 120 by 24.
    rates: String,
    errors_line: String,
    p95_line: String,
}

/// Points of a line.
const STEPS: usize = 30;

pub(super) async fn page(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let window = Window::of(&Params::of(pairs));
    let routes = store.routes(window.from, window.to).await?;
    let first = routes
        .iter()
        .filter_map(|route| route.requests.first())
        .map(|(start, ..)| *start)
        .min()
        .unwrap_or(window.to);
    // All of time begins with the first request.
    let from = window.from.max(first);
    let colours = Colours::of(&store).await?;
    let rows = routes
        .iter()
        .map(|route| Line::of(route, from, window.to, &colours))
        .collect();
    Ok(show(&Page {
        back: window.name,
        rows,
    }))
}

impl Line {
    fn of(route: &Route, from: i64, to: i64, colours: &Colours) -> Self {
        let mut durations: Vec<_> = route.requests.iter().map(|(_, took, _)| *took).collect();
        durations.sort_unstable();
        let errors = route.requests.iter().filter(|(.., failed)| *failed).count();
        let requests = route.requests.len();
        let seconds = ((to - from) as f64 / 1e9).max(1.0);
        let asked = [("service", &*route.service), ("operation", &*route.name)];
        let link = |more: &[(&str, &str)]| format!("/?{}", query(&[&asked, more].concat()));
        let slow = |share| {
            let took = quantile(&durations, share);
            // A little less, so that the example is found again.
            let least = format!("{}us", took / 1000);
            (format::duration(took), link(&[("min", &least)]))
        };
        let steps = steps(route, from, to);
        Self {
            service: route.service.clone(),
            colour: colours.of_service(&route.service),
            name: route.name.clone(),
            requests,
            rate: format::rate(requests as u64, seconds),
            errors,
            share: format::share(errors, requests),
            p50: slow(0.5),
            p95: slow(0.95),
            p99: slow(0.99),
            all: link(&[]),
            failed: link(&[("errors", "1")]),
            rates: line(steps.iter().map(|step| step.0.len() as u64)),
            errors_line: line(steps.iter().map(|step| step.1)),
            p95_line: line(steps.iter().map(|step| quantile(&step.0, 0.95))),
        }
    }
}

/// Sorted durations, and errors, of each part of the time.
fn steps(route: &Route, from: i64, to: i64) -> Vec<(Vec<u64>, u64)> {
    let mut steps = vec![(Vec::new(), 0); STEPS];
    let length = (to - from).max(1);
    for (start, took, failed) in &route.requests {
        let at = i128::from(start - from) * STEPS as i128 / i128::from(length);
        let at = usize::try_from(at).unwrap_or_default().min(STEPS - 1);
        if let Some((durations, errors)) = steps.get_mut(at) {
            durations.push(*took);
            *errors += u64::from(*failed);
        }
    }
    for (durations, _) in &mut steps {
        durations.sort_unstable();
    }
    steps
}

fn line(values: impl Iterator<Item = u64> + Clone) -> String {
    let most = values.clone().max().unwrap_or_default().max(1) as f64;
    values
        .enumerate()
        .map(|(index, value)| {
            let x = index as f64 * 120.0 / (STEPS - 1) as f64;
            let y = 23.0 - value as f64 * 22.0 / most;
            format!("{x:.1},{y:.1}")
        })
        .collect::<Vec<_>>()
        .join(" ")
}
