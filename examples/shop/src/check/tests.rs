use super::*;
use crate::{scenario, trace::fixture};

/// The trace of a retried order, span by span, and what it must be.
fn retried() -> (Vec<Span>, Expected) {
    let scenario = scenario::all()
        .into_iter()
        .find(|scenario| scenario.path == "/buy/flaky");
    (fixture::retried(), scenario.unwrap().expected)
}

fn found(spans: Vec<Span>, expected: &Expected) -> Vec<String> {
    problems(&Trace::of(spans), expected)
}

#[test]
fn a_whole_trace_has_no_problems() {
    let (spans, expected) = retried();
    assert_eq!(found(spans, &expected), Vec::<String>::new());
}

#[test]
fn every_span_is_missed() {
    let (spans, expected) = retried();
    for (at, span) in spans.iter().enumerate() {
        let mut rest = spans.clone();
        rest.remove(at);
        let found = found(rest, &expected);
        let name = format!(": {span}");
        let is_told = found
            .iter()
            .any(|line| line.starts_with("missing") && line.ends_with(&name));
        assert!(is_told, "without {span}: {found:#?}");
    }
}

#[test]
fn what_differs_is_told() {
    let (spans, expected) = retried();
    let change = |at: usize, change: &dyn Fn(&mut Span)| {
        let mut spans = spans.clone();
        change(&mut spans[at]);
        found(spans, &expected)
    };
    let set = |key: &'static str, value: &'static str| {
        move |span: &mut Span| {
            span.attributes.insert(key.to_owned(), value.to_owned());
        }
    };
    assert_eq!(
        change(4, &set("http.response.status_code", "200")),
        ["stock server `GET /stock/{sku}`: status is 200, expected 503"]
    );
    assert_eq!(
        change(0, &|span| span.is_error = true),
        ["storefront server `GET /buy/{sku}`: error is set, expected none"]
    );
    assert_eq!(
        change(1, &set("http.request.resend_count", "1")),
        ["storefront client `POST`: resend_count is 1, expected none"]
    );
    let stranger = change(4, &|span| span.parent = Some("f".repeat(16)));
    assert!(
        stranger
            .iter()
            .any(|line| line.starts_with("lost its parent")),
        "{stranger:?}"
    );
    let mut twice = spans.clone();
    twice.push(spans[4].clone());
    assert_eq!(
        found(twice, &expected),
        ["not expected under orders client `GET`: stock server `GET /stock/{sku}`"]
    );
}

#[test]
fn a_span_that_ends_too_early_is_told() {
    let (spans, mut expected) = retried();
    expected.at_least = std::time::Duration::from_secs(1);
    assert_eq!(
        found(spans, &expected),
        ["storefront server `GET /buy/{sku}`: lasts 9ms, expected 1s or more"]
    );
}
