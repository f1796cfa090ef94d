//! What a pipeline is made of: code first, then the environment, then the defaults.

use std::{fmt, sync::Arc, time::Duration};

use http::Method;
use opentelemetry::{KeyValue, global, trace::noop::NoopTracerProvider};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracerProvider, SpanProcessor},
};

use super::{
    env::{self, Env},
    error::SetupError,
    exporters::{Erased, Exits, MakeProcessor},
    pipeline::Pipeline,
    propagators,
    report::Report,
    resource, sampler,
    watch::Watch,
};
use crate::{
    span::attributes::to_otel,
    telemetry::{Handle, Ids, SamplerReads, Telemetry, Traits},
    value::Value,
};

const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts the pipeline that the environment describes, for the whole process. Short for `Setup::new().init()`.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let telemetry = throughline::init()?;
/// // … serve …
/// telemetry.shutdown().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`Setup::init`].
pub fn init() -> Result<Telemetry, SetupError> {
    Setup::new().init()
}

/// Builds a telemetry pipeline. Code beats the environment, the environment beats the defaults.
///
/// Exporters, processors, samplers and propagators of OpenTelemetry's types are given through
/// [`otel::SetupExt`](crate::otel::SetupExt).
///
/// # Defaults
///
/// * Spans go to `http://localhost:4318/v1/traces` by OTLP over HTTP, in batches, from a thread of their own.
/// * Parent-based sampling: the caller's decision is followed, a request without a caller is sampled.
/// * Trace Context and Baggage are read and written; by [`init`](Self::init) whatever OpenTelemetry's global propagator
///   is at each request, if one had been set by hand.
/// * The service is called `unknown_service:` and the name of the executable.
/// * Shutdown waits 5 seconds at most.
/// * Warnings go to `tracing` where a subscriber is set, else to stderr.
///
/// # Variables
///
/// `OTEL_SDK_DISABLED`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_EXPORTER` (`otlp`, `console`, `none`),
/// `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`, `OTEL_PROPAGATORS` (`tracecontext`, `baggage`, `none`),
/// `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_TIMEOUT`,
/// `OTEL_EXPORTER_OTLP_PROTOCOL` (`http/protobuf`), their `OTEL_EXPORTER_OTLP_TRACES_…` forms, and
/// `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`. The SDK reads `OTEL_BSP_…` and `OTEL_SPAN_…_LIMIT` by itself. No other variable is read.
///
/// A proxy named by `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY` is used for a collector that is not on this machine, unless
/// `NO_PROXY` names it. Redirects are not followed: they would carry the headers elsewhere.
#[must_use = "call init() or build()"]
pub struct Setup {
    service_name: Option<String>,
    attributes: Vec<KeyValue>,
    endpoint: Option<String>,
    shutdown_timeout: Duration,
    lookup: Arc<env::Lookup>,
    report: Report,
    pub(super) exporters: Vec<MakeProcessor>,
    pub(super) processors: Vec<Box<dyn SpanProcessor>>,
    pub(super) sampler: Option<sampler::Choice>,
    pub(super) provider: Option<SdkTracerProvider>,
    pub(super) propagator: Option<propagators::Chosen>,
}

/// A pipeline that nobody else knows of yet.
struct Built {
    telemetry: Telemetry,
    provider: Option<SdkTracerProvider>,
    propagator: Option<propagators::Shared>,
}

/// Whose pipeline it is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Process,
    Own,
}

impl Setup {
    /// What the environment says, until code says otherwise. It is read by [`init`](Self::init) or [`build`](Self::build).
    pub fn new() -> Self {
        Self {
            service_name: None,
            attributes: Vec::new(),
            endpoint: None,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            lookup: Arc::new(env::process),
            report: Report::default(),
            exporters: Vec::new(),
            processors: Vec::new(),
            sampler: None,
            provider: None,
            propagator: None,
        }
    }

