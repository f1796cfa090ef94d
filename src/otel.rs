//! Everything that names OpenTelemetry's own types: its crates, our propagators, a pipeline of a provider of one's own.
//!
//! These crates are at 0.x: their next version is a breaking change of this module, and of this module alone.

pub use crate::otel_sdk::*;
pub use crate::propagate::{
    b3::B3Propagator,
    baggage::BaggagePropagator,
    binary::{GrpcTraceBinPropagator, extract_binary, inject_binary},
    datadog::DatadogPropagator,
    jaeger::JaegerPropagator,
    ot_trace::OtTracePropagator,
    trace_context::TraceContextPropagator,
    xray::{XRayLambdaPropagator, XRayPropagator},
};

use std::{fmt::Display, sync::Arc};

use opentelemetry::{
    Context, KeyValue,
    metrics::MeterProvider,
    propagation::TextMapPropagator,
    trace::{Status, TraceContextExt, Tracer, TracerProvider},
};

use crate::{
    captured::Listed,
    lost::Lost,
    propagate::{Propagation, environment::Environment},
    span::{SpanIds, exception},
    telemetry::{Handle, Ids, SamplerReads, Telemetry, Traits, metering},
};

/// A pipeline that sends spans to this provider, and propagates by W3C Trace Context and Baggage.
///
/// The provider stays its owner's to flush and to shut down. Short for `Pipeline::of(provider).build()`.
pub fn telemetry<P>(provider: &P) -> Telemetry
where
    P: TracerProvider,
    P::Tracer: Tracer<Span: Send + Sync + 'static> + Send + Sync + 'static,
{
    Pipeline::of(provider).build()
}

/// The ids of the span in a context.
pub fn span_ids(context: &Context) -> SpanIds {
    SpanIds::of(context)
}

/// Marks the span of a context as failed, one of one's own: its status is the error's text, URLs redacted, `error.type` is found by what the
/// error is (its type, or what broke), and the event `exception` has both. OpenTelemetry's `record_error` does the last
/// alone, and without the type. The request's span is [`request_span`](crate::request_span)'s.
pub fn record_error<E: Display + 'static>(context: &Context, error: &E) {
    let span = context.span();
    if span.is_recording() {
        let failure = exception::record(context, error);
        span.set_attribute(KeyValue::new("error.type", failure.error_type));
        span.set_status(Status::error(failure.message));
    }
}

/// OpenTelemetry's own context, of a [`Context`](crate::Context) and as one: for parents, links and values of one's own.
pub trait ContextExt: sealed::Sealed {
    /// What OpenTelemetry's functions take.
    fn as_otel(&self) -> &Context;

    /// What [`carry`](crate::Context::carry), [`in_scope`](crate::Context::in_scope) and the baggage's methods are for.
    fn from_otel(context: Context) -> Self;
}

mod sealed {
    #[allow(unnameable_types, reason = "nobody else implements it")]
    pub trait Sealed {}

    impl Sealed for crate::context::Context {}
}

impl ContextExt for crate::context::Context {
    fn as_otel(&self) -> &Context {
        &self.0
    }

    fn from_otel(context: Context) -> Self {
        Self(context)
    }
}

/// A pipeline around a provider of one's own, and what the layers may know of it.
#[derive(Debug)]
#[must_use = "call build()"]
pub struct Pipeline<'a, P> {
    provider: &'a P,
    traits: Traits,
}

impl<'a, P> Pipeline<'a, P>
where
    P: TracerProvider,
    P::Tracer: Tracer<Span: Send + Sync + 'static> + Send + Sync + 'static,
{
    /// Nothing is known of the provider: the attributes of a request are made before its sampler decides.
    pub fn of(provider: &'a P) -> Self {
        Self {
            provider,
            traits: Traits {
                propagation: Propagation::W3c,
                sampler: SamplerReads::Everything,
                ids: Ids::Unknown,
                known_methods: None,
                listed: Listed::default(),
                metering: None,
                lost: None,
                environment: Environment::default(),
            },
        }
    }

    /// Reads and writes traces by this propagator instead of W3C Trace Context and Baggage.
    pub fn propagator(
        mut self,
        propagator: impl TextMapPropagator + Send + Sync + 'static,
    ) -> Self {
        self.traits.propagation = Propagation::custom(Arc::new(propagator));
        self
    }

    /// Measures requests by the instruments of this provider. Without one nothing is measured.
    ///
    /// Its meter is taken now. The provider stays its owner's to flush and to shut down.
    pub fn meter_provider<M: MeterProvider + 'static>(mut self, provider: &M) -> Self {
        self.traits.metering = Some(metering(provider));
        self
    }

    /// The sampler decides by the trace id and the parent alone, as those of the SDK do. Name and attributes are then
    /// made for recorded spans only, after the decision, which makes unsampled requests much cheaper.
    pub fn sampler_reads_parent_only(mut self) -> Self {
        self.traits.sampler = SamplerReads::Parent;
        self
    }

    /// The sampler is parent-based: the caller's decision stands, and by the trace id it decides about new traces only.
    /// That is more than [`sampler_reads_parent_only`](Self::sampler_reads_parent_only): a request whose caller decided
    /// against sampling does not reach the provider at all, and for one that is sampled the attributes are made first.
    pub fn sampler_follows_parent(mut self) -> Self {
        self.traits.sampler = SamplerReads::Flag;
        self
    }

    /// The low 56 bits of the trace ids are random, as those of the SDK's own generator are: new traces then say so
    /// (W3C Trace Context Level 2, section 3.2.2.5.2).
    pub fn random_ids(mut self) -> Self {
        self.traits.ids = Ids::Random;
        self
    }

    /// Looks out for calls that have no parent though a request is served, tells of them, and marks their spans: see
    /// `Setup::warn_lost_context`. The text names the call's host; it comes once for each host, on the caller's thread.
    pub fn on_lost_context(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.traits.lost = Some(Lost::new(tell));
        self
    }

    /// The pipeline. Layers take it by [`ServerLayer::telemetry`](crate::ServerLayer::telemetry), or all at once by
    /// [`Telemetry::install`].
    pub fn build(self) -> Telemetry {
        Telemetry {
            handle: Handle::new(self.provider, self.traits),
            lifecycle: None,
        }
    }
}
