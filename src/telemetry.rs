//! Where the layers' spans go: a handle without types, filled by set-up, from a user's provider, or from the globals.

use std::{
    any::Any,
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use opentelemetry::{InstrumentationScope, global, metrics::MeterProvider, trace::TracerProvider};

use crate::{
    captured::Listed,
    lost::Lost,
    metrics::{self, Metering, Meters},
    propagate::{Propagation, environment::Environment},
    span::{SpanSource, Started},
};

/// The schema of the attributes that this crate records.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.45.0";

/// A running telemetry pipeline, from [`init`](crate::init), [`Setup`](crate::Setup) or [`otel::telemetry`](crate::otel::telemetry).
///
/// Keep it until the end of `main`: dropping it sends what is still queued, within a deadline.
/// Layers hold what they need of it, so a layer may outlive it; its spans then go nowhere.
#[must_use = "dropping it shuts the pipeline down"]
pub struct Telemetry {
    pub(crate) handle: Handle,
    pub(crate) lifecycle: Option<Box<dyn Lifecycle>>,
}

/// What ends with the pipeline. Set-up implements it; a user's own provider ends by the user's hand.
pub(crate) trait Lifecycle: Any + Send + Sync {
    /// Sends what is queued and closes the exporters, within a deadline. The second call does nothing.
    fn close(&mut self);
}

/// What a layer holds. Cloning is one increment.
#[derive(Clone)]
pub(crate) struct Handle(Arc<Inner>);

struct Inner {
    source: Box<dyn SpanSource>,
    propagation: Propagation,
    sampler: SamplerReads,
    ids: Ids,
    known_methods: Option<Arc<[Arc<str>]>>,
    meters: Option<Arc<Meters>>,
    listed: Listed,
    lost: Option<Lost>,
    environment: Environment,
}

/// What the sampler looks at. Only what it reads is made before it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SamplerReads {
    /// The caller's flag, which stands: parent-based samplers whose parts are the default ones. They are asked for roots,
    /// and for what was sampled; what a caller refused is dropped unasked.
    Flag,
    /// No more than ids and the parent: name and attributes are made after the decision, for recorded spans only.
    Parent,
    /// Besides, the name: it is there when it decides, also about what the caller refused.
    #[allow(
        dead_code,
        reason = "only samplers of set-up's read no more than a name"
    )]
    Name,
    /// Perhaps all: name and attributes are there when it decides.
    Everything,
}

/// Whether the trace ids made here are random in their low 56 bits, which Trace Context Level 2 wants said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    Random,
    Unknown,
}

/// What is known of a pipeline besides its tracer.
#[derive(Debug)]
pub(crate) struct Traits {
    pub(crate) propagation: Propagation,
    pub(crate) sampler: SamplerReads,
    pub(crate) ids: Ids,
    pub(crate) known_methods: Option<Arc<[Arc<str>]>>,
    /// Headers that layers record which list none.
    pub(crate) listed: Listed,
    /// From [`metering`]. Without it nothing is measured, and it costs nothing that it might be.
    pub(crate) metering: Option<Metering>,
    /// Without it nobody looks out for calls that lost their context.
    pub(crate) lost: Option<Lost>,
    /// Where a job finds who started it.
    pub(crate) environment: Environment,
}

/// The pipeline that set-up installed for the whole process.
static INSTALLED: RwLock<Option<Handle>> = RwLock::new(None);

impl Handle {
    pub(crate) fn new<P>(provider: &P, mut traits: Traits) -> Self
    where
        P: TracerProvider,
        P::Tracer: SpanSource + 'static,
    {
        let meters = traits.metering.take().map(Meters::new).map(Arc::new);
        Self::with(provider, traits, meters)
    }

