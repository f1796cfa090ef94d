//! Whether a trace is whole: exactly the expected spans, each under its right parent, each as it should have ended.

use crate::{
    scenario::{Expected, Scenario},
    trace::{Span, Trace, Traces},
};

/// What is wrong with the traces of a whole round: there must be one for each scenario, and no other.
pub(crate) fn all(traces: &Traces, scenarios: &[Scenario]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Scenario { path, expected, .. } in scenarios {
        let found = match traces.of_path(path) {
            Some(trace) => problems(trace, expected),
            None => vec!["no trace with a root for this path".to_owned()],
        };
        wrong.extend(found.into_iter().map(|line| format!("{path}: {line}")));
    }
    for trace in traces.all() {
        let path = trace.path();
        let of_path = path.and_then(|path| traces.of_path(path));
        let is_asked = scenarios.iter().any(|scenario| Some(scenario.path) == path);
        if !(is_asked && of_path.is_some_and(|first| std::ptr::eq(first, trace))) {
            let spans: Vec<_> = trace.spans().iter().map(Span::to_string).collect();
            wrong.push(format!(
                "a trace that nobody asked for: {}",
                spans.join(", ")
            ));
        }
    }
    wrong
}

/// What is wrong with a trace, in words for people. Nothing, if it is whole.
pub(crate) fn problems(trace: &Trace, expected: &Expected) -> Vec<String> {
    let mut problems = Vec::new();
    let roots = trace.roots();
    for span in &roots {
        if let Some(parent) = &span.parent {
            problems.push(format!("lost its parent: {span}; no span {parent} came"));
        }
    }
    compare(
        trace,
        &roots,
        std::slice::from_ref(expected),
        "at the root",
        &mut problems,
    );
    problems
}

/// Compares the spans of one place with those expected there, and goes down where they agree.
fn compare(
    trace: &Trace,
    there: &[&Span],
    expected: &[Expected],
    place: &str,
    problems: &mut Vec<String>,
) {
    let mut there = there.to_vec();
    for expected in expected {
        let Some(at) = there.iter().position(|span| expected.is(span)) else {
            missing(expected, place, problems);
            continue;
        };
        let span = there.remove(at);
        differences(span, expected, problems);
        let place = format!("under {span}");
        compare(
            trace,
            &trace.children(span),
            &expected.children,
            &place,
            problems,
        );
    }
    for span in there {
        problems.push(format!("not expected {place}: {span}"));
    }
}

fn missing(expected: &Expected, place: &str, problems: &mut Vec<String>) {
    let Expected {
        service,
        kind,
        name,
        ..
    } = expected;
    problems.push(format!("missing {place}: {service} {kind} `{name}`"));
    for child in &expected.children {
        missing(child, &format!("under {service} {kind} `{name}`"), problems);
    }
}

fn differences(span: &Span, expected: &Expected, problems: &mut Vec<String>) {
    let mut differ = |what: &str, is: Option<&str>, wanted: Option<&str>| {
        if is != wanted {
            let (is, wanted) = (is.unwrap_or("none"), wanted.unwrap_or("none"));
            problems.push(format!("{span}: {what} is {is}, expected {wanted}"));
        }
    };
    let status = expected.status.map(|status| status.to_string());
    differ("status", span.status(), status.as_deref());
    let error = expected.error.as_deref();
    differ("error.type", span.attribute("error.type"), error);
    let (is, wanted) = (span.is_error, error.is_some());
    differ("error", is.then_some("set"), wanted.then_some("set"));
    let resend = expected.resend.map(|count| count.to_string());
    differ(
        "resend_count",
        span.attribute("http.request.resend_count"),
        resend.as_deref(),
    );
    if span.duration < expected.at_least {
        let (is, wanted) = (span.duration, expected.at_least);
        problems.push(format!("{span}: lasts {is:?}, expected {wanted:?} or more"));
    }
}

impl Expected {
    fn is(&self, span: &Span) -> bool {
        (self.service, self.kind, self.name)
            == (span.service.as_str(), span.kind, span.name.as_str())
    }
}

#[cfg(test)]
mod tests {
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
}
