//! Which traces are recorded.

mod bucket;
mod forcible;
mod names;
mod parent;
mod probability;
mod routes;
mod setup;

use std::any::Any;

use opentelemetry_sdk::trace::{Sampler, ShouldSample};

pub use self::{forcible::Forcible, probability::ProbabilitySampler};
use self::{parent::ParentBased, routes::PerRoute};
use super::{error::SetupError, report::Report, settings};
use crate::telemetry::SamplerReads;

/// A sampler, and what it looks at.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) sampler: Box<dyn ShouldSample>,
    pub(super) reads: SamplerReads,
}

/// What code chose.
#[derive(Debug)]
pub(super) enum Choice {
    Own(Chosen),
    Probability(f64),
    PerRoute(f64),
}

impl Choice {
    pub(super) fn make(self) -> Result<Chosen, SetupError> {
        let root: Box<dyn ShouldSample> = match self {
            Self::Own(chosen) => return Ok(chosen),
            Self::Probability(probability) if (0.0..=1.0).contains(&probability) => {
                Box::new(ProbabilitySampler::new(probability))
            }
            Self::Probability(wrong) => {
                let text = format!("Setup::sample_probability({wrong}) is not from 0 to 1");
                return Err(SetupError::new(text));
            }
            Self::PerRoute(limit) if limit >= 0.0 && limit.is_finite() => {
                Box::new(PerRoute::new(limit))
            }
            Self::PerRoute(wrong) => {
                let text =
                    format!("Setup::sample_at_most({wrong}) is no number of traces a second");
                return Err(SetupError::new(text));
            }
        };
        Ok(Chosen::following(root))
    }
}

impl Chosen {
    /// The user's own. Of ours and the SDK's it is known what they look at; the rest may look at all.
    pub(super) fn own(sampler: impl ShouldSample + 'static) -> Self {
        let any = &sampler as &dyn Any;
        let reads = match any.downcast_ref::<Sampler>() {
            Some(Sampler::AlwaysOn | Sampler::AlwaysOff | Sampler::TraceIdRatioBased(_)) => {
                SamplerReads::Parent
            }
            _ if any.is::<ProbabilitySampler>() => SamplerReads::Parent,
            _ => SamplerReads::Everything,
        };
        Self {
            sampler: Box::new(Forcible::new(sampler)),
            reads,
        }
    }

    /// What the settings say.
    pub(super) fn of(settings: &settings::Sampler, report: &Report) -> Self {
        let reads_name = reads_name(settings);
        if reads_name {
            report.warn("jaeger_remote cannot ask its server yet; its initial sampling rate stays");
        }
        if let settings::Sampler::ParentBased { root, .. } = settings
            && *settings == settings::Sampler::parent_based((**root).clone())
        {
            return Self::following(built(root));
        }
        let reads = if reads_name {
            SamplerReads::Name
        } else {
            SamplerReads::Parent
        };
        Self {
            sampler: Box::new(Forcible(built(settings))),
            reads,
        }
    }

    /// The caller's decision, and this one's for what has no caller.
    fn following(root: Box<dyn ShouldSample>) -> Self {
        Self {
            sampler: Box::new(Forcible(Box::new(ParentBased::new(root)))),
            reads: SamplerReads::Flag,
        }
    }
}

fn built(settings: &settings::Sampler) -> Box<dyn ShouldSample> {
    match settings {
        settings::Sampler::AlwaysOn => Box::new(Sampler::AlwaysOn),
        settings::Sampler::AlwaysOff => Box::new(Sampler::AlwaysOff),
        settings::Sampler::Ratio(ratio) => Box::new(Sampler::TraceIdRatioBased(*ratio)),
        settings::Sampler::ParentBased {
            root,
            remote_sampled,
            remote_not_sampled,
            local_sampled,
            local_not_sampled,
        } => {
            let root = built(root);
            let parts = Sampler::parent_based(root.clone())
                .with_remote_parent_sampled(built(remote_sampled))
                .with_remote_parent_not_sampled(built(remote_not_sampled))
                .with_local_parent_sampled(built(local_sampled))
                .with_local_parent_not_sampled(built(local_not_sampled));
            Box::new(ParentBased::of_parts(root, parts))
        }
        settings::Sampler::JaegerRemote { initial, .. } => built(initial),
    }
}

/// Whether any part decides by the name of the span.
fn reads_name(settings: &settings::Sampler) -> bool {
    match settings {
        settings::Sampler::AlwaysOn
        | settings::Sampler::AlwaysOff
        | settings::Sampler::Ratio(_) => false,
        settings::Sampler::ParentBased {
            root,
            remote_sampled,
            remote_not_sampled,
            local_sampled,
            local_not_sampled,
        } => {
            let parts = [
                root,
                remote_sampled,
                remote_not_sampled,
                local_sampled,
                local_not_sampled,
            ];
            parts.into_iter().any(|part| reads_name(part))
        }
        settings::Sampler::JaegerRemote { .. } => true,
    }
}
