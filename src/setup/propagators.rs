//! Which headers carry the trace.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use opentelemetry::{
    Context, global,
    propagation::{
        Extractor, Injector, TextMapCompositePropagator, TextMapPropagator,
        text_map_propagator::FieldIter,
    },
};

use super::{build::Scope, settings::Propagator};
use crate::{
    otel::{
        B3Propagator, BaggagePropagator, DatadogPropagator, JaegerPropagator, OtTracePropagator,
        TraceContextPropagator, XRayLambdaPropagator, XRayPropagator,
    },
    propagate::{Propagation, environment::Environment},
};

const DEFAULT: [Propagator; 2] = [Propagator::TraceContext, Propagator::Baggage];

/// A propagator that the layers and OpenTelemetry's global share.
#[derive(Clone)]
pub(super) struct Shared(Arc<dyn TextMapPropagator + Send + Sync>);

/// What the layers use, and what becomes OpenTelemetry's global.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) layers: Propagation,
    /// `None` leaves the global one as it is.
    pub(super) global: Option<Shared>,
}

/// Whether the global propagator is one that set-up installed.
static OURS: AtomicBool = AtomicBool::new(false);

impl Chosen {
    pub(super) fn own(propagator: impl TextMapPropagator + Send + Sync + 'static) -> Self {
        let shared = Arc::new(propagator);
        Self {
            layers: Propagation::custom(Arc::clone(&shared) as _),
            global: Some(Shared(shared)),
        }
    }

    /// The user's, where one was made the global propagator by hand. It is looked up at each request.
    pub(super) fn users() -> Option<Self> {
        let is_set = global::get_text_map_propagator(|set| set.fields().next().is_some());
        (is_set && !OURS.load(Ordering::Relaxed)).then_some(Self {
            layers: Propagation::Global,
            global: None,
        })
    }

    /// Makes a propagator of ours the global one.
    pub(super) fn install(propagator: Option<Shared>) {
        if let Some(propagator) = propagator {
            OURS.store(true, Ordering::Relaxed);
            global::set_text_map_propagator(propagator);
        }
    }

    /// Those that were named, in their order; else for the whole process the user's global one, else W3C Trace Context and
    /// Baggage. The environment is asked at each request by those that read it.
    pub(super) fn of(
        named: Option<&[Propagator]>,
        scope: Scope,
        environment: &Environment,
    ) -> Self {
        if scope == Scope::Process
            && named.is_none()
            && let Some(users) = Self::users()
        {
            return users;
        }
        let named = named.unwrap_or(&DEFAULT);
        let global = composite(named, environment);
        if named.len() == DEFAULT.len() && DEFAULT.iter().all(|format| named.contains(format)) {
            return Self {
                layers: Propagation::W3c,
                global: Some(Shared(Arc::new(global))),
            };
        }
        Self::own(global)
    }
}

fn composite(named: &[Propagator], environment: &Environment) -> TextMapCompositePropagator {
    let have_baggage = [Propagator::Jaeger, Propagator::OtTrace];
    let merges = named.iter().any(|format| have_baggage.contains(format));
    let propagators = named
        .iter()
        .map(|format| -> Box<dyn TextMapPropagator + Send + Sync> {
            match format {
                Propagator::TraceContext => Box::new(TraceContextPropagator::new()),
                Propagator::Baggage if merges => Box::new(BaggagePropagator::merging()),
                Propagator::Baggage => Box::new(BaggagePropagator::new()),
                Propagator::B3 => Box::new(B3Propagator::single()),
                Propagator::B3Multi => Box::new(B3Propagator::multi()),
                Propagator::Jaeger => Box::new(JaegerPropagator::new()),
                Propagator::XRay => Box::new(XRayPropagator::new()),
                Propagator::XRayLambda => Box::new(XRayLambdaPropagator::of(environment.clone())),
                Propagator::OtTrace => Box::new(OtTracePropagator::new()),
                Propagator::Datadog => Box::new(DatadogPropagator::new()),
            }
        });
    TextMapCompositePropagator::new(propagators.collect())
}

impl TextMapPropagator for Shared {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        self.0.inject_context(context, injector);
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        self.0.extract_with_context(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        self.0.fields()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
