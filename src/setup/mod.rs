//! From the environment and a builder to a running pipeline. The SDK enters here and nowhere above.

mod batch;
mod build;
mod builder;
mod counted;
mod doctor;
mod endpoint;
mod env;
mod error;
mod exporters;
mod ids;
mod instance;
mod meters;
mod otel_types;
mod pipeline;
mod propagators;
mod report;
mod resource;
mod sampler;
#[allow(dead_code, reason = "what is read of it depends on the features")]
mod settings;
mod signal;
mod truncate;
#[allow(dead_code, reason = "only files have views")]
mod views;

#[allow(dead_code, reason = "what is used of it depends on the features")]
mod ledger;
#[allow(dead_code, reason = "what is used of it depends on the features")]
mod transport;

#[cfg(any(feature = "otlp-http", feature = "otlp-grpc"))]
#[allow(dead_code, reason = "signals whose exporter is not made yet")]
mod otlp;
#[cfg(not(any(feature = "otlp-http", feature = "otlp-grpc")))]
#[allow(dead_code, reason = "signals whose exporter is not made yet")]
#[path = "otlp_absent.rs"]
mod otlp;

#[cfg(feature = "zipkin")]
mod zipkin;
#[cfg(not(feature = "zipkin"))]
#[path = "zipkin/absent.rs"]
mod zipkin;

#[cfg(feature = "otlp-grpc")]
#[path = "otlp/grpc.rs"]
mod grpc;
#[cfg(all(feature = "otlp-http", not(feature = "otlp-grpc")))]
#[path = "otlp/grpc_absent.rs"]
mod grpc;
#[cfg(feature = "otlp-json")]
#[path = "otlp/json.rs"]
mod json;
#[cfg(all(
    any(feature = "otlp-http", feature = "otlp-grpc"),
    not(feature = "otlp-json")
))]
#[path = "otlp/json_absent.rs"]
mod json;

#[allow(dead_code, reason = "what is used of it depends on the features")]
#[cfg(any(feature = "otlp-http", feature = "otlp-grpc", feature = "zipkin"))]
#[path = "transport/client.rs"]
mod client;
#[allow(dead_code, reason = "what is used of it depends on the features")]
#[cfg(any(feature = "otlp-http", feature = "otlp-grpc", feature = "zipkin"))]
#[path = "transport/status.rs"]
mod status;
#[cfg(all(
    feature = "tls",
    any(feature = "otlp-http", feature = "otlp-grpc", feature = "zipkin")
))]
#[path = "transport/tls.rs"]
mod tls;
#[cfg(all(
    not(feature = "tls"),
    any(feature = "otlp-http", feature = "otlp-grpc", feature = "zipkin")
))]
#[path = "transport/tls_absent.rs"]
mod tls;

#[allow(dead_code, reason = "nothing may be there to compress")]
#[cfg(feature = "gzip")]
#[path = "transport/gzip.rs"]
mod gzip;
#[allow(dead_code, reason = "nothing may be there to compress")]
#[cfg(not(feature = "gzip"))]
#[path = "transport/gzip_absent.rs"]
mod gzip;
#[allow(dead_code, reason = "nothing may be there to compress")]
#[cfg(feature = "zstd")]
#[path = "transport/zstd.rs"]
mod zstd;
#[allow(dead_code, reason = "nothing may be there to compress")]
#[cfg(not(feature = "zstd"))]
#[path = "transport/zstd_absent.rs"]
mod zstd;

#[cfg(feature = "detectors")]
mod detectors;
#[cfg(not(feature = "detectors"))]
#[path = "detectors_absent.rs"]
mod detectors;

#[cfg(feature = "config-file")]
mod file;
#[cfg(not(feature = "config-file"))]
#[path = "file_absent.rs"]
mod file;

#[cfg(feature = "otlp-http")]
#[path = "sampler/remote/mod.rs"]
mod remote_sampler;
#[cfg(not(feature = "otlp-http"))]
#[path = "sampler/remote_absent.rs"]
mod remote_sampler;

#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(not(feature = "prometheus"))]
#[path = "prometheus_absent.rs"]
mod prometheus;

#[cfg(feature = "tracing")]
mod layers;
#[cfg(feature = "tracing")]
mod loggers;
#[cfg(not(feature = "tracing"))]
#[path = "loggers_absent.rs"]
mod loggers;
#[cfg(feature = "tracing")]
mod otel_logs;
#[cfg(feature = "tracing")]
mod subscriber;
#[cfg(not(feature = "tracing"))]
#[path = "subscriber_absent.rs"]
mod subscriber;

#[cfg(feature = "tracing")]
pub use self::subscriber::Subscriber;
pub use self::{
    batch::SpanCounts,
    builder::{Setup, init},
    doctor::TelemetryReport,
    error::{SetupError, ShutdownError},
    sampler::{Tail, TailCounts},
    settings::WhenFull,
    signal::stop_signal,
};

/// What of set-up names OpenTelemetry's types.
pub(crate) mod otel {
    #[cfg(feature = "tracing")]
    pub use super::otel_logs::SetupLogsExt;
    pub use super::{
        otel_types::{SetupExt, meter_provider},
        sampler::{Forcible, ProbabilitySampler},
    };
}
