//! The file as a whole.

use super::{
    logs, metrics, resource, traces,
    tree::Node,
    walk::{At, Problems},
};
use crate::setup::{
    env::{Env, LEVELS, PROPAGATORS, values},
    settings::{AttributeLimits, Headers, Http, Level, Propagator, Settings},
};

/// What all signals have in common.
pub(super) const COUNT: u32 = 128;

pub(super) fn settings(root: &Node, problems: &Problems, env: &Env) -> Settings {
    let at = At::root(root, problems);
    let file = at.fields();
    if let Some(format) = file.need("file_format") {
        version(&format);
    }
    // A draft's own mark.
    let _stability = file.entry("stability");
    let limits = limits(file.get("attribute_limits").as_ref(), None);
    let logs = file.get("logger_provider");
    let metrics = file.get("meter_provider");
    let traces = file.get("tracer_provider");
    Settings {
        disabled: file
            .get("disabled")
            .and_then(|at| at.flag())
            .unwrap_or(false),
        log_level: file
            .get("log_level")
            .and_then(|at| level(&at))
            .unwrap_or_default(),
        resource: resource::resource(file.get("resource").as_ref(), env),
        propagators: Some(propagators(file.get("propagator").as_ref())),
        traces: traces::traces(traces.as_ref(), limits),
        metrics: metrics::metrics(metrics.as_ref()),
        logs: logs::logs(logs.as_ref(), limits),
        http: instrumentation(file.get_either("instrumentation").as_ref()),
    }
}

/// Minor versions add to each other; what is not known here is told of where it stands.
fn version(at: &At<'_>) {
    if let Some(version) = at.text() {
        let major = version.split('.').next();
        if major != Some("1") {
            at.wrong(&format!(
                "{version:?} is not supported: this is made for \"1.0\" and what follows it"
            ));
        }
    }
}

/// `info2` and its like are severities between the levels.
fn level(at: &At<'_>) -> Option<Level> {
    let text = at.text()?;
    match LEVELS.find(text.trim_end_matches(['2', '3', '4'])) {
        Ok(level) => Some(level),
        Err(why) => {
            at.wrong(&format!("{text:?} {why}"));
            None
        }
    }
}

/// Those of a signal, over those of all.
pub(super) fn limits(at: Option<&At<'_>>, general: Option<AttributeLimits>) -> AttributeLimits {
    let general = general.unwrap_or(AttributeLimits {
        count: COUNT,
        value_length: None,
    });
    let Some(at) = at else {
        return general;
    };
    let fields = at.fields();
    of_attributes(&fields, general)
}

/// Where there are more limits beside them.
pub(super) fn of_attributes(
    fields: &super::walk::Fields<'_>,
    general: AttributeLimits,
) -> AttributeLimits {
    let number = |name| fields.get(name)?.number(0);
    let length = number("attribute_value_length_limit");
    AttributeLimits {
        count: number("attribute_count_limit").unwrap_or(general.count),
        value_length: length
            .and_then(|length| length.try_into().ok())
            .or(general.value_length),
    }
}

/// Those of `composite`, then those of `composite_list`, each once. Neither is none: nothing is propagated.
fn propagators(at: Option<&At<'_>>) -> Vec<Propagator> {
    let mut chosen = Vec::new();
    let Some(at) = at else {
        return chosen;
    };
    let fields = at.fields();
    let mut add = |at: &At<'_>, word: &str| match PROPAGATORS.find(word) {
        Ok(propagator) if chosen.contains(&propagator) => {}
        Ok(propagator) => chosen.push(propagator),
        Err(_) if word == "none" => {}
        Err(why) => at.wrong(&format!("{word:?} {why}")),
    };
    for at in fields.get("composite").iter().flat_map(At::list) {
        if let Some((name, inner)) = at.chosen() {
            add(&inner, name);
            drop(inner.fields());
        }
    }
    if let Some(at) = fields.get("composite_list")
        && let Some(text) = at.text()
    {
        for word in values::list(text) {
            add(&at, &word);
        }
    }
    chosen
}

/// Under development there; here as much of it as the environment has.
fn instrumentation(at: Option<&At<'_>>) -> Http {
    let mut http = Http::default();
    let Some(at) = at else {
        return http;
    };
    let fields = at.fields();
    let Some(general) = fields.get("general") else {
        return http;
    };
    let general = general.fields();
    if let Some(at) = general.get("stability_opt_in_list")
        && let Some(text) = at.text()
        && text.contains("/dup")
    {
        at.wrong("asks for names of older conventions, which are not recorded");
    }
    if let Some(at) = general.get("http") {
        let fields = at.fields();
        http.server = headers(fields.get("server").as_ref());
        http.client = headers(fields.get("client").as_ref());
    }
    http
}

fn headers(at: Option<&At<'_>>) -> Headers {
    let Some(at) = at else {
        return Headers::default();
    };
    let fields = at.fields();
    let list = |name| {
        let list = fields.get(name).map(|at| at.list()).unwrap_or_default();
        let names = list.iter().filter_map(|at| {
            let name = at.text()?;
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                at.wrong("is no name of a header");
            }
            Some(name.to_owned())
        });
        names.collect()
    };
    Headers {
        request: list("request_captured_headers"),
        response: list("response_captured_headers"),
    }
}
