//! Jaeger's remote sampling: the server says what is sampled, and is asked again and again.
//!
//! `GET {endpoint}?service={name}` gives one strategy as JSON: a probability, a rate, or a probability and a lower bound for
//! each operation, which is a span's name.

mod answer;
mod poll;
mod strategy;

use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, SpanKind},
};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};

use self::{poll::Poll, strategy::Strategy};
use super::{
    error::SetupError,
    sampler::{Server, Site, bucket::Clock, polling::Polling},
};

/// Decides by the latest answer. Its clones share it, and the asking ends with the last of them.
#[derive(Clone, Debug)]
struct Remote {
    latest: Arc<Latest>,
    _polling: Polling,
}

/// What was answered last. It is replaced as a whole, and held for as long as it takes to copy a pointer.
#[derive(Debug)]
struct Latest(RwLock<Arc<Strategy>>);

/// Asks from now on. Until the first answer `initial` decides.
pub(super) fn start(
    server: Server<'_>,
    initial: Box<dyn ShouldSample>,
    site: &Site<'_>,
) -> Result<(Box<dyn ShouldSample>, Option<Polling>), SetupError> {
    let latest = Arc::new(Latest::new(Strategy::Initial(initial)));
    let poll = Poll::new(server, Arc::clone(&latest), Clock::system(), site)?;
    let asking = site.thread.start()?.spawn(poll.run());
    let polling = Polling::of(asking.abort_handle());
    let remote = Remote {
        latest,
        _polling: polling.clone(),
    };
    Ok((Box::new(remote), Some(polling)))
}

impl Latest {
    fn new(strategy: Strategy) -> Self {
        Self(RwLock::new(Arc::new(strategy)))
    }

    fn get(&self) -> Arc<Strategy> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, strategy: Strategy) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(strategy);
    }
}

impl ShouldSample for Remote {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        match &*self.latest.get() {
            Strategy::Initial(initial) => {
                initial.should_sample(parent, trace_id, name, kind, attributes, links)
            }
            strategy => strategy.decide(parent, trace_id, name),
        }
    }
}
