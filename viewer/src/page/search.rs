//! The first page: what there is, and what is looked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use askama::Template;
use axum::{
    Extension,
    extract::{Query, State},
    response::Response,
};
use http::StatusCode;

use super::{
    colours::Colours,
    failed, format,
    query::{Form, all, wanted},
    scatter::Scatter,
    show,
};
use crate::{
    api::params::{Params, Wrong},
    store::{Found, Store, StoreError, Tally},
};

/// Where OTLP comes in over HTTP, if it does.
#[derive(Clone, Copy, Debug)]
pub(super) struct TakesAt(pub(super) Option<SocketAddr>);

#[derive(Template)]
#[template(path = "search.html")]
struct Page {
    services: Vec<String>,
    operations: Vec<String>,
    form: Form,
    /// The store's number before it was asked.
    stored: u64,
    results: Results,
}

/// The part that is new when there is news.
#[derive(Template)]
#[template(path = "results.html")]
struct Results {
    rows: Vec<Line>,
    scatter: Option<Scatter>,
    /// With their colours.
    tallies: Vec<(Tally, usize)>,
    spans: i64,
    errors: i64,
    wrong: Option<String>,
    is_filtered: bool,
    /// There may be more.
    is_full: bool,
    takes_at: Option<Endpoint>,
}

/// As an exporter on this machine is told of it.
struct Endpoint {
    url: String,
    /// Exporters ask there by themselves.
    is_default: bool,
}

/// What the store found.
struct Looked {
    found: Vec<Found>,
    colours: Colours,
    wrong: Option<String>,
    is_filtered: bool,
    is_full: bool,
    takes_at: Option<Endpoint>,
}

/// A trace in the list.
struct Line {
    id: String,
    service: String,
    name: String,
    colour: usize,
    time: String,
    duration: String,
    /// In thousandths of the longest one.
    share: i64,
    spans: i64,
    errors: i64,
    orphans: i64,
    parts: Vec<(String, i64, usize)>,
}

pub(super) async fn page(
    State(store): State<Store>,
    Extension(takes_at): Extension<TakesAt>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let stored = *store.changes().borrow();
    let params = Params::of(pairs);
    let form = Form::of(&params);
    let mut operations = if form.service.is_empty() {
        Vec::new()
    } else {
        let found = store.operations(form.service.clone()).await?;
        found.into_iter().map(|(name, _)| name).collect()
    };
    operations.dedup();
    let services = store.services().await?;
    let looked = Looked::by(&store, takes_at, &params).await?;
    let page = move || {
        show(&Page {
            services,
            operations,
            results: looked.results(),
            form,
            stored,
        })
    };
    store.aside(page).await
}

pub(super) async fn results(
    State(store): State<Store>,
    Extension(takes_at): Extension<TakesAt>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let looked = Looked::by(&store, takes_at, &Params::of(pairs)).await?;
    if let Some(wrong) = looked.wrong {
        return Ok(failed(
            StatusCode::BAD_REQUEST,
            "That cannot be looked for",
            wrong,
        ));
    }
    store.aside(move || show(&looked.results())).await
}

impl Endpoint {
    fn of(address: SocketAddr) -> Self {
        let is_any = address.ip().is_unspecified();
        let locals = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        Self {
            url: if is_any {
                format!("http://localhost:{}", address.port())
            } else {
                format!("http://{address}")
            },
            is_default: address.port() == 4318 && (is_any || locals.contains(&address.ip())),
        }
    }
}

impl Looked {
    async fn by(store: &Store, takes_at: TakesAt, params: &Params) -> Result<Self, StoreError> {
        let (search, wrong) = match wanted(params) {
            Ok(search) => (search, None),
            Err(Wrong(why)) => (all(), Some(why)),
        };
        let is_filtered = search != all();
        let most = search.limit;
        let found = if wrong.is_some() {
            Vec::new()
        } else {
            store.search(search).await?
        };
        Ok(Self {
            is_full: found.len() >= most,
            takes_at: takes_at.0.map(Endpoint::of),
            found,
            colours: Colours::of(store).await?,
            wrong,
            is_filtered,
        })
    }

    fn results(self) -> Results {
        Results {
            is_full: self.is_full,
            takes_at: self.takes_at,
            ..Results::of(&self.found, &self.colours, self.wrong, self.is_filtered)
        }
    }
}

impl Results {
    fn of(found: &[Found], colours: &Colours, wrong: Option<String>, is_filtered: bool) -> Self {
        let longest = found
            .iter()
            .map(|trace| trace.finish.saturating_sub(trace.start))
            .max()
            .unwrap_or_default()
            .max(1);
        let mut tallies: Vec<(Tally, usize)> = Vec::new();
        for part in found.iter().flat_map(|trace| &trace.services) {
            match tallies
                .iter_mut()
                .find(|(sum, _)| sum.service == part.service)
            {
                Some((sum, _)) => {
                    sum.spans += part.spans;
                    sum.errors += part.errors;
                }
                None => tallies.push((part.clone(), colours.of_service(&part.service))),
            }
        }
        tallies.sort_by_key(|(tally, _)| std::cmp::Reverse(tally.spans));
        Self {
            rows: found
                .iter()
                .map(|trace| Line::of(trace, longest, colours))
                .collect(),
            scatter: Scatter::of(found),
            spans: found.iter().map(|trace| trace.spans).sum(),
            errors: found.iter().filter(|trace| trace.errors > 0).count() as i64,
            tallies,
            wrong,
            is_filtered,
            is_full: false,
            takes_at: None,
        }
    }
}

impl Line {
    fn of(trace: &Found, longest: i64, colours: &Colours) -> Self {
        let length = trace.finish.saturating_sub(trace.start);
        let part = |part: &Tally| {
            (
                part.service.clone(),
                part.spans,
                colours.of_service(&part.service),
            )
        };
        Self {
            id: trace.id.to_string(),
            colour: colours.of_service(&trace.root.0),
            service: trace.root.0.clone(),
            name: format::short(&trace.root.1),
            time: format::time(trace.start),
            duration: format::duration(length.cast_unsigned()),
            share: (length as i128 * 1000 / i128::from(longest)) as i64,
            spans: trace.spans,
            errors: trace.errors,
            orphans: trace.orphans,
            parts: trace.services.iter().map(part).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exporters_ask_the_default_port_of_this_machine_alone() {
        for (address, url, is_default) in [
            ("127.0.0.1:4318", "http://127.0.0.1:4318", true),
            ("[::1]:4318", "http://[::1]:4318", true),
            ("0.0.0.0:4318", "http://localhost:4318", true),
            ("[::]:5000", "http://localhost:5000", false),
            ("127.0.0.1:5000", "http://127.0.0.1:5000", false),
            ("10.0.0.5:4318", "http://10.0.0.5:4318", false),
        ] {
            let endpoint = Endpoint::of(address.parse().unwrap());
            assert_eq!((&*endpoint.url, endpoint.is_default), (url, is_default));
        }
    }
}
