//! How long the requests of a route take, of those that are slowest.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sketches_ddsketch::{Config, DDSketch};

use crate::setup::sampler::names::Names;

/// The slowest of each route.
#[derive(Debug)]
pub(super) struct Routes {
    quantile: f64,
    known: Names<Mutex<Route>>,
    /// Of names for which there was no room.
    rest: Mutex<Route>,
}

/// The requests of a route of late.
struct Route {
    /// Above it they are slow, in seconds. It is learned anew each [`STEP`].
    limit: f64,
    recent: DDSketch,
    /// Those of the window before.
    earlier: Option<DDSketch>,
    seen: u32,
}

impl Routes {
    pub(super) fn new(slowest_percent: f64) -> Self {
        Self {
            quantile: 1.0 - slowest_percent / 100.0,
            known: Names::new(HashMap::new(), ROUTES),
            rest: Mutex::default(),
        }
    }

    /// Whether this one is among the slowest. The route learns of it.
    pub(super) fn is_slow(&self, name: &str, lasted: Duration) -> bool {
        let look = |route: &Mutex<Route>| {
            let mut route = route.lock().unwrap_or_else(PoisonError::into_inner);
            route.is_slow(lasted.as_secs_f64(), self.quantile)
        };
        let known = self.known.with(name, Mutex::default, look);
        known.unwrap_or_else(|| look(&self.rest))
    }
}

impl Route {
    fn is_slow(&mut self, seconds: f64, quantile: f64) -> bool {
        let is_slow = seconds > self.limit;
        self.recent.add(seconds);
        self.seen += 1;
        if self.seen.is_multiple_of(STEP) {
            self.learn(quantile);
        }
        is_slow
    }

    fn learn(&mut self, quantile: f64) {
        let mut all = self.recent.clone();
        if let Some(earlier) = &self.earlier {
            // They are of one configuration.
            all.merge(earlier).ok();
        }
        if let Ok(Some(seconds)) = all.quantile(quantile) {
            // As far above as the estimate may be below: requests that all take the same time are not all slow.
            self.limit = seconds * (1.0 + 2.0 * ACCURACY);
        }
        if self.seen >= WINDOW {
            self.earlier = Some(std::mem::replace(&mut self.recent, sketch()));
            self.seen = 0;
        }
    }
}

impl Default for Route {
    fn default() -> Self {
        Self {
            limit: f64::INFINITY,
            recent: sketch(),
            earlier: None,
            seen: 0,
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

fn sketch() -> DDSketch {
    DDSketch::new(Config::new(ACCURACY, BINS, SHORTEST))
}

/// Names that have a sketch of their own.
const ROUTES: usize = 1000;

/// Requests of one window, and between two looks at it.
const WINDOW: u32 = 1000;
const STEP: u32 = 100;

/// How far off a quantile may be, of itself.
const ACCURACY: f64 = 0.02;

/// Eight bytes each. Where they do not suffice, the fastest requests share one.
const BINS: u32 = 256;

/// Seconds. What is shorter is as good as nothing.
const SHORTEST: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds that are spread evenly up to this, in no order.
    fn spread(most: u64) -> impl Iterator<Item = Duration> {
        (0..).map(move |at: u64| Duration::from_millis(at.wrapping_mul(7919) % most + 1))
    }

    fn slow(
        routes: &Routes,
        name: &str,
        count: usize,
        of: impl Iterator<Item = Duration>,
    ) -> usize {
        of.take(count)
            .filter(|lasted| routes.is_slow(name, *lasted))
            .count()
    }

    #[test]
    fn about_the_share_that_was_asked_for_is_slow() {
        for percent in [1.0, 5.0, 20.0] {
            let routes = Routes::new(percent);
            assert_eq!(slow(&routes, "a", 100, spread(1000)), 0, "it learns first");
            let found = slow(&routes, "a", 10_000, spread(1000)) as f64;
            let most = 10_000.0 * percent / 100.0;
            // What is within the accuracy of the limit is not slow.
            assert!(found <= most * 1.1, "{percent}: {found}");
            assert!(found >= most - 400.0, "{percent}: {found}");
        }
        // The one that sticks out is.
        let routes = Routes::new(1.0);
        slow(&routes, "a", 1000, spread(100));
        assert!(routes.is_slow("a", Duration::from_millis(120)));
        assert!(!routes.is_slow("a", Duration::from_millis(90)));
        // Of its own route.
        assert!(!routes.is_slow("b", Duration::from_secs(9)));
    }

    #[test]
    fn equals_are_not_slow() {
        let routes = Routes::new(1.0);
        let same = std::iter::repeat(Duration::from_micros(5123));
        assert_eq!(slow(&routes, "a", 10_000, same), 0);
        let nothing = std::iter::repeat(Duration::ZERO);
        assert_eq!(slow(&routes, "b", 10_000, nothing), 0);
    }

    #[test]
    fn a_route_that_becomes_slower_is_learned_anew() {
        let routes = Routes::new(1.0);
        slow(&routes, "a", 5000, spread(10));
        let found = slow(&routes, "a", 5000, spread(1000).map(|lasted| lasted * 2));
        assert!(found <= 200, "{found}");
        // And one that becomes faster, after two windows.
        slow(&routes, "a", 2100, spread(10));
        assert!(routes.is_slow("a", Duration::from_millis(15)));
    }

    #[test]
    fn names_without_end_share_one() {
        let routes = Routes::new(1.0);
        for name in 0..ROUTES {
            routes.is_slow(&name.to_string(), Duration::ZERO);
        }
        for (name, lasted) in spread(100).take(1000).enumerate() {
            routes.is_slow(&format!("more {name}"), lasted);
        }
        assert!(routes.is_slow("another", Duration::from_millis(120)));
        assert!(!routes.is_slow("another", Duration::from_millis(90)));
    }
}
