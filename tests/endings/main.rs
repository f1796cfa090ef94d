//! A span ends once, at the end of its exchange, and says how that was.

#[path = "../common/mod.rs"]
mod common;

mod active;
mod bodies;
mod client;
mod disconnects;
mod panics;
mod upgrades;
