//! The resource: which service the spans are of.

use std::env::current_exe;

use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::{Resource, resource::TelemetryResourceDetector};

use super::{
    env::{Env, Pair, pairs},
    instance,
};

const SERVICE_NAME: &str = "service.name";
const SERVICE_INSTANCE_ID: &str = "service.instance.id";

/// Code beats `OTEL_SERVICE_NAME`, which beats `OTEL_RESOURCE_ATTRIBUTES`, which beats the defaults.
pub(super) fn resource(
    service_name: Option<String>,
    attributes: Vec<KeyValue>,
    env: &Env,
) -> Resource {
    let name_in_code = service_name.map(|name| KeyValue::new(SERVICE_NAME, name));
    let name_in_env = env
        .text("OTEL_SERVICE_NAME")
        .map(|name| KeyValue::new(SERVICE_NAME, name));
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(from_env(env))
        .with_attributes(name_in_env)
        .with_attributes(attributes)
        .with_attributes(name_in_code)
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

fn from_env(env: &Env) -> Vec<KeyValue> {
    const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let Some(text) = env.text(NAME) else {
        return Vec::new();
    };
    let mut attributes = Vec::new();
    for (index, pair) in pairs(&text).enumerate() {
        match pair {
            Pair::Good(key, value) => attributes.push(KeyValue::new(key, value)),
            Pair::Bad(why) => {
                let why = format!("cannot be read: member {} {why}", index + 1);
                env.wrong(NAME, &text, &why, "all of it is ignored");
                return Vec::new();
            }
        }
    }
    attributes
}

fn unknown_service() -> String {
    let exe = current_exe().ok();
    match exe.as_ref().and_then(|path| path.file_name()) {
        Some(name) => format!("unknown_service:{}", name.to_string_lossy()),
        None => "unknown_service".to_owned(),
    }
}
