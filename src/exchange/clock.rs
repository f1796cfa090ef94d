use std::time::{Instant, SystemTime};

/// The one reading of the clocks at the start. Durations are monotonic; the wall clock only says when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) wall: SystemTime,
    pub(super) monotonic: Instant,
}

impl Clock {
    pub(super) fn now() -> Self {
        Self {
            wall: SystemTime::now(),
            monotonic: Instant::now(),
        }
    }
}