    fn with<P>(provider: &P, traits: Traits, meters: Option<Arc<Meters>>) -> Self
    where
        P: TracerProvider,
        P::Tracer: SpanSource + 'static,
    {
        Self(Arc::new(Inner {
            source: Box::new(provider.tracer_with_scope(scope())),
            propagation: traits.propagation,
            sampler: traits.sampler,
            ids: traits.ids,
            known_methods: traits.known_methods,
            meters,
            listed: traits.listed,
            lost: traits.lost,
            environment: traits.environment,
        }))
    }

    /// The globals as they are now. Their sampler and ids are strangers.
    fn globals() -> Self {
        Self::with(
            &global::tracer_provider(),
            Traits {
                propagation: Propagation::Global,
                sampler: SamplerReads::Everything,
                ids: Ids::Unknown,
                known_methods: None,
                listed: Listed::default(),
                metering: None,
                lost: None,
                environment: Environment::default(),
            },
            metrics::global::meters(scope),
        )
    }

    pub(crate) fn start(&self, start: crate::span::Start<'_>) -> Started {
        self.0.source.start(start, self.0.ids)
    }

    pub(crate) fn propagation(&self) -> &Propagation {
        &self.0.propagation
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.0.environment
    }

    pub(crate) fn sampler(&self) -> SamplerReads {
        self.0.sampler
    }

    /// The instruments, where anything is measured.
    pub(crate) fn meters(&self) -> Option<&Arc<Meters>> {
        self.0.meters.as_ref()
    }

    pub(crate) fn known_methods(&self) -> Option<&[Arc<str>]> {
        self.0.known_methods.as_deref()
    }

    pub(crate) fn listed(&self) -> &Listed {
        &self.0.listed
    }

    pub(crate) fn lost(&self) -> Option<&Lost> {
        self.0.lost.as_ref()
    }
}

impl Telemetry {
    /// Makes this the pipeline of every layer that names none, in the whole process. [`init`](crate::init) does it by itself.
    ///
    /// A layer that has served a request keeps the pipeline it found.
    pub fn install(&self) {
        *INSTALLED.write().unwrap_or_else(PoisonError::into_inner) = Some(self.handle.clone());
    }

    /// How many measurements have lost a value so far, because an attribute had too many:
    /// [`ServerLayer::cardinality_limit`](crate::ServerLayer::cardinality_limit). The metric
    /// `throughline.metrics.folded` counts the same, by metric and attribute.
    pub fn folded_measurements(&self) -> u64 {
        self.handle.meters().map_or(0, |meters| meters.folded())
    }
}

/// Which pipeline a layer uses: the one it was given, else the installed one, else the globals, looked up at each
/// request so that a layer may be built before `init()`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    given: Option<Handle>,
    installed: OnceLock<Handle>,
}

impl Choice {
    pub(crate) fn give(&mut self, handle: Handle) {
        self.given = Some(handle);
    }

    /// What it is now. Borrowed once it is known for good.
    pub(crate) fn handle(&self) -> Cow<'_, Handle> {
        if let Some(handle) = self.given.as_ref().or_else(|| self.installed.get()) {
            return Cow::Borrowed(handle);
        }
        match installed() {
            Some(handle) => Cow::Borrowed(self.installed.get_or_init(|| handle)),
            None => Cow::Owned(Handle::globals()),
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(mut lifecycle) = self.lifecycle.take() {
            lifecycle.close();
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("propagation", &self.0.propagation)
            .field("sampler", &self.0.sampler)
            .field("ids", &self.0.ids)
            .field("measures", &self.0.meters.is_some())
            .finish_non_exhaustive()
    }
}

/// How the process's own pipeline hands contexts on; without one, OpenTelemetry's global way.
pub(crate) fn propagation() -> Propagation {
    installed().map_or(Propagation::Global, |handle| handle.0.propagation.clone())
}

fn installed() -> Option<Handle> {
    INSTALLED
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Where the layers' measurements go, of this provider. It stays its owner's to flush and to shut down.
pub(crate) fn metering<P: MeterProvider + 'static>(provider: &P) -> Metering {
    Metering::of(provider, scope())
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
}
