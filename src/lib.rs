//! Distributed tracing for Tower and hyper: one layer on a server, one on a client.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod body;
mod client;
mod config;
mod conventions;
mod current;
mod exchange;
mod future;
mod guard;
mod head;
pub mod otel;
mod outcome;
mod propagate;
mod protocol;
mod remote;
mod route;
mod scan;
mod semconv;
mod server;
mod span;
mod span_mut;
mod targets;
mod telemetry;
mod unrecorded;
mod value;

#[allow(
    dead_code,
    reason = "stands in for each framework whose feature is off"
)]
#[path = "extensions/absent.rs"]
mod absent;

#[cfg(not(feature = "axum"))]
use absent as axum_extensions;
#[cfg(feature = "axum")]
#[path = "extensions/axum.rs"]
mod axum_extensions;
#[cfg(not(feature = "hyper-util"))]
use absent as hyper_util_extensions;
#[cfg(feature = "hyper-util")]
#[path = "extensions/hyper_util.rs"]
mod hyper_util_extensions;
#[cfg(not(feature = "reqwest"))]
use absent as reqwest_extensions;
#[cfg(feature = "reqwest")]
#[path = "extensions/reqwest.rs"]
mod reqwest_extensions;
#[cfg(not(feature = "reqwest-middleware"))]
use absent as reqwest_middleware_extensions;
#[cfg(feature = "reqwest-middleware")]
#[path = "extensions/reqwest_middleware.rs"]
mod reqwest_middleware_extensions;
#[cfg(not(feature = "tonic"))]
use absent as tonic_extensions;
#[cfg(feature = "tonic")]
#[path = "extensions/tonic.rs"]
mod tonic_extensions;

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "setup")]
#[path = "extensions/sdk.rs"]
mod otel_sdk;
#[cfg(not(feature = "setup"))]
#[path = "extensions/no_sdk.rs"]
mod otel_sdk;
#[cfg(feature = "reqwest")]
pub mod reqwest;
#[cfg(feature = "reqwest-middleware")]
#[path = "reqwest/middleware.rs"]
pub mod reqwest_middleware;
#[cfg(feature = "setup")]
mod setup;

#[cfg(feature = "setup")]
pub use crate::setup::{Setup, SetupError, ShutdownError, init, stop_signal};
pub use crate::{
    body::TracedBody,
    client::{Attempts, AttemptsLayer, AttemptsService, ClientLayer, ClientService},
    current::{Carried, carry, current_ids},
    future::ResponseFuture,
    head::{RequestHead, ResponseHead, UriView},
    outcome::{Ending, Outcome},
    propagate::parent::RemoteParent,
    route::set_route,
    semconv::{
        peer::{InvalidNetwork, PeerAddr, TrustedProxies},
        url::Redaction,
    },
    server::{ServerLayer, ServerService},
    span::SpanIds,
    span_mut::SpanMut,
    targets::Targets,
    telemetry::Telemetry,
    value::Value,
};
