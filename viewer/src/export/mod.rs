//! A trace in the shapes that other tools read.

pub(crate) mod jaeger;
pub(crate) mod otlp;
mod resources;
pub(crate) mod zipkin;
