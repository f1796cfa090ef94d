//! Which traces are recorded.

use std::any::Any;

use opentelemetry_sdk::trace::{Sampler, ShouldSample};

use super::{report::Report, settings};
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

    /// That which was named.
    pub(super) fn of(named: &settings::Sampler, report: &Report) -> Self {
        let reads = match named {
            settings::Sampler::ParentBased { root, .. }
                if *named == settings::Sampler::parent_based((**root).clone()) =>
            {
                SamplerReads::Flag
            }
            _ => SamplerReads::Parent,
        };
        Self {
            sampler: sampler(named, report),
            reads,
        }
    }
}

fn sampler(named: &settings::Sampler, report: &Report) -> Box<dyn ShouldSample> {
    match named {
        settings::Sampler::AlwaysOn => Sampler::AlwaysOn.into(),
        settings::Sampler::AlwaysOff => Sampler::AlwaysOff.into(),
        settings::Sampler::Ratio(ratio) => Sampler::TraceIdRatioBased(*ratio).into(),
        settings::Sampler::ParentBased {
            root,
            remote_sampled,
            remote_not_sampled,
            local_sampled,
            local_not_sampled,
        } => Sampler::parent_based(sampler(root, report))
            .with_remote_parent_sampled(sampler(remote_sampled, report))
            .with_remote_parent_not_sampled(sampler(remote_not_sampled, report))
            .with_local_parent_sampled(sampler(local_sampled, report))
            .with_local_parent_not_sampled(sampler(local_not_sampled, report))
            .into(),
        settings::Sampler::JaegerRemote { .. } => {
            report.warn("the sampler jaeger_remote is not supported; always_on is used instead");
            Sampler::AlwaysOn.into()
        }
    }
}
