//! A trace viewer with nothing to install: OTLP in, a bounded store, a web page.

mod batch;
mod ids;
mod ingest;
mod page;
mod server;
mod store;

pub use crate::{
    ids::{SpanId, TraceId},
    server::{Options, StartError, Viewer},
    store::{Found, Place, Search, Store, StoreError, Stored, StoredLog, Tally, Whole},
};
