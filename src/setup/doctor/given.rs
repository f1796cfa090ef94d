//! What code gave of a set-up, before it is used up.

use super::Given;
use crate::setup::builder::Setup;

impl Given {
    pub(in crate::setup) fn of(setup: &Setup) -> Self {
        let keys = setup.attributes.iter();
        Self {
            service_name: setup.service_name.is_some(),
            attributes: keys.map(|given| given.key.as_str().to_owned()).collect(),
            propagator: setup.propagator.is_some(),
            provider: setup.provider.is_some(),
            sampler: setup.sampler.is_some(),
            exporters: setup.exporters.len(),
            processors: setup.processors.len(),
            meters: setup.meters.is_given(),
            loggers: setup.loggers.is_given(),
            queue_bytes: setup.queue_bytes.is_some(),
            when_full: setup.when_full.is_some(),
        }
    }
}
