//! What code says of a pipeline.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanProcessor};

use super::{
    build::Scope, error::SetupError, exporters::MakeProcessor, loggers, meters, propagators,
    report::Report, sampler, settings::WhenFull, subscriber,
};
use crate::{
    propagate::environment::Environment, span::attributes::to_otel, telemetry::Telemetry,
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
/// * Metrics go to `http://localhost:4318/v1/metrics`, every minute and at the end.
/// * Logs are left alone; `Setup::subscriber` installs a `tracing` subscriber (feature `tracing`).
/// * The service is called `unknown_service:` and the name of the executable.
/// * Shutdown waits 5 seconds at most.
/// * Warnings go to `tracing` where a subscriber is set, else to stderr.
///
/// # Variables
///
#[doc = include_str!("../../docs/environment.md")]
///
/// # What else is to know
///
/// `OTEL_METRICS_EXPORTER=prometheus` serves `/metrics` from a thread of its own until the pipeline ends. An address that
/// cannot be had is a warning: the service runs without.
///
/// A proxy named by `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY` is used for a collector that is not on this machine, unless
/// `NO_PROXY` names it. Redirects are not followed: they would carry the headers elsewhere.
#[must_use = "call init() or build()"]
pub struct Setup {
    pub(super) service_name: Option<String>,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) endpoint: Option<String>,
    pub(super) shutdown_timeout: Duration,
    pub(super) queue_bytes: Option<usize>,
    pub(super) when_full: Option<WhenFull>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) lookup: Environment,
    pub(super) report: Report,
    pub(super) warn_lost_context: bool,
    pub(super) exporters: Vec<MakeProcessor>,
    pub(super) processors: Vec<Box<dyn SpanProcessor>>,
    pub(super) sampler: Option<sampler::Choice>,
    pub(super) tail: Option<sampler::Tail>,
    pub(super) provider: Option<SdkTracerProvider>,
    pub(super) propagator: Option<propagators::Chosen>,
    pub(super) meters: meters::Own,
    pub(super) loggers: loggers::Own,
    pub(super) subscriber: subscriber::Wanted,
}

