use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};

use http::StatusCode;

/// How far the response has come, and how far it will go.
#[derive(Debug, Default)]
pub(super) struct Progress {
    status: AtomicU16,
    size: AtomicU64,
    /// How many bytes the body says it has; [`UNKNOWN`] where it does not.
    expected: AtomicU64,
    /// What the request's method says of the response: `HEAD` has no body, `CONNECT` becomes a tunnel.
    is_head: bool,
    is_connect: bool,
}

/// No body is this long.
const UNKNOWN: u64 = u64::MAX;

impl Progress {
    /// Begins anew, with the response to a request of this method.
    #[inline(always)]
    pub(super) fn begin(&mut self, method: &str) {
        *self = Self {
            status: AtomicU16::new(0),
            size: AtomicU64::new(0),
            expected: AtomicU64::new(UNKNOWN),
            is_head: method == "HEAD",
            is_connect: method == "CONNECT",
        };
    }

    pub(super) fn head(&self, status: StatusCode) {
        self.status.store(status.as_u16(), Relaxed);
    }

    /// The status, if there was a head.
    pub(super) fn status(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.status.load(Relaxed)).ok()
    }

    /// Whether the connection becomes something else with this status.
    pub(super) fn is_upgrade(&self, status: StatusCode) -> bool {
        status == StatusCode::SWITCHING_PROTOCOLS || (self.is_connect && status.is_success())
    }

    pub(super) fn declare(&self, size: u64) {
        self.expected.store(size, Relaxed);
    }

    /// Whether there is nothing to come: nobody polls a body that is empty, or that the protocol has no room for.
    pub(super) fn is_bodiless(&self) -> bool {
        self.expected.load(Relaxed) == 0
            || self.is_head
            || matches!(self.status.load(Relaxed), 204 | 304)
    }

    /// A data frame passed. Answers whether it was the last one by the length that was expected: whoever sends a body of
    /// known length does not ask for more.
    pub(super) fn count(&self, bytes: usize) -> bool {
        // One writer: no need for an addition that is atomic as a whole.
        let sum = self.size().saturating_add(bytes as u64);
        self.size.store(sum, Relaxed);
        sum >= self.expected.load(Relaxed)
    }

    /// The bytes that passed.
    pub(super) fn size(&self) -> u64 {
        self.size.load(Relaxed)
    }
}
