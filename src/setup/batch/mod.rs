//! The span processor: a queue bounded in spans and in bytes, and a worker that takes batches from it to an exporter.
//!
//! It differs from the SDK's own in what it promises: memory is bounded whatever spans hold, the oldest may go first, a
//! collector that cannot take a batch now is asked again, and every span is accounted for.

mod account;
mod component;
mod counts;
mod exit;
mod own;
mod processor;
mod queue;
pub(super) mod size;
mod unique;
mod worker;

pub(super) use self::{
    account::Account, component::Component, counts::Snapshot, exit::Exit, own::Own,
    processor::Processor, queue::Bounds,
};

pub use self::counts::SpanCounts;
