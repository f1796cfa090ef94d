//! What is to be built, in one shape, whoever said it: the environment, a configuration file, the defaults.
//!
//! It holds values that were checked already. What code says comes on top of it, in the builder.

mod room;
mod tls;

pub use self::room::WhenFull;
pub(super) use self::{
    room::Room,
    tls::{Pem, Tls},
};

use std::{sync::Arc, time::Duration};

use http::HeaderMap;
use opentelemetry::KeyValue;
use url::Url;

use super::views::{Limits, View};
use crate::captured;

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// `OTEL_SDK_DISABLED`: nothing is recorded, contexts still pass through.
    pub(super) disabled: bool,
    /// How much of our own is told.
    pub(super) log_level: Level,
    pub(super) resource: Resource,
    /// `None` where nobody said: then a global one that the user has set stays.
    pub(super) propagators: Option<Vec<Propagator>>,
    pub(super) traces: Traces,
    pub(super) metrics: Metrics,
    pub(super) logs: Logs,
    pub(super) http: Http,
}

/// What is told; each level holds those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    None,
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// What is known of the service and the process. Later ones win.
#[derive(Clone, Debug, Default)]
pub(super) struct Resource {
    pub(super) attributes: Vec<KeyValue>,
    pub(super) detectors: Vec<Detector>,
    pub(super) schema_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detector {
    Process,
    Host,
    Container,
    Kubernetes,
}

/// A format in which contexts travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Propagator {
    TraceContext,
    Baggage,
    B3,
    B3Multi,
    Jaeger,
    XRay,
    XRayLambda,
    OtTrace,
    Datadog,
}

#[derive(Clone, Debug)]
pub(super) struct Traces {
    /// Otherwise there are no spans of our own: contexts pass through, unless code gives a part.
    pub(super) are_recorded: bool,
    pub(super) processors: Vec<Processing<SpanExporter>>,
    /// For exporters that code gives.
    pub(super) batch: Batch,
    pub(super) room: Room,
    pub(super) sampler: Sampler,
    pub(super) limits: SpanLimits,
}

#[derive(Clone, Debug)]
pub(super) struct Metrics {
    pub(super) readers: Vec<Reader>,
    pub(super) views: Vec<View>,
    /// Where no view says.
    pub(super) limits: Limits,
}

#[derive(Clone, Debug)]
pub(super) struct Logs {
    pub(super) processors: Vec<Processing<LogExporter>>,
    /// For exporters that code gives.
    pub(super) batch: Batch,
    pub(super) limits: AttributeLimits,
}

/// An exporter, and how it is fed.
#[derive(Clone, Debug)]
pub(super) struct Processing<E> {
    pub(super) exporter: E,
    /// `None`: each item at once, on the thread that made it.
    pub(super) batch: Option<Batch>,
}

/// Log records that wait, and attribute sets of an instrument, at most: the SDK takes the memory for all of them at once.
pub(super) const AT_ONCE: u32 = 1 << 20;

/// The queue in front of an exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// How long an item waits at most before it is sent.
    pub(super) delay: Duration,
    /// Items that wait at most.
    pub(super) queue: usize,
    /// Items sent together at most; no more than `queue`.
    pub(super) size: usize,
    /// How long one export may take, retries included. `None` is without limit.
    pub(super) timeout: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(super) enum SpanExporter {
    Otlp(Box<Otlp>),
    Console,
    Zipkin(Zipkin),
}

#[derive(Clone, Debug)]
pub(super) enum LogExporter {
    Otlp(Box<Otlp>),
    Console,
}

/// How metrics leave.
#[derive(Clone, Debug)]
pub(super) enum Reader {
    Periodic {
        exporter: MetricExporter,
        interval: Duration,
        /// How long one export may take. `None` is without limit.
        timeout: Option<Duration>,
    },
    /// Serves `/metrics`.
    Prometheus { host: String, port: u16 },
}

