//! What the environment knows of the service.

use opentelemetry::KeyValue;

use super::{
    Env,
    values::{Pair, pairs},
};
use crate::setup::settings::Resource;

/// `OTEL_SERVICE_NAME` beats a name in `OTEL_RESOURCE_ATTRIBUTES`.
pub(super) fn resource(env: &Env) -> Resource {
    let mut attributes = attributes(env);
    let name = env.text("OTEL_SERVICE_NAME");
    attributes.extend(name.map(|name| KeyValue::new("service.name", name)));
    Resource {
        attributes,
        detectors: Vec::new(),
    }
}

fn attributes(env: &Env) -> Vec<KeyValue> {
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
