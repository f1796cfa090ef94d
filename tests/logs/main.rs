//! Logs: lines with the ids of their trace, `tracing` spans in the trace, log records with the same ids.

#[path = "../common/mod.rs"]
mod common;

#[path = "../collector/mod.rs"]
mod collector;
mod export;
mod format;
mod kept;
mod lines;
mod parts;
