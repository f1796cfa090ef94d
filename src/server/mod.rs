//! The server's side: a span for each request that comes in.

mod force;
mod layer;
mod service;

pub use layer::ServerLayer;
pub use service::ServerService;
