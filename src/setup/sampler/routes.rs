//! At most so many new traces a second, for each route.

use std::{collections::HashMap, sync::Arc};

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, SpanKind, TraceContextExt, TraceState},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::{
    bucket::{Bucket, Clock},
    names::Names,
};
use crate::threshold;

/// Names that have a bucket of their own; all further names share one.
const ROUTES: usize = 1000;

/// Decides by the name of the span alone, so it is for spans without a caller.
#[derive(Clone, Debug)]
pub(super) struct PerRoute(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: f64,
    clock: Clock,
    routes: Names<Bucket>,
    rest: Bucket,
}

impl PerRoute {
    pub(super) fn new(limit: f64) -> Self {
        Self::by(limit, ROUTES, Clock::system())
    }

    fn by(limit: f64, routes: usize, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            limit,
            routes: Names::new(HashMap::new(), routes),
            rest: Bucket::new(limit, &clock),
            clock,
        }))
    }

    fn takes(&self, name: &str) -> bool {
        let Inner {
            limit,
            clock,
            routes,
            rest,
        } = &*self.0;
        routes
            .with(name, || Bucket::new(*limit, clock), Bucket::take)
            .unwrap_or_else(|| rest.take())
    }
}

impl ShouldSample for PerRoute {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        _trace_id: TraceId,
        name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let span = parent.map(TraceContextExt::span);
        let state = span.as_ref().map(|span| span.span_context().trace_state());
        SamplingResult {
            decision: if self.takes(name) {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: Vec::new(),
            // Nobody can say how probable it was.
            trace_state: threshold::state(state.unwrap_or(&TraceState::NONE), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;

    #[test]
    fn each_route_has_its_own_rate_and_the_rest_share_one() {
        let now = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&now);
        let sampler = PerRoute::by(2.0, 3, Clock::of(move || clock.load(Relaxed) as f64));
        let mut taken = HashMap::new();
        for second in 0..100 {
            now.store(second, Relaxed);
            for _ in 0..50 {
                for name in ["a", "b", "c", "d", "e", "f"] {
                    *taken.entry(name).or_insert(0) += u32::from(sampler.takes(name));
                }
            }
        }
        for name in ["a", "b", "c"] {
            assert_eq!(taken[name], 200, "{name}");
        }
        assert_eq!(taken["d"] + taken["e"] + taken["f"], 200);
    }
}
