//! The ways in.

pub(crate) mod grpc;
pub(crate) mod http;
mod zipkin;
