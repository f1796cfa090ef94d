//! A trace as people look at it: a forest of spans, whatever arrived of it.

mod compare;
mod critical;
mod fold;
mod skew;
#[cfg(test)]
mod tests;
mod tree;

use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

pub(crate) use self::{
    compare::{Median, Pair, compare},
    fold::{Folded, fold},
    tree::{Node, Oddity, Tree},
};
use crate::store::Stored;

/// `SPAN_KIND_SERVER`.
const SERVER: i32 = 2;
/// `SPAN_KIND_CLIENT`.
const CLIENT: i32 = 3;

impl Stored {
    /// Nanoseconds since 1970.
    pub(crate) fn start(&self) -> u64 {
        self.span.start_time_unix_nano
    }

    /// Nanoseconds since 1970; never before the start.
    pub(crate) fn finish(&self) -> u64 {
        self.span.end_time_unix_nano.max(self.start())
    }

    pub(crate) fn is_error(&self) -> bool {
        self.span
            .status
            .as_ref()
            .is_some_and(|status| status.code == StatusCode::Error as i32)
    }
}
