//! Which traces are recorded.

use std::time::Duration;

use super::{Env, values, values::Words};
use crate::setup::{endpoint, settings::Sampler};

#[derive(Clone, Copy)]
enum Root {
    On,
    Off,
    Ratio,
    JaegerRemote,
}

/// A sampler by name: what decides, and whether the caller's decision comes first.
type Named = (Root, bool);

const SAMPLERS: Words<Named> = Words {
    unknown: "is no known sampler",
    known: &[
        ("always_on", (Root::On, false)),
        ("always_off", (Root::Off, false)),
        ("traceidratio", (Root::Ratio, false)),
        ("jaeger_remote", (Root::JaegerRemote, false)),
        ("parentbased_always_on", (Root::On, true)),
        ("parentbased_always_off", (Root::Off, true)),
        ("parentbased_traceidratio", (Root::Ratio, true)),
        ("parentbased_jaeger_remote", (Root::JaegerRemote, true)),
    ],
    unsupported: &["xray"],
    default: "parentbased_always_on",
    nothing: "",
};

const ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

pub(super) fn sampler(env: &Env) -> Sampler {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    let (root, follows) = env.word_of(&[NAME], &SAMPLERS, (Root::On, true));
    let root = match root {
        Root::On => Sampler::AlwaysOn,
        Root::Off => Sampler::AlwaysOff,
        Root::Ratio => Sampler::Ratio(
            env.pick(&[ARG], "1", values::ratio)
                .map_or(1.0, |(_, ratio)| ratio),
        ),
        Root::JaegerRemote => jaeger_remote(env),
    };
    if follows {
        Sampler::parent_based(root)
    } else {
        root
    }
}

/// `endpoint=http://localhost:5778/sampling,pollingIntervalMs=60000,initialSamplingRate=0.001`, each of which may be left out.
fn jaeger_remote(env: &Env) -> Sampler {
    const ENDPOINT: &str = "http://localhost:5778/sampling";
    const INTERVAL: Duration = Duration::from_secs(60);
    const INITIAL: f64 = 0.001;

    let mut url = endpoint::parse(ENDPOINT);
    let mut interval = INTERVAL;
    let mut initial = INITIAL;
    let text = env.text(ARG).unwrap_or_default();
    for member in values::list(&text) {
        let (key, value) = member.split_once('=').unwrap_or((&member, ""));
        let (key, value) = (key.trim(), value.trim());
        let wrong = |why: &str, instead: &str| {
            let text = format!("{key}={value}");
            let instead = format!("{instead} is used instead");
            env.wrong(ARG, &text, why, &instead);
        };
        match key.to_ascii_lowercase().as_str() {
            "endpoint" => match endpoint::for_sampling(value) {
                Ok(right) => url = Ok(right),
                Err(why) => wrong(why, ENDPOINT),
            },
            "pollingintervalms" => match values::interval(value) {
                Ok(right) => interval = right,
                Err(why) => wrong(why, "60000"),
            },
            "initialsamplingrate" => match values::ratio(value) {
                Ok(right) => initial = right,
                Err(why) => wrong(why, "0.001"),
            },
            _ => env.wrong(
                ARG,
                key,
                "is none of endpoint, pollingIntervalMs, initialSamplingRate",
                "it is ignored",
            ),
        }
    }
    match url {
        Ok(endpoint) => Sampler::JaegerRemote {
            endpoint,
            interval,
            initial: Box::new(Sampler::Ratio(initial)),
        },
        Err(_) => Sampler::Ratio(initial),
    }
}
