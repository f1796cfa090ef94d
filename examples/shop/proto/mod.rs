//! The generated code of `pricing.proto`, checked in: building needs no protoc. `shop.v1.rs` was made by
//! tonic-prost-build 0.14.9 from what protox 0.9.1 compiled:
//!
//!     let set = protox::compile(["pricing.proto"], ["."])?;
//!     tonic_prost_build::configure().out_dir(".").compile_fds(set)?;

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]

include!("shop.v1.rs");
