//! The client's side: a span for each attempt that goes out.

mod attempts;
mod layer;
pub(crate) mod service;

pub use attempts::{Attempts, AttemptsLayer, AttemptsService};
pub use layer::ClientLayer;
pub use service::ClientService;
