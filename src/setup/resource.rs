//! The resource: which service the spans are of.

use std::env::current_exe;

use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::{Resource, resource::TelemetryResourceDetector};

use super::{detectors, env::Env, instance, settings};

pub(super) const SERVICE_NAME: &str = "service.name";
const SERVICE_INSTANCE_ID: &str = "service.instance.id";

/// What was said beats what is detected, which beats the defaults.
pub(super) fn resource(settings: &settings::Resource, env: &Env) -> Resource {
    let mut resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes([
            KeyValue::new("telemetry.distro.name", env!("CARGO_PKG_NAME")),
            KeyValue::new("telemetry.distro.version", env!("CARGO_PKG_VERSION")),
        ])
        .with_attributes(detectors::detect(&settings.detectors, env))
        .with_attributes(settings.attributes.iter().cloned());
    if let Some(url) = &settings.schema_url {
        resource = resource.with_schema_url([], url.clone());
    }
    let defaults = [
        (SERVICE_NAME, unknown_service as fn() -> String),
        (SERVICE_INSTANCE_ID, instance::id),
    ];
    for (key, value) in defaults {
        let is = |said: &KeyValue| said.key.as_str() == key;
        if !settings.attributes.iter().any(is) {
            resource = resource.with_attribute(KeyValue::new(key, value()));
        }
    }
    resource.build()
}

pub(super) fn service_name(resource: &Resource) -> String {
    let name = resource.get_ref(&Key::from_static_str(SERVICE_NAME));
    name.map(ToString::to_string).unwrap_or_default()
}

fn unknown_service() -> String {
    let exe = current_exe().ok();
    match exe.as_ref().and_then(|path| path.file_name()) {
        Some(name) => format!("unknown_service:{}", name.to_string_lossy()),
        None => "unknown_service".to_owned(),
    }
}
