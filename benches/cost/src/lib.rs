//! What tracing adds to a request: instructions by callgrind, allocations by a counting allocator. Both are the same in
//! each run of the same build, whatever else the machine does.
//!
//! `cargo run --release --manifest-path benches/cost/Cargo.toml` prints the table; with `--check` it fails if a budget
//! is exceeded. A request goes through an axum router on the measuring thread alone; spans go to the SDK's batch
//! processor, whose own thread is not counted.

#![forbid(unsafe_code)]

pub mod app;
pub mod budget;
mod by_hand;
pub mod logs;
pub mod pipeline;
pub mod request;
pub mod variant;

/// Requests before the first that counts: caches, thread locals and lazy statics are filled then.
pub const WARM_UP: u32 = 50;

/// Requests that count. All cost the same; the mean evens out what is allocated once in a while.
pub const COUNTED: u32 = 200;
