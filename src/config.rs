//! Switches and hooks of the layers, behind one shared pointer each.

use std::{borrow::Cow, collections::HashSet, fmt, sync::Arc};

use http::HeaderName;
use opentelemetry::trace::SpanKind;

use crate::{
    captured::Captured,
    guard::guarded,
    head::{RequestHead, ResponseHead},
    metrics::Meters,
    outcome::Outcome,
    propagate::parent::RemoteParent,
    semconv::{peer::TrustedProxies, url::Redaction},
    span_mut::SpanMut,
    targets::Targets,
    telemetry::{Choice, Handle},
};

/// As many routes as a service has by far, and as an SDK has room for: 2000 sets of attributes for an instrument.
const CARDINALITY_LIMIT: usize = 200;

type Hook<F> = Option<Arc<F>>;
pub(crate) type Filter = dyn Fn(&RequestHead<'_>) -> bool + Send + Sync;
pub(crate) type SpanName = dyn Fn(&RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync;
pub(crate) type OnRequest = dyn Fn(&RequestHead<'_>, &mut SpanMut<'_>) + Send + Sync;
pub(crate) type OnResponse = dyn Fn(&ResponseHead<'_>, &mut SpanMut<'_>) + Send + Sync;
pub(crate) type OnEnd = dyn Fn(&Outcome<'_>, &mut SpanMut<'_>) + Send + Sync;
pub(crate) type ParentOf = dyn Fn(&RequestHead<'_>) -> RemoteParent + Send + Sync;

/// What both sides have.
#[derive(Clone, Default)]
pub(crate) struct Config {
    pub(crate) telemetry: Choice,
    pub(crate) filter: Hook<Filter>,
    pub(crate) span_name: Hook<SpanName>,
    pub(crate) on_request: Hook<OnRequest>,
    pub(crate) on_response: Hook<OnResponse>,
    pub(crate) on_end: Hook<OnEnd>,
    pub(crate) request_headers: Vec<Captured>,
    pub(crate) response_headers: Vec<Captured>,
    pub(crate) response_trailers: Vec<Captured>,
    pub(crate) redaction: Redaction,
    pub(crate) body_sizes: bool,
    pub(crate) known_methods: Option<Arc<[Arc<str>]>>,
    pub(crate) measure: Measure,
}

/// What is measured, where the pipeline has a meter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    pub(crate) is_on: bool,
    pub(crate) active: bool,
    pub(crate) body_sizes: bool,
    /// `server.*` on a server's metrics: a caller writes it.
    pub(crate) address: bool,
    /// `url.template` on a client's durations.
    pub(crate) template: bool,
    /// `url.scheme` on a client's metrics.
    pub(crate) scheme: bool,
    /// How many values an attribute may have.
    pub(crate) limit: usize,
}

/// What only a server has.
#[derive(Clone, Default)]
pub(crate) struct ServerConfig {
    pub(crate) common: Config,
    pub(crate) remote_parent: RemoteParent,
    pub(crate) remote_parent_with: Hook<ParentOf>,
    pub(crate) trust: TrustedProxies,
    pub(crate) scheme: Scheme,
    pub(crate) server_timing: bool,
    pub(crate) force: Option<Force>,
    pub(crate) rpc_methods: Option<Arc<HashSet<Box<str>>>>,
}

/// What only a client has.
#[derive(Clone, Default)]
pub(crate) struct ClientConfig {
    pub(crate) common: Config,
    pub(crate) target: Option<http::Uri>,
    pub(crate) peer_service: Option<Arc<str>>,
    pub(crate) propagate_to: Targets,
    pub(crate) baggage_to: Targets,
    pub(crate) template: Hook<SpanName>,
}

/// Which end of the exchange this is, with its configuration. The two differ in what things are called.
#[derive(Clone, Debug)]
pub(crate) enum Side {
    Server(Arc<ServerConfig>),
    Client(Arc<ClientConfig>),
}

/// Which requests are recorded whatever the sampler says.
#[derive(Clone)]
pub(crate) struct Force {
    /// Its value may be a secret, and is not recorded.
    pub(crate) header: HeaderName,
    pub(crate) trusted: Arc<Filter>,
}

/// The scheme of requests that do not say theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scheme {
    #[default]
    Http,
    Https,
}

impl Config {
    pub(crate) fn keeps(&self, head: &RequestHead<'_>) -> bool {
        // A filter that panics filters nothing.
        self.filter
            .as_ref()
            .is_none_or(|filter| guarded(|| filter(head)).unwrap_or(true))
    }

    /// Whether a hook gets hold of the span.
    pub(crate) fn has_hooks(&self) -> bool {
        self.on_request.is_some() || self.on_response.is_some() || self.on_end.is_some()
    }
}

impl Measure {
    /// The instruments to measure with, if this is to be measured.
    pub(crate) fn meters<'t>(&self, telemetry: &'t Handle) -> Option<&'t Arc<Meters>> {
        telemetry.meters().filter(|_| self.is_on)
    }
}

impl Default for Measure {
    fn default() -> Self {
        Self {
            is_on: true,
            active: false,
            body_sizes: false,
            address: false,
            template: false,
            scheme: false,
            limit: CARDINALITY_LIMIT,
        }
    }
}

impl ServerConfig {
    /// Whether anyone learns of an exchange whose span is not recorded.
    pub(crate) fn is_watched(&self) -> bool {
        self.server_timing || self.common.has_hooks()
    }

    /// Whether this request must be recorded. Who panics trusts nobody.
    pub(crate) fn forces(&self, head: &RequestHead<'_>) -> bool {
        self.force.as_ref().is_some_and(|force| {
            head.headers().first(&force.header).is_some()
                && guarded(|| (force.trusted)(head)).unwrap_or(false)
        })
    }
}

impl Side {
    pub(crate) fn common(&self) -> &Config {
        match self {
            Self::Server(config) => &config.common,
            Self::Client(config) => &config.common,
        }
    }

    /// Whether anyone learns of an exchange whose span is not recorded.
    pub(crate) fn is_watched(&self) -> bool {
        match self {
            Self::Server(config) => config.is_watched(),
            Self::Client(config) => config.common.has_hooks(),
        }
    }

    pub(crate) fn kind(&self) -> SpanKind {
        match self {
            Self::Server(_) => SpanKind::Server,
            Self::Client(_) => SpanKind::Client,
        }
    }
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("telemetry", &self.telemetry)
            .field("request_headers", &self.request_headers)
            .field("response_headers", &self.response_headers)
            .field("redaction", &self.redaction)
            .field("body_sizes", &self.body_sizes)
            .field("measure", &self.measure)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("common", &self.common)
            .field("remote_parent", &self.remote_parent)
            .field("trust", &self.trust)
            .field("scheme", &self.scheme)
            .field("server_timing", &self.server_timing)
            .field("force", &self.force.as_ref().map(|force| &force.header))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("common", &self.common)
            .field("target", &self.target)
            .field("peer_service", &self.peer_service)
            .field("propagate_to", &self.propagate_to)
            .field("baggage_to", &self.baggage_to)
            .finish_non_exhaustive()
    }
}
