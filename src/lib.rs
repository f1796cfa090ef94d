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
mod head;
mod ids;
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
mod value;

#[cfg(feature = "axum")]
#[path = "extensions/axum.rs"]
mod axum_extensions;
#[cfg(not(feature = "axum"))]
#[path = "extensions/absent.rs"]
mod axum_extensions;
#[cfg(feature = "hyper-util")]
#[path = "extensions/hyper_util.rs"]
mod hyper_util_extensions;
#[cfg(not(feature = "hyper-util"))]
#[path = "extensions/absent.rs"]
mod hyper_util_extensions;
#[cfg(feature = "tonic")]
#[path = "extensions/tonic.rs"]
mod tonic_extensions;
#[cfg(not(feature = "tonic"))]
#[path = "extensions/absent.rs"]
mod tonic_extensions;

#[cfg(feature = "axum")]
pub mod axum;

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
