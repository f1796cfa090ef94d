//! The crates that [`otel`](crate::otel) re-exports, and what set-up adds to it.

pub use opentelemetry;
pub use opentelemetry_sdk as sdk;

pub use crate::setup::{Forcible, ProbabilitySampler, SetupExt};
