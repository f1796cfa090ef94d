//! A sampler in the words of the variables, and more where they have none.

use std::fmt;

use crate::setup::{endpoint, settings::Sampler};

pub(super) struct Shown<'a>(pub(super) &'a Sampler);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Sampler::AlwaysOn => f.write_str("always_on"),
            Sampler::AlwaysOff => f.write_str("always_off"),
            Sampler::Ratio(ratio) => write!(f, "traceidratio {ratio}"),
            Sampler::JaegerRemote {
                endpoint,
                interval,
                initial,
            } => write!(
                f,
                "jaeger_remote {} every {} ms, at first {}",
                endpoint::Shown(endpoint),
                interval.as_millis(),
                Shown(initial)
            ),
            Sampler::ParentBased {
                root,
                remote_sampled,
                remote_not_sampled,
                local_sampled,
                local_not_sampled,
            } => {
                write!(f, "parentbased_{}", Shown(root))?;
                for (what, part, default) in [
                    ("remote sampled", remote_sampled, Sampler::AlwaysOn),
                    ("remote not sampled", remote_not_sampled, Sampler::AlwaysOff),
                    ("local sampled", local_sampled, Sampler::AlwaysOn),
                    ("local not sampled", local_not_sampled, Sampler::AlwaysOff),
                ] {
                    if **part != default {
                        write!(f, "; {what}: {}", Shown(part))?;
                    }
                }
                Ok(())
            }
        }
    }
}
