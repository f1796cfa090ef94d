//! From the environment and a builder to a running pipeline. The SDK enters here and nowhere above.

mod build;
mod builder;
mod endpoint;
mod env;
mod error;
mod exporters;
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
mod watch;

#[cfg(feature = "otlp-http")]
mod otlp;
#[cfg(not(feature = "otlp-http"))]
#[path = "otlp_absent.rs"]
mod otlp;

#[cfg(feature = "prometheus")]
mod prometheus;
#[cfg(not(feature = "prometheus"))]
#[path = "prometheus_absent.rs"]
mod prometheus;

pub use self::{
    builder::{Setup, init},
    error::{SetupError, ShutdownError},
    otel_types::{SetupExt, meter_provider},
    sampler::{Forcible, ProbabilitySampler},
    signal::stop_signal,
};

/// Whether the HTTP client can speak TLS.
#[cfg(feature = "tls")]
const TLS: bool = true;
#[cfg(all(feature = "otlp-http", not(feature = "tls")))]
const TLS: bool = false;
