//! What a setup says of sampling in code.

use super::{Choice, Tail};
use crate::setup::builder::Setup;

impl Setup {
    /// Samples this share of new traces, from 0 to 1, and follows the caller's decision where there is one; instead of
    /// what `OTEL_TRACES_SAMPLER` says.
    ///
    /// Which traces these are depends on the random bits of their ids alone, and the share is told to the services that are called
    /// and to the backend as `ot=th:…` in the trace state (OpenTelemetry, "TraceState: Probability Sampling").
    /// Of this, [`sample_at_most`](Self::sample_at_most), [`sample_remotely`](Self::sample_remotely) and [`SetupExt::sampler`](crate::otel::SetupExt::sampler), the
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

    /// Samples new traces as a server says that speaks Jaeger's remote sampling (Jaeger, the OpenTelemetry Collector), and
    /// follows the caller's decision where there is one; as `OTEL_TRACES_SAMPLER=parentbased_jaeger_remote` does, and
    /// instead of it.
    ///
    /// The endpoint is `http://jaeger:5778/sampling`; the path may be left out. It is asked once a minute, from the export
    /// thread; until its first answer one trace in a thousand is sampled, and when it fails its last answer
    /// stays. Operations are names of spans as they are at their start: `GET /orders/{id}`. A sampled span says by
    /// `sampler.type` and `sampler.param` why it was.
    ///
    /// Without the feature `otlp-http` nobody is asked. An endpoint that is no URL is an error of [`init`](Self::init).
    pub fn sample_remotely(mut self, endpoint: impl Into<String>) -> Self {
        self.sampler = Some(Choice::Remote(endpoint.into()));
        self
    }

    /// Records all, and keeps what failed or was slow although nobody had sampled it: by what the request came to in this
    /// process. [`Tail`] says what is kept, and what this cannot do.
    ///
    /// Every request costs as much as a sampled one up to its end, and what is undecided waits in memory, within bounds. Processors of
    /// one's own see undecided spans as well, exporters do not. A provider of one's own is used as it is, without this.
    pub fn keep_errors_and_slow(mut self, tail: Tail) -> Self {
        self.tail = Some(tail);
        self
    }
}