    /// The service's name, instead of `OTEL_SERVICE_NAME`.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// An attribute of the service or of this process, such as `service.version`; beside, and before, those of `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn resource_attribute<'v>(
        mut self,
        key: impl Into<String>,
        value: impl Into<Value<'v>>,
    ) -> Self {
        let value = to_otel(value.into());
        self.attributes.push(KeyValue::new(key.into(), value));
        self
    }

    /// The base URL of the collector, `http://` or `https://`, to which `/v1/traces` is appended; instead of `OTEL_EXPORTER_OTLP_ENDPOINT` and
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`. A user and password in it are sent as basic authentication, and never shown.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// How long shutdown, flush and dropping may take; 5 s unless said.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Asks this function for variables instead of the process's environment: for tests, and for configuration from elsewhere.
    ///
    /// It runs within [`init`](Self::init) or [`build`](Self::build) only. The SDK's own `OTEL_BSP_…` and `OTEL_SPAN_…_LIMIT`
    /// are still read from the process's environment.
    pub fn lookup(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.lookup = Arc::new(lookup);
        self
    }

    /// Tells this function of each warning instead of `tracing` or stderr.
    ///
    /// It runs within [`init`](Self::init) or [`build`](Self::build) for what is wrong with a variable, and later, on the exporter's
    /// thread, once when spans stop reaching the collector and once when they reach it again. No text holds a secret.
    pub fn on_warning(mut self, warn: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.report = Report::to(warn);
        self
    }

    /// Starts the pipeline and makes it that of the whole process: of every layer that names no other, of
    /// OpenTelemetry's global tracer provider, and of its global propagator.
    ///
    /// Layers may have been built before. It works in a Tokio runtime of any kind, and without one.
    ///
    /// # Errors
    ///
    /// When what was given in code is wrong, or this build is without a feature that the environment asks for.
    pub fn init(self) -> Result<Telemetry, SetupError> {
        let built = self.make(Scope::Process)?;
        built.telemetry.install();
        if let Some(provider) = built.provider {
            global::set_tracer_provider(provider);
        }
        propagators::Chosen::install(built.propagator);
        Ok(built.telemetry)
    }

    /// Starts the pipeline without making it that of the process. Layers take it by
    /// [`ServerLayer::telemetry`](crate::ServerLayer::telemetry) and [`ClientLayer::telemetry`](crate::ClientLayer::telemetry).
    ///
    /// # Errors
    ///
    /// As [`init`](Self::init).
    pub fn build(self) -> Result<Telemetry, SetupError> {
        Ok(self.make(Scope::Own)?.telemetry)
    }

    fn make(mut self, scope: Scope) -> Result<Built, SetupError> {
        let env = Env::new(Arc::clone(&self.lookup), self.report.clone());
        env.check_sdk_numbers();
        let propagator = match self.propagator.take() {
            Some(own) => own,
            None => propagators::Chosen::from_env(&env, scope),
        };
        let mut traits = Traits {
            propagation: propagator.layers,
            sampler: SamplerReads::Parent,
            ids: Ids::Random,
            known_methods: known_methods(&env),
        };
        if env.flag("OTEL_SDK_DISABLED") {
            return Ok(Built {
                telemetry: Telemetry {
                    handle: Handle::new(&NoopTracerProvider::new(), traits),
                    lifecycle: None,
                },
                provider: None,
                propagator: propagator.global,
            });
        }
        let (provider, watches) = match self.provider.take() {
            Some(provider) => {
                traits.sampler = SamplerReads::Everything;
                traits.ids = Ids::Unknown;
                (provider, Vec::new())
            }
            None => {
                let sampler = match self.sampler.take() {
                    Some(choice) => choice.make()?,
                    None => sampler::Chosen::from_env(&env, &self.report),
                };
                traits.sampler = match self.processors.as_slice() {
                    [] => sampler.reads,
                    [..] => SamplerReads::Everything,
                };
                let exits = Exits::new(
                    std::mem::take(&mut self.processors),
                    std::mem::take(&mut self.exporters),
                    self.endpoint.as_deref(),
                    &env,
                    &self.report,
                )?;
                let resource = resource::resource(self.service_name, self.attributes, &env);
                provider(sampler, resource, exits)
            }
        };
        Ok(Built {
            telemetry: Telemetry {
                handle: Handle::new(&provider, traits),
                lifecycle: Some(Box::new(Pipeline {
                    provider: provider.clone(),
                    watches,
                    deadline: self.shutdown_timeout,
                    report: self.report,
                })),
            },
            provider: Some(provider),
            propagator: propagator.global,
        })
    }
}

fn known_methods(env: &Env) -> Option<Arc<[Arc<str>]>> {
    const NAME: &str = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS";
    let (good, wrong): (Vec<_>, Vec<_>) = env
        .list(NAME)?
        .into_iter()
        .partition(|word| Method::from_bytes(word.as_bytes()).is_ok());
    let instead = match good.as_slice() {
        [] => "the default ones are known",
        [..] => "the others are known",
    };
    for word in wrong {
        env.wrong(NAME, &word, "is no HTTP method", instead);
    }
    (!good.is_empty()).then(|| good.into_iter().map(Arc::from).collect())
}

fn provider(
    sampler: sampler::Chosen,
    resource: Resource,
    exits: Exits,
) -> (SdkTracerProvider, Vec<Arc<Watch>>) {
    let mut provider = SdkTracerProvider::builder()
        .with_sampler(sampler.sampler)
        .with_resource(resource);
    for processor in exits.processors {
        provider = provider.with_span_processor(Erased(processor));
    }
    (provider.build(), exits.watches)
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("service_name", &self.service_name)
            .field("attributes", &self.attributes)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .field("report", &self.report)
            .field("exporters", &self.exporters.len())
            .field("processors", &self.processors.len())
            .field("sampler", &self.sampler)
            .finish_non_exhaustive()
    }
}
