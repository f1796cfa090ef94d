//! Which traces are recorded.

#[allow(dead_code, reason = "what is used of it depends on the features")]
pub(super) mod bucket;
mod forcible;
#[allow(dead_code, reason = "what is used of it depends on the features")]
pub(super) mod names;
mod parent;
#[allow(dead_code, reason = "who asks depends on the features")]
pub(super) mod polling;
pub(super) mod probability;
mod routes;
mod setup;
pub(super) mod tail;
mod unstated;

use std::{any::Any, time::Duration};

use opentelemetry_sdk::trace::{Sampler, ShouldSample};
use url::Url;

pub use self::{
    forcible::Forcible,
    probability::ProbabilitySampler,
    tail::{Tail, TailCounts},
};
use self::{
    parent::ParentBased, polling::Polling, routes::PerRoute, tail::Deciding, unstated::Unstated,
};
use super::{
    endpoint, error::SetupError, remote_sampler, report::Report, settings,
    transport::thread::Thread,
};
use crate::telemetry::SamplerReads;

/// A sampler, and what it looks at.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) sampler: Box<dyn ShouldSample>,
    pub(super) reads: SamplerReads,
    /// Those that are to stop with the pipeline.
    pub(super) polling: Vec<Polling>,
    /// Who decides behind it.
    pub(super) tail: Option<Deciding>,
}

/// What code chose.
#[derive(Debug)]
pub(super) enum Choice {
    Own(Chosen),
    Probability(f64),
    PerRoute(f64),
    Remote(String),
}

/// Where a sampler works.
#[derive(Debug)]
#[allow(dead_code, reason = "who asks depends on the features")]
pub(super) struct Site<'a> {
    pub(super) service: &'a str,
    pub(super) thread: &'a Thread,
    pub(super) report: &'a Report,
}

/// Who is asked what to sample, and how often.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "who asks depends on the features")]
pub(super) struct Server<'a> {
    pub(super) endpoint: &'a Url,
    pub(super) interval: Duration,
}

/// A sampler in the making.
struct Building<'a> {
    site: &'a Site<'a>,
    polling: Vec<Polling>,
}

impl Choice {
    pub(super) fn make(self, site: &Site<'_>) -> Result<Chosen, SetupError> {
        let root: Box<dyn ShouldSample> = match self {
            Self::Own(chosen) => return Ok(chosen),
            Self::Remote(endpoint) => return remote(&endpoint, site),
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
        Ok(Chosen::following(root, Vec::new()))
    }
}

impl Chosen {
    /// What code says, else what the settings say.
    pub(super) fn by(
        (choice, tail): (Option<Choice>, Option<Tail>),
        settings: &settings::Sampler,
        site: &Site<'_>,
    ) -> Result<Self, SetupError> {
        match (choice, tail) {
            (choice, Some(tail)) => tail.decide(choice, settings, site),
            (Some(choice), None) => choice.make(site),
            (None, None) => Self::of(settings, site),
        }
    }

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
            polling: Vec::new(),
            tail: None,
        }
    }

    /// What the settings say.
    pub(super) fn of(settings: &settings::Sampler, site: &Site<'_>) -> Result<Self, SetupError> {
        let mut building = Building {
            site,
            polling: Vec::new(),
        };
        if let settings::Sampler::ParentBased { root, .. } = settings
            && *settings == settings::Sampler::parent_based((**root).clone())
        {
            let root = building.sampler(root)?;
            return Ok(Self::following(root, building.polling));
        }
        Ok(Self {
            sampler: Box::new(Forcible(building.sampler(settings)?)),
            reads: match building.polling.as_slice() {
                [] => SamplerReads::Parent,
                [..] => SamplerReads::Name,
            },
            polling: building.polling,
            tail: None,
        })
    }

    /// The caller's decision, and this one's for what has no caller.
    fn following(root: Box<dyn ShouldSample>, polling: Vec<Polling>) -> Self {
        Self {
            sampler: Box::new(Forcible(Box::new(ParentBased::new(root)))),
            reads: SamplerReads::Flag,
            polling,
            tail: None,
        }
    }
}

impl Building<'_> {
    fn sampler(
        &mut self,
        settings: &settings::Sampler,
    ) -> Result<Box<dyn ShouldSample>, SetupError> {
        Ok(match settings {
            settings::Sampler::AlwaysOn => Box::new(Sampler::AlwaysOn),
            settings::Sampler::AlwaysOff => Box::new(Sampler::AlwaysOff),
            settings::Sampler::Ratio(ratio) => {
                Box::new(Unstated(Sampler::TraceIdRatioBased(*ratio)))
            }
            settings::Sampler::ParentBased {
                root,
                remote_sampled,
                remote_not_sampled,
                local_sampled,
                local_not_sampled,
            } => {
                let root = self.sampler(root)?;
                let parts = Sampler::parent_based(root.clone())
                    .with_remote_parent_sampled(self.sampler(remote_sampled)?)
                    .with_remote_parent_not_sampled(self.sampler(remote_not_sampled)?)
                    .with_local_parent_sampled(self.sampler(local_sampled)?)
                    .with_local_parent_not_sampled(self.sampler(local_not_sampled)?);
                Box::new(ParentBased::of_parts(root, parts))
            }
            settings::Sampler::JaegerRemote {
                endpoint,
                interval,
                initial,
            } => {
                let initial = self.sampler(initial)?;
                let server = Server {
                    endpoint,
                    interval: *interval,
                };
                let (sampler, polling) = remote_sampler::start(server, initial, self.site)?;
                self.polling.extend(polling);
                sampler
            }
        })
    }
}

/// As `parentbased_jaeger_remote` without more of an argument than the endpoint.
fn remote(endpoint: &str, site: &Site<'_>) -> Result<Chosen, SetupError> {
    let url = endpoint::for_sampling(endpoint).map_err(|why| {
        let shown = endpoint::shown(endpoint);
        SetupError::new(format!("Setup::sample_remotely({shown:?}) {why}"))
    })?;
    let root = settings::Sampler::jaeger_remote(url);
    Chosen::of(&settings::Sampler::parent_based(root), site)
}
