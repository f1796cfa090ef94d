//! A trace viewer with nothing to install: OTLP in, a bounded store, a web page.

mod api;
mod batch;
mod embed;
mod export;
mod ids;
mod ingest;
mod origin;
mod page;
mod print;
mod safety;
mod sampling;
mod server;
mod store;

mod trace;

pub use crate::{
    embed::Exporter,
    ids::{SpanId, TraceId},
    sampling::{Mode, SamplingError},
    server::{Options, StartError, Viewer},
    store::{Calls, Found, Place, Search, Store, StoreError, Stored, StoredLog, Tally, Whole},
};
