//! Which traces are recorded.

use std::any::Any;

use opentelemetry_sdk::trace::{Sampler, ShouldSample};

use super::{env::Env, parent::ParentBased};
use crate::telemetry::SamplerReads;

/// A sampler, and what it looks at.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) sampler: Box<dyn ShouldSample>,
    pub(super) reads: SamplerReads,
}

impl Chosen {
    /// The user's own. Of the SDK's it is known what they look at; the rest may look at all.
    pub(super) fn own(sampler: impl ShouldSample + 'static) -> Self {
        let reads = match (&sampler as &dyn Any).downcast_ref::<Sampler>() {
            Some(Sampler::AlwaysOn | Sampler::AlwaysOff | Sampler::TraceIdRatioBased(_)) => {
                SamplerReads::Parent
            }
            _ => SamplerReads::Everything,
        };
        Self {
            sampler: Box::new(sampler),
            reads,
        }
    }

    /// `OTEL_TRACES_SAMPLER`, else the caller's decision, and all that has no caller.
    pub(super) fn from_env(env: &Env) -> Self {
        const NAME: &str = "OTEL_TRACES_SAMPLER";
        let default = || Self::parent_based(Sampler::AlwaysOn);
        let Some(value) = env.text(NAME) else {
            return default();
        };
        match value.to_ascii_lowercase().as_str() {
            "always_on" => Self::alone(Sampler::AlwaysOn),
            "always_off" => Self::alone(Sampler::AlwaysOff),
            "traceidratio" => Self::alone(Sampler::TraceIdRatioBased(ratio(env))),
            "parentbased_always_on" => default(),
            "parentbased_always_off" => Self::parent_based(Sampler::AlwaysOff),
            "parentbased_traceidratio" => {
                Self::parent_based(Sampler::TraceIdRatioBased(ratio(env)))
            }
            known @ ("jaeger_remote" | "parentbased_jaeger_remote" | "xray") => {
                let instead = "parentbased_always_on is used instead";
                env.wrong(NAME, known, "is not supported", instead);
                default()
            }
            _ => {
                let instead = "parentbased_always_on is used instead";
                env.wrong(NAME, &value, "is no known sampler", instead);
                default()
            }
        }
    }

    fn alone(sampler: Sampler) -> Self {
        Self {
            sampler: Box::new(sampler),
            reads: SamplerReads::Parent,
        }
    }

    fn parent_based(root: Sampler) -> Self {
        Self {
            sampler: Box::new(ParentBased::new(root)),
            reads: SamplerReads::Flag,
        }
    }
}

fn ratio(env: &Env) -> f64 {
    const NAME: &str = "OTEL_TRACES_SAMPLER_ARG";
    let Some(value) = env.text(NAME) else {
        return 1.0;
    };
    match value.parse() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => ratio,
        _ => {
            env.wrong(
                NAME,
                &value,
                "is not a number from 0 to 1",
                "1 is used instead",
            );
            1.0
        }
    }
}
