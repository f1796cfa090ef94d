//! A token bucket without a lock, and the clock it goes by.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

/// Seconds since some beginning. Cloning is one increment.
#[derive(Clone)]
pub(in crate::setup) struct Clock(Arc<dyn Fn() -> f64 + Send + Sync>);

/// So many a second, and as many at once, or one.
///
/// All its state is one instant: when the bucket will be full again.
#[derive(Debug)]
pub(in crate::setup) struct Bucket {
    rate: f64,
    /// The bits of an `f64`, in seconds.
    full_at: AtomicU64,
    clock: Clock,
}

impl Clock {
    pub(in crate::setup) fn system() -> Self {
        let start = Instant::now();
        Self(Arc::new(move || start.elapsed().as_secs_f64()))
    }

    #[cfg(test)]
    pub(in crate::setup) fn of(now: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    fn now(&self) -> f64 {
        (self.0)()
    }
}

impl Bucket {
    /// A full one. A rate that is no number above 0 gives nothing, ever.
    pub(in crate::setup) fn new(rate: f64, clock: &Clock) -> Self {
        Self {
            rate,
            full_at: AtomicU64::new(f64::NEG_INFINITY.to_bits()),
            clock: clock.clone(),
        }
    }

    /// With as much in it as another has now, as far as there is room.
    pub(in crate::setup) fn succeeding(rate: f64, other: &Self) -> Self {
        let now = other.clock.now();
        let full_at = f64::from_bits(other.full_at.load(Relaxed)).max(now);
        let held = if other.rate > 0.0 {
            room(other.rate) - (full_at - now) * other.rate
        } else {
            0.0
        };
        let missing = (room(rate) - held).max(0.0);
        let bucket = Self::new(rate, &other.clock);
        if rate > 0.0 {
            bucket
                .full_at
                .store((now + missing / rate).to_bits(), Relaxed);
        }
        bucket
    }

    /// Takes one, if there is one.
    pub(in crate::setup) fn take(&self) -> bool {
        if self.rate.is_nan() || self.rate <= 0.0 {
            return false;
        }
        let now = self.clock.now();
        // A hair more, for what additions lose.
        let latest = now + (room(self.rate) + 1e-6) / self.rate;
        let taken = self.full_at.fetch_update(Relaxed, Relaxed, |bits| {
            let next = f64::from_bits(bits).max(now) + 1.0 / self.rate;
            (next <= latest).then_some(next.to_bits())
        });
        taken.is_ok()
    }
}

fn room(rate: f64) -> f64 {
    rate.max(1.0)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, thread};

    use super::*;

    /// A clock that stands still, and what sets it.
    fn still() -> (Clock, impl Fn(f64)) {
        let now = Arc::new(Mutex::new(1000.25));
        let hand = Arc::clone(&now);
        let clock = Clock::of(move || *now.lock().unwrap());
        (clock, move |to| *hand.lock().unwrap() = to)
    }

    fn taken(bucket: &Bucket) -> u32 {
        (0..1000).map(|_| u32::from(bucket.take())).sum()
    }

    #[test]
    fn it_gives_what_it_holds_and_then_the_rate() {
        for (rate, at_once, in_ten_seconds) in [
            (5.0, 5, 50),
            (0.5, 1, 5),
            (1.0, 1, 10),
            (2.5, 2, 25),
            (60.0, 60, 600),
        ] {
            let (clock, set) = still();
            let bucket = Bucket::new(rate, &clock);
            assert_eq!(taken(&bucket), at_once, "{rate}");
            let mut sum = 0;
            for tick in 1..=1000 {
                set(1000.25 + f64::from(tick) / 100.0);
                sum += taken(&bucket);
            }
            assert_eq!(sum, in_ten_seconds, "{rate}");
            // However long nobody takes, it holds no more.
            set(9e5);
            assert_eq!(taken(&bucket), at_once, "{rate}");
        }
    }

    #[test]
    fn no_rate_gives_nothing() {
        let (clock, _) = still();
        for rate in [0.0, -1.0, f64::NAN] {
            assert_eq!(taken(&Bucket::new(rate, &clock)), 0, "{rate}");
        }
    }

    #[test]
    fn another_rate_takes_over_what_is_left() {
        let (clock, set) = still();
        let empty = Bucket::new(5.0, &clock);
        assert_eq!(taken(&empty), 5);
        let slower = Bucket::succeeding(0.5, &empty);
        assert_eq!(taken(&slower), 0);
        set(1002.25);
        assert_eq!(taken(&slower), 1);
        let half = Bucket::new(10.0, &clock);
        assert_eq!((0..6).filter(|_| half.take()).count(), 6);
        assert_eq!(taken(&Bucket::succeeding(20.0, &half)), 4);
        assert_eq!(taken(&Bucket::succeeding(2.0, &half)), 2);
        assert_eq!(taken(&Bucket::succeeding(0.0, &half)), 0);
        assert_eq!(
            taken(&Bucket::succeeding(3.0, &Bucket::new(0.0, &clock))),
            0
        );
    }

    #[test]
    fn threads_share_it() {
        let (clock, _) = still();
        let bucket = Bucket::new(500.0, &clock);
        let sum: u32 = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| taken(&bucket))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(sum, 500);
    }
}