#[derive(Clone, Debug)]
pub(super) enum MetricExporter {
    Otlp {
        otlp: Box<Otlp>,
        temporality: Temporality,
        histograms: Histograms,
    },
    Console {
        temporality: Temporality,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Temporality {
    #[default]
    Cumulative,
    Delta,
    LowMemory,
}

/// How histograms without buckets of their own are aggregated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Histograms {
    #[default]
    ExplicitBuckets,
    Base2Exponential,
}

/// What layers record where their own configuration does not say.
#[derive(Clone, Debug, Default)]
pub(super) struct Http {
    /// Methods instead of the conventions'.
    pub(super) known_methods: Option<Vec<String>>,
    pub(super) server: Headers,
    pub(super) client: Headers,
}

/// Headers to record.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers {
    pub(super) request: Vec<String>,
    pub(super) response: Vec<String>,
}

/// Where one signal goes by OTLP.
#[derive(Clone, Debug)]
pub(super) struct Otlp {
    pub(super) protocol: Protocol,
    /// Complete: with the signal's path over HTTP, without one for gRPC. Its `Debug` may show a password: show it through
    /// `endpoint::Shown`.
    pub(super) endpoint: Url,
    /// Who said the endpoint: a variable, a path in a file, a call.
    pub(super) origin: String,
    pub(super) headers: HeaderMap,
    /// For one export, retries and waits included. `None` is without limit.
    pub(super) timeout: Option<Duration>,
    pub(super) compression: Option<Compression>,
    pub(super) tls: Tls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    HttpProtobuf,
    HttpJson,
    Grpc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

#[derive(Clone, Debug)]
pub(super) struct Zipkin {
    pub(super) endpoint: Url,
    pub(super) timeout: Option<Duration>,
}

/// Which traces are recorded.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sampler {
    AlwaysOn,
    AlwaysOff,
    /// By the trace id; from 0 to 1.
    Ratio(f64),
    ParentBased {
        root: Box<Self>,
        remote_sampled: Box<Self>,
        remote_not_sampled: Box<Self>,
        local_sampled: Box<Self>,
        local_not_sampled: Box<Self>,
    },
    JaegerRemote {
        /// `http://host:5778/sampling`.
        endpoint: Url,
        interval: Duration,
        /// Until the first answer.
        initial: Box<Self>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SpanLimits {
    pub(super) attributes: AttributeLimits,
    pub(super) events: u32,
    pub(super) links: u32,
    pub(super) attributes_per_event: u32,
    pub(super) attributes_per_link: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AttributeLimits {
    pub(super) count: u32,
    /// Characters of a text, and of each text of a list. `None` is without limit.
    pub(super) value_length: Option<usize>,
}

impl Headers {
    pub(super) fn listed(&self) -> Option<Arc<captured::Headers>> {
        captured::Headers::listed(&self.request, &self.response)
    }
}

impl Detector {
    pub(super) const ALL: [Self; 4] =
        [Self::Process, Self::Host, Self::Container, Self::Kubernetes];
}

impl Batch {
    /// For a console: who looks at it waits for what it shows.
    pub(super) fn at_once(self) -> Self {
        Self {
            delay: self.delay.min(Duration::from_millis(100)),
            ..self
        }
    }
}

impl Sampler {
    /// Follows the caller; this for what has none.
    pub(super) fn parent_based(root: Self) -> Self {
        Self::ParentBased {
            root: Box::new(root),
            remote_sampled: Box::new(Self::AlwaysOn),
            remote_not_sampled: Box::new(Self::AlwaysOff),
            local_sampled: Box::new(Self::AlwaysOn),
            local_not_sampled: Box::new(Self::AlwaysOff),
        }
    }

    /// Asks this server once a minute, and until its first answer samples one trace in a thousand, as Jaeger's clients do.
    pub(super) fn jaeger_remote(endpoint: Url) -> Self {
        Self::JaegerRemote {
            endpoint,
            interval: Duration::from_secs(60),
            initial: Box::new(Self::Ratio(0.001)),
        }
    }
}
