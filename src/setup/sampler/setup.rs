//! What a setup says of sampling in code.

use super::Choice;
use crate::setup::builder::Setup;

impl Setup {
    /// Samples this share of new traces, from 0 to 1, and follows the caller's decision where there is one; instead of
    /// what `OTEL_TRACES_SAMPLER` says.
    ///
    /// Which traces these are depends on the random bits of their ids alone, and the share is told to the services that are called
    /// and to the backend as `ot=th:…` in the trace state (OpenTelemetry, "TraceState: Probability Sampling").
    /// Of this, [`sample_at_most`](Self::sample_at_most) and [`SetupExt::sampler`](crate::otel::SetupExt::sampler), the
    /// last call counts.
    ///
    /// A number that is not from 0 to 1 is an error of [`init`](Self::init).
    pub fn sample_probability(mut self, probability: f64) -> Self {
        self.sampler = Some(Choice::Probability(probability));
        self
    }

    /// Samples at most so many new traces a second for each route, and follows the caller's decision where there is one;
    /// instead of what `OTEL_TRACES_SAMPLER` says.
    ///
    /// A route is the name of the span that begins the trace, as it is at its start: `GET /orders/{id}`. After a pause there
    /// may be as many at once as in a second, and one for a limit below 1. The first 1000 routes have
    /// their own limit; all further ones share one.
    ///
    /// A number below 0 is an error of [`init`](Self::init).
    pub fn sample_at_most(mut self, traces_per_second: f64) -> Self {
        self.sampler = Some(Choice::PerRoute(traces_per_second));
        self
    }
}
