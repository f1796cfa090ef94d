//! gRPC: real tonic servers and clients over TCP, and raw HTTP/2 where tonic is too well-behaved.

#![allow(unreachable_pub, reason = "nothing reaches into a test")]

mod bad_input;
mod calls;
mod cancelled;
mod codes;
#[path = "../common/mod.rs"]
mod common;
mod deadlines;
mod measured;
mod metadata;
mod neighbours;
mod one_port;
mod propagation;
mod raw;
mod scripted;
#[path = "../proto/mod.rs"]
mod shop;
mod support;
mod unchanged;
