//! What the environment knows of the service.

use opentelemetry::KeyValue;

use super::{
    Env,
    values::{Pair, Words, pairs},
};
use crate::setup::{
    detectors,
    settings::{Detector, Resource},
};

/// `None` stands for all of them.
const DETECTORS: Words<Option<Detector>> = Words {
    unknown: "is no known detector",
    known: &[
        ("all", None),
        ("process", Some(Detector::Process)),
        ("host", Some(Detector::Host)),
        ("container", Some(Detector::Container)),
        ("k8s", Some(Detector::Kubernetes)),
    ],
    unsupported: &[],
    default: "all",
    nothing: "nothing is detected",
};

/// `OTEL_SERVICE_NAME` beats a name in `OTEL_RESOURCE_ATTRIBUTES`.
pub(super) fn resource(env: &Env) -> Resource {
    let mut attributes = attributes(env);
    let name = env.text("OTEL_SERVICE_NAME");
    attributes.extend(name.map(|name| KeyValue::new("service.name", name)));
    Resource {
        attributes,
        detectors: detectors(env),
        schema_url: None,
    }
}

fn detectors(env: &Env) -> Vec<Detector> {
    const NAME: &str = "OTEL_RUST_RESOURCE_DETECTORS";
    let named = env.words(NAME, &DETECTORS);
    if !detectors::ARE_THERE
        && let Some([_, ..]) = named.as_deref()
        && let Some(value) = env.text(NAME)
    {
        let why = "needs throughline's feature `detectors`, which this build is without";
        env.wrong(NAME, &value, why, "nothing is detected");
    }
    let named = named.unwrap_or_else(|| vec![None]);
    if named.contains(&None) {
        return Detector::ALL.to_vec();
    }
    named.into_iter().flatten().collect()
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