impl Setup {
    /// What the environment says, until code says otherwise. It is read by [`init`](Self::init) or [`build`](Self::build).
    pub fn new() -> Self {
        Self {
            service_name: None,
            attributes: Vec::new(),
            endpoint: None,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            queue_bytes: None,
            when_full: None,
            variables: BTreeMap::new(),
            lookup: Environment::default(),
            report: Report::default(),
            warn_lost_context: false,
            exporters: Vec::new(),
            processors: Vec::new(),
            sampler: None,
            tail: None,
            provider: None,
            propagator: None,
            meters: meters::Own::default(),
            loggers: loggers::Own::default(),
            subscriber: subscriber::Wanted::default(),
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

    /// The base URL of the collector, `http://` or `https://`, for every signal: over HTTP, `/v1/traces` and its like are appended. Instead of
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` and its `OTEL_EXPORTER_OTLP_TRACES_…` forms. A user and password in it are sent as basic authentication, and never shown.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// How long shutdown, flush and dropping may take; 5 s unless said. Where metrics are pushed, a shutdown gives spans up after
    /// three quarters of it, and the last metrics count them.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// How much memory the spans that wait for one exporter may hold, about, in bytes; instead of
    /// `OTEL_RUST_BSP_MAX_QUEUE_BYTES`, and 16 MiB unless said. `OTEL_BSP_MAX_QUEUE_SIZE` (2048) bounds their number. Beside
    /// them there is one batch on its way: 4 MiB of them at most, or one larger span.
    pub fn span_queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = Some(bytes);
        self
    }

    /// Which spans go when an exporter's queue is full; instead of `OTEL_RUST_BSP_WHEN_FULL` (`drop_oldest`, `drop_newest`).
    /// The oldest unless said.
    pub fn when_span_queue_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = Some(when_full);
        self
    }

    /// What one of the variables above says, instead of what the environment has by this name: for all that has no call of its own.
    ///
    /// An empty value is as good as none, and a wrong one is told of and ignored, as the environment's is. A call of its own
    /// beats it, as does another name of the same setting that is looked at first: its form for one signal, `K8S_POD_NAME`
    /// before `POD_NAME`. So does a file that `OTEL_CONFIG_FILE` names, save where the file refers to it; what the file's
    /// detectors and `Setup::subscriber` read is read all the same.
    ///
    /// ```
    /// use throughline::Setup;
    ///
    /// let setup = Setup::new()
    ///     .variable("OTEL_EXPORTER_OTLP_HEADERS", format!("api-key={}", "key"))
    ///     .variable("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
    /// ```
    ///
    /// [`init`](Self::init) and [`build`](Self::build) fail for a name that is not one of those they read.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Asks this function for variables instead of the process's environment: for tests, and for configuration from elsewhere.
    ///
    /// It runs within [`init`](Self::init) or [`build`](Self::build), within
    /// [`Telemetry::parent_from_env`], and with the propagator `xray-lambda` at each request. No
    /// variable is read past it.
    pub fn lookup(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.lookup = Environment::of(Arc::new(lookup));
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

    /// Warns of context that was lost: of a call that a [`ClientLayer`](crate::ClientLayer) of this pipeline makes without a
    /// parent while a [`ServerLayer`](crate::ServerLayer) of it serves a request, as one does in a task that a bare
    /// `tokio::spawn` started. Off by default: it is for development, and takes some allocations a request.
    ///
    /// The warning names the call's host, once for each host, and 32 of them at most; with `RUST_BACKTRACE=1` it shows where
    /// the call was made. Each such span has the attribute `throughline.context_lost`. It is an informed guess: a call that
    /// belongs to no request, such as a cache's refreshing itself, is no mistake, and says so by
    /// [`Context::root`](crate::Context::root).
    pub fn warn_lost_context(mut self, warn: bool) -> Self {
        self.warn_lost_context = warn;
        self
    }

    /// Starts the pipeline and makes it that of the whole process: of every layer that names no other, of
    /// OpenTelemetry's global tracer and meter providers, and of its global propagator.
    ///
    /// Layers may have been built before. It works in a Tokio runtime of any kind, and without one. A second pipeline takes
    /// the place of the first, which stays that of the layers that have served by it.
    ///
    /// # Errors
    ///
    /// When what was given in code is wrong, or this build is without a feature that the environment asks for.
    pub fn init(mut self) -> Result<Telemetry, SetupError> {
        let subscriber = std::mem::take(&mut self.subscriber);
        // What a subscriber that is not there yet should tell.
        let held = subscriber.is_some().then(|| self.report.hold());
        let built = self.make(Scope::Process)?;
        subscriber.install(&built.telemetry, &built.env)?;
        built.env.tell(&built.report);
        drop(held);
        // The globals tell of each that is set.
        let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
        built.telemetry.install();
        if let Some(provider) = built.provider {
            global::set_tracer_provider(provider);
        }
        if let Some(meters) = built.meters {
            global::set_meter_provider(meters);
        }
        propagators::Chosen::install(built.propagator);
        built.telemetry.tell(&built.report);
        Ok(built.telemetry)
    }

    /// Starts the pipeline without making it that of the process. Layers take it by
    /// [`ServerLayer::telemetry`](crate::ServerLayer::telemetry) and [`ClientLayer::telemetry`](crate::ClientLayer::telemetry).
    ///
    /// # Errors
    ///
    /// As [`init`](Self::init).
    pub fn build(self) -> Result<Telemetry, SetupError> {
        self.subscriber.refuse()?;
        let built = self.make(Scope::Own)?;
        built.telemetry.tell(&built.report);
        Ok(built.telemetry)
    }
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
            .field("variables", &self.variables.keys())
            .field("shutdown_timeout", &self.shutdown_timeout)
            .field("report", &self.report)
            .field("exporters", &self.exporters.len())
            .field("processors", &self.processors.len())
            .field("sampler", &self.sampler)
            .field("meters", &self.meters)
            .field("loggers", &self.loggers)
            .field("subscriber", &self.subscriber)
            .finish_non_exhaustive()
    }
}
