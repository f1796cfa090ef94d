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
    differ("status", span.status(), expected.status.as_deref());
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
mod tests;
