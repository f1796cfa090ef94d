//! What is kept, and why.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

use super::latency::Routes;

/// Why a trace is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Error,
    Slow,
    SlowForRoute,
}

/// What a local root came to. `None`: it is discarded.
pub(super) type Verdict = Option<Reason>;

#[derive(Debug)]
pub(super) struct Criteria {
    slower_than: Option<Duration>,
    routes: Option<Routes>,
}

impl Reason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Slow => "slow",
            Self::SlowForRoute => "slow_for_route",
        }
    }
}

impl Criteria {
    pub(super) fn new(slower_than: Option<Duration>, slowest_percent: Option<f64>) -> Self {
        Self {
            slower_than,
            routes: slowest_percent.map(Routes::new),
        }
    }

    /// About a local root that has ended, sampled or not: its route learns of it.
    pub(super) fn verdict(&self, root: &SpanData) -> Verdict {
        let lasted = root.end_time.duration_since(root.start_time);
        let lasted = lasted.unwrap_or_default();
        let is_slow_for_route = self
            .routes
            .as_ref()
            .is_some_and(|routes| routes.is_slow(&root.name, lasted));
        if let Status::Error { .. } = root.status {
            Some(Reason::Error)
        } else if self.slower_than.is_some_and(|limit| lasted > limit) {
            Some(Reason::Slow)
        } else {
            is_slow_for_route.then_some(Reason::SlowForRoute)
        }
    }

    /// About spans whose local root has not ended: it began before they did, and may be slow by now.
    pub(super) fn verdict_so_far(&self, spans: &[SpanData]) -> Verdict {
        let limit = self.slower_than?;
        let first = spans.iter().map(|span| span.start_time).min()?;
        let lasts = SystemTime::now().duration_since(first).ok()?;
        (lasts > limit).then_some(Reason::Slow)
    }
}
