//! Distributed tracing for Tower and hyper services: one layer on a server, one on a client, one [`init`].
//!
//! ```no_run
//! # #[cfg(all(feature = "axum", feature = "setup"))]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use throughline::{ClientLayer, ServerLayer};
//! use tower::ServiceBuilder;
//!
//! let telemetry = throughline::init()?;
//!
//! // A span for each request that comes in …
//! let app: Router = Router::new()
//!     .route("/orders/{id}", get(|| async { "order" }))
//!     .layer(ServerLayer::new());
//!
//! // … and for each that goes out, which hands the trace on.
//! # let client = tower::service_fn(|_: http::Request<String>| async { Ok::<_, std::io::Error>(http::Response::new(String::new())) });
//! let client = ServiceBuilder::new().layer(ClientLayer::new()).service(client);
//!
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! axum::serve(listener, app)
//!     .with_graceful_shutdown(throughline::stop_signal())
//!     .await?;
//! if let Err(lost) = telemetry.shutdown().await {
//!     eprintln!("{lost}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//!
//! | to | see |
//! |---|---|
//! | trace a server: its defaults, its hooks, and when they run | [`ServerLayer`] |
//! | trace a client, an attempt of a retry, a tonic `Channel` | [`ClientLayer`] |
//! | trace reqwest | the modules `reqwest` and `reqwest_middleware`, features of those names |
//! | send spans somewhere, by the `OTEL_*` variables or in code | [`init`], [`Setup`] |
//! | use an exporter, a sampler, a propagator or a provider of one's own | [`otel`] |
//! | put a layer around a whole axum router | the module `axum` |
//! | name a route from a handler | [`set_route`] |
//! | set an attribute of the request's span from a handler, or fail it | [`request_span`] |
//! | write the trace id into each log line, and export logs | `Subscriber`, the module `logs`, feature `tracing` |
//! | write the trace id into an answer | [`current_ids`], [`ServerLayer::server_timing`] |
//! | go on with the trace of whoever started a batch job, and hand it to a process | [`Telemetry::parent_from_env`], [`Telemetry::inject_env`] |
//! | start a task that belongs to the request | [`spawn`], [`spawn_blocking`], [`carry`] |
//! | take the request's context to a thread or a callback | [`Context`] |
//!
//! # In a handler
//!
//! The request's span is OpenTelemetry's current span, in the handler and across its `.await`s: spans made by the
//! OpenTelemetry API, or by `tracing` through tracing-opentelemetry, are its children, and so are the calls of a
//! [`ClientLayer`].
//!
//! The [`guide`] shows what is done by hand there: a span of one's own, links, logs, errors, baggage, a message in a queue.
//!
//! # What a span says
//!
//! Semantic conventions 1.45.0, for HTTP and gRPC. A request is a gRPC call if its `content-type` says so, and then has
//! RPC attributes and none of HTTP's; its status is that of the trailers. Besides the conventions' own:
//!
//! | attribute | when |
//! |---|---|
//! | `throughline.ending` | `cancelled`: a server's caller left, or a client read no further, unless its status failed already. `upgraded`: the connection became something else; the span covers the handshake |
//! | `throughline.context_lost` | with `Setup::warn_lost_context`: a call had no parent while a request was served |
//! | `sampling.decision` | why a span is here that the sampler left out. `forced`: by [`ServerLayer::force_sampling`]; `local_tail`: it was kept for what it came to, as `sampling.reason` says, by `Tail` |
//! | `throughline.rpc.timeout` | the deadline that a gRPC caller asked for, in milliseconds |
//! | `throughline.rpc.deadline_exceeded` | that deadline had run out when the call was cancelled |
//!
//! `error.type` is a status code, a gRPC code, `cancelled`, `panic`, a word for what broke (`timeout`,
//! `connection_refused`, `connection_reset`, `connection_closed`, `incomplete_message`, `overloaded`, `dns`, …), the name
//! of an error's type, or `_OTHER`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod body;
mod captured;
mod client;
mod config;
mod context;
mod conventions;
mod decision;
mod exchange;
mod forced;
mod future;
mod guard;
pub mod guide;
mod head;
mod label;
mod lost;
mod metrics;
pub mod otel;
mod outcome;
mod process;
mod propagate;
mod protocol;
mod remarks;
mod remote;
mod route;
mod scan;
mod semconv;
mod server;
mod span;
mod span_mut;
mod targets;
mod telemetry;
mod threshold;
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

#[cfg(feature = "setup")]
#[path = "extensions/bound.rs"]
mod bound_extensions;
#[cfg(not(feature = "setup"))]
#[path = "extensions/unbound.rs"]
mod bound_extensions;

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "tracing")]
pub mod logs;
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
#[cfg(feature = "tokio")]
mod tasks;

#[cfg(feature = "tracing")]
pub use crate::setup::Subscriber;
#[cfg(feature = "setup")]
pub use crate::setup::{
    Setup, SetupError, ShutdownError, SpanCounts, Tail, TailCounts, TelemetryReport, WhenFull,
    init, stop_signal,
};
#[cfg(feature = "tokio")]
pub use crate::tasks::{spawn, spawn_blocking};
pub use crate::{
    body::TracedBody,
    client::{Attempts, AttemptsLayer, AttemptsService, ClientLayer, ClientService},
    context::{BaggageError, Carried, CarryExt, Context, carry, current_ids},
    future::ResponseFuture,
    head::{RequestHead, ResponseHead, UriView},
    label::label,
    outcome::{Ending, Outcome},
    propagate::parent::RemoteParent,
    route::{request_span, set_route},
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

/// The README's samples, compiled.
#[cfg(all(doctest, feature = "axum", feature = "otlp-http"))]
#[doc = include_str!("../README.md")]
struct Readme;
