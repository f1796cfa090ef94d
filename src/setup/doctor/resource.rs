//! The resource, and who said each attribute of it.

use opentelemetry_sdk::Resource;

use super::{
    Given,
    chosen::{From, Lines, Listed},
};
use crate::setup::{
    detectors,
    settings::{Detector, Settings},
};

/// What the resource has whatever anyone says.
const DEFAULTS: [&str; 3] = ["telemetry.", "service.name", "service.instance.id"];

pub(super) fn lines(lines: &mut Lines<'_>, settings: &Settings, made: &Resource, given: &Given) {
    if detectors::ARE_THERE {
        let names = settings.resource.detectors.iter().map(name);
        lines.say(
            "resource.detectors",
            Listed(names),
            From(&["OTEL_RUST_RESOURCE_DETECTORS"], "resource"),
        );
    }
    let mut attributes: Vec<_> = made.iter().collect();
    attributes.sort_by_key(|(key, _)| key.as_str());
    for (key, value) in attributes {
        let key = key.as_str();
        let what = format!("resource.{key}");
        let is_code = given.attributes.iter().any(|given| given == key);
        let said = settings.resource.attributes.iter();
        let is_said = said.clone().any(|said| said.key.as_str() == key);
        if is_code || key == "service.name" && given.service_name {
            lines.code(&what, value);
        } else if is_said {
            let names: &[&str] = match key {
                "service.name" => &["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"],
                _ => &["OTEL_RESOURCE_ATTRIBUTES"],
            };
            lines.say(&what, value, From(names, "resource"));
        } else if DEFAULTS.iter().any(|default| key.starts_with(default)) {
            lines.by(&what, value, "default");
        } else {
            lines.by(&what, value, "detected");
        }
    }
}

fn name(detector: &Detector) -> &'static str {
    match detector {
        Detector::Process => "process",
        Detector::Host => "host",
        Detector::Container => "container",
        Detector::Kubernetes => "k8s",
    }
}
