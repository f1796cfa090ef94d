//! What a limited rate lets through, by a clock of the test's own.

use std::time::Instant;

/// A bucket that is full at first and holds a second's worth. Who asks it again and again, and stalls for longer, loses what
/// does not fit.
pub struct Bucket {
    rate: f64,
    held: f64,
    last: Instant,
    given: f64,
}

impl Bucket {
    pub fn full(rate: f64) -> Self {
        Self {
            rate,
            held: rate,
            last: Instant::now(),
            given: 0.0,
        }
    }

    /// Somebody has just asked.
    pub fn asked(&mut self) {
        let filled = self.last.elapsed().as_secs_f64() * self.rate;
        self.last = Instant::now();
        self.held = (self.held + filled).min(self.rate);
        if self.held >= 1.0 {
            self.held -= 1.0;
            self.given += 1.0;
        }
    }

    /// Another bucket of this rate has given as much, about: it was asked a moment before.
    #[track_caller]
    pub fn is_near(&self, given: f64) {
        let least = 0.9 * self.given - 1.0;
        assert!(given >= least, "{given} of {}", self.given);
    }
}
