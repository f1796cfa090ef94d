//! What set-up adds to [`otel`](crate::otel).

pub use opentelemetry_sdk as sdk;

pub use crate::setup::SetupExt;
