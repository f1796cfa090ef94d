//! What a handler does by hand, on OpenTelemetry's API and with the few helpers of ours: each section of
//! `throughline::guide`.

#![allow(unreachable_pub, reason = "nothing reaches into a test")]

mod app;
mod baggage;
mod carriers;
#[path = "../common/mod.rs"]
mod common;
mod events;
mod references;
mod request;
mod sampling;
mod spans;
