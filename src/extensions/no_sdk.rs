//! The crates that [`otel`](crate::otel) re-exports without set-up.

pub use opentelemetry;
