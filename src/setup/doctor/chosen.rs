//! Each setting with the one who said it.

use std::{fmt, time::Duration};

use opentelemetry_sdk::Resource;

use super::{Given, Line, resource, sampler, signals};
use crate::setup::{
    env::{Env, LEVELS, PROPAGATORS},
    settings::{AttributeLimits, Batch, Headers, Settings},
};

/// Lines as they come.
pub(super) struct Lines<'a> {
    pub(super) env: &'a Env,
    pub(super) lines: Vec<Line>,
}

/// Where a setting may come from: variables, the first of which wins, and a path in a file.
#[derive(Clone, Copy)]
pub(super) struct From<'a>(pub(super) &'a [&'static str], pub(super) &'a str);

/// A time limit.
pub(super) struct Limit(pub(super) Option<Duration>);

/// Words between commas, or that there are none.
pub(super) struct Listed<T>(pub(super) T);

const CODE: &str = "code";

/// `made` is what came of the resource; nothing where nothing is recorded.
pub(super) fn lines(
    settings: &Settings,
    made: Option<&Resource>,
    given: &Given,
    env: &Env,
) -> Vec<Line> {
    let mut lines = Lines {
        env,
        lines: Vec::new(),
    };
    lines.say(
        "disabled",
        settings.disabled,
        From(&["OTEL_SDK_DISABLED"], "disabled"),
    );
    lines.say(
        "log_level",
        LEVELS.word(settings.log_level),
        From(&["OTEL_LOG_LEVEL"], "log_level"),
    );
    if let Some(made) = made {
        resource::lines(&mut lines, settings, made, given);
    }
    match &settings.propagators {
        _ if given.propagator => lines.code("propagators", "your own"),
        None => lines.by("propagators", PROPAGATORS.default, "default"),
        Some(named) => {
            let words = named.iter().map(|propagator| PROPAGATORS.word(*propagator));
            let from = From(&["OTEL_PROPAGATORS"], "propagator");
            lines.say("propagators", Listed(words), from);
        }
    }
    if !settings.disabled {
        traces(&mut lines, settings, given);
        signals::metrics(&mut lines, settings, given);
        signals::logs(&mut lines, settings, given);
    }
    http(&mut lines, settings);
    lines.lines
}

impl Lines<'_> {
    pub(super) fn say(&mut self, what: &str, value: impl fmt::Display, from: From<'_>) {
        let From(names, path) = from;
        let origin = self.env.origin(names, path);
        self.by(what, value, &origin);
    }

    pub(super) fn code(&mut self, what: &str, value: impl fmt::Display) {
        self.by(what, value, CODE);
    }

    pub(super) fn by(&mut self, what: &str, value: impl fmt::Display, origin: &str) {
        self.lines.push(Line {
            what: what.to_owned(),
            value: value.to_string(),
            origin: origin.to_owned(),
        });
    }

    /// The four settings of a queue, below this name and this path.
    pub(super) fn batch(
        &mut self,
        what: &str,
        batch: Option<Batch>,
        names: &[&'static str; 4],
        path: &str,
    ) {
        let Some(batch) = batch else {
            let path = format!("{path}.simple");
            return self.say(what, "at once", From(&[], &path));
        };
        let [delay, queue, size, timeout] = names;
        let path = |key: &str| format!("{path}.batch.{key}");
        let below = |key: &str| format!("{what}.{key}");
        self.say(
            &below("schedule_delay"),
            Limit(Some(batch.delay)),
            From(&[delay], &path("schedule_delay")),
        );
        self.say(
            &below("max_queue_size"),
            batch.queue,
            From(&[queue], &path("max_queue_size")),
        );
        self.say(
            &below("max_export_batch_size"),
            batch.size,
            From(&[size], &path("max_export_batch_size")),
        );
        self.say(
            &below("export_timeout"),
            Limit(batch.timeout),
            From(&[timeout], &path("export_timeout")),
        );
    }

    pub(super) fn attribute_limits(
        &mut self,
        what: &str,
        limits: AttributeLimits,
        counts: &[&'static str],
        lengths: &[&'static str],
        provider: &str,
    ) {
        let path = |key: &str| {
            let own = format!("{provider}.limits.{key}");
            if self.env.is_filed(&own) {
                own
            } else {
                format!("attribute_limits.{key}")
            }
        };
        let (count, length) = (
            path("attribute_count_limit"),
            path("attribute_value_length_limit"),
        );
        self.say(
            &format!("{what}.attribute_count_limit"),
            limits.count,
            From(counts, &count),
        );
        let shown = limits
            .value_length
            .map_or_else(|| "none".to_owned(), |most| most.to_string());
        self.say(
            &format!("{what}.attribute_value_length_limit"),
            shown,
            From(lengths, &length),
        );
    }
}

fn traces(lines: &mut Lines<'_>, settings: &Settings, given: &Given) {
    if given.provider {
        return lines.code("traces", "a provider of your own");
    }
    let traces = &settings.traces;
    if given.sampler {
        lines.code("traces.sampler", "your own");
    } else {
        lines.say(
            "traces.sampler",
            sampler::Shown(&traces.sampler),
            From(
                &["OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"],
                "tracer_provider.sampler",
            ),
        );
    }
    if given.processors > 0 {
        lines.code("traces.processors", given.processors);
    }
    signals::spans(lines, settings, given);
    lines.attribute_limits(
        "traces",
        traces.limits.attributes,
        &[
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
        ],
        &[
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ],
        "tracer_provider",
    );
    for (key, value, name) in [
        (
            "event_count_limit",
            traces.limits.events,
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
        ),
        (
            "link_count_limit",
            traces.limits.links,
            "OTEL_SPAN_LINK_COUNT_LIMIT",
        ),
        (
            "event_attribute_count_limit",
            traces.limits.attributes_per_event,
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        ),
        (
            "link_attribute_count_limit",
            traces.limits.attributes_per_link,
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        ),
    ] {
        let path = format!("tracer_provider.limits.{key}");
        lines.say(&format!("traces.{key}"), value, From(&[name], &path));
    }
}

fn http(lines: &mut Lines<'_>, settings: &Settings) {
    let http = &settings.http;
    if let Some(methods) = &http.known_methods {
        let from = From(&["OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"], "");
        lines.say("http.known_methods", Listed(methods.iter()), from);
    }
    let mut side = |side: &str, headers: &Headers, names: [&'static str; 2]| {
        let [request, response] = names;
        for (what, list, name) in [
            ("request", &headers.request, request),
            ("response", &headers.response, response),
        ] {
            if !list.is_empty() {
                let from = From(&[name], "instrumentation/development");
                lines.say(
                    &format!("http.{side}.{what}_headers"),
                    Listed(list.iter()),
                    from,
                );
            }
        }
    };
    side(
        "server",
        &http.server,
        [
            "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS",
            "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS",
        ],
    );
    side(
        "client",
        &http.client,
        [
            "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS",
            "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS",
        ],
    );
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(limit) => write!(f, "{} ms", limit.as_millis()),
            None => f.write_str("no limit"),
        }
    }
}

impl<T: Iterator<Item: fmt::Display> + Clone> fmt::Display for Listed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items = self.0.clone();
        match items.next() {
            None => f.write_str("none"),
            Some(first) => {
                write!(f, "{first}")?;
                items.try_for_each(|item| write!(f, ",{item}"))
            }
        }
    }
}
