//! The resource: which service the spans are of.

use std::env::current_exe;

use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::{Resource, resource::TelemetryResourceDetector};

use super::{instance, settings};

pub(super) const SERVICE_NAME: &str = "service.name";
const SERVICE_INSTANCE_ID: &str = "service.instance.id";

/// What is set, over the defaults.
pub(super) fn resource(settings: &settings::Resource) -> Resource {
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(settings.attributes.iter().cloned())
        .build();
    let defaults = [
        (SERVICE_NAME, unknown_service as fn() -> String),
        (SERVICE_INSTANCE_ID, instance::id),
    ];
    let missing = defaults
        .into_iter()
        .filter(|(key, _)| resource.get_ref(&Key::from_static_str(key)).is_none())
        .map(|(key, value)| KeyValue::new(key, value()));
    let missing: Vec<_> = missing.collect();
    Resource::builder_empty()
        .with_attributes(
            resource
                .iter()
                .map(|(key, value)| KeyValue::new(key.clone(), value.clone())),
        )
        .with_attributes(missing)
        .build()
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
