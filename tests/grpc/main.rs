//! gRPC: real tonic servers and clients over TCP, and raw HTTP/2 where tonic is too well-behaved.

#![allow(unreachable_pub, reason = "nothing reaches into a test")]

mod bad_input;
mod calls;
mod cancelled;
mod codes;
#[path = "../common/mod.rs"]
mod common;
mod deadlines;
mod metadata;
mod neighbours;
mod propagation;
mod raw;
mod support;
mod unchanged;

/// Generated, see the file's head.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
mod shop {
    include!("../proto/shop.v1.rs");
}
