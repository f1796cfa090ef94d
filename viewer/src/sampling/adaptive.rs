//! Rates that follow the traffic: as many traces a second of each operation, whatever comes in.
//!
//! What is stored was sampled, so an operation of which `n` traces a second arrive at rate `p` has `n / p` requests.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::Answer;

/// The counts and the rates. Cloning is one increment.
#[derive(Clone, Debug)]
pub(crate) struct Adaptive(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    target: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since: Instant,
    /// By service and operation.
    operations: BTreeMap<String, BTreeMap<String, Counted>>,
    known: usize,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    /// Traces that began since the last adjustment.
    traces: u64,
    rate: f64,
    /// Nothing came, and it is sampled whole.
    is_idle: bool,
}

/// The service and operation of each trace that began.
#[derive(Debug, Default)]
pub(crate) struct Begun(Vec<(Arc<str>, String)>);

/// How often rates are adjusted.
const EVERY: Duration = Duration::from_secs(10);
/// Rates near enough are left alone.
const TOLERANCE: f64 = 0.3;
/// A rate grows by half at most in a step; it falls at once.
const GROWTH: f64 = 1.5;
const LOWEST: f64 = 1e-5;
/// Operations that are told apart at most.
const MOST: usize = 10_000;

impl Adaptive {
    pub(super) fn new(target: f64) -> Self {
        Self(Arc::new(Shared {
            target,
            state: Mutex::new(State {
                since: Instant::now(),
                operations: BTreeMap::new(),
                known: 0,
            }),
        }))
    }

    /// Counts the traces that began.
    pub(crate) fn count(&self, begun: &Begun) {
        let mut state = self.state();
        for (service, operation) in &begun.0 {
            state.count(service, operation);
        }
    }

    pub(super) async fn run(&self) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            let now = Instant::now();
            self.state().adjust(self.0.target, now);
        }
    }

    /// New operations are sampled whole until they were counted; rare ones are heard of once a minute.
    pub(super) fn answer(&self, service: &str) -> Answer {
        const ONCE_A_MINUTE: f64 = 1.0 / 60.0;
        let state = self.state();
        let operations: Vec<_> = state
            .operations
            .get(service)
            .into_iter()
            .flatten()
            .map(|(name, counted)| (name.clone(), counted.rate))
            .collect();
        Answer::probabilistic(1.0).with_operations(1.0, ONCE_A_MINUTE, operations)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    pub(crate) fn add(&mut self, service: &Arc<str>, operation: &str) {
        self.0.push((Arc::clone(service), operation.to_owned()));
    }
}

impl State {
    fn count(&mut self, service: &str, operation: &str) {
        let found = self
            .operations
            .get_mut(service)
            .and_then(|operations| operations.get_mut(operation));
        if let Some(counted) = found {
            counted.traces += 1;
        } else if self.known < MOST {
            self.known += 1;
            self.operations
                .entry(service.to_owned())
                .or_default()
                .insert(
                    operation.to_owned(),
                    Counted {
                        traces: 1,
                        rate: 1.0,
                        is_idle: false,
                    },
                );
        }
    }

    fn adjust(&mut self, target: f64, now: Instant) {
        let seconds = now.duration_since(self.since).as_secs_f64();
        self.since = now;
        if seconds <= 0.0 {
            return;
        }
        for counted in self.operations.values_mut().flat_map(BTreeMap::values_mut) {
            let seen = std::mem::take(&mut counted.traces) as f64 / seconds;
            counted.is_idle = false;
            let is_near = (seen - target).abs() <= target * TOLERANCE;
            if is_near {
                continue;
            }
            let wanted = if seen > 0.0 {
                counted.rate * target / seen
            } else {
                f64::INFINITY
            };
            counted.rate = wanted.min(counted.rate * GROWTH).clamp(LOWEST, 1.0);
            counted.is_idle = seen == 0.0 && counted.rate >= 1.0;
        }
        self.forget_idle();
    }

    /// Those that nothing is known of any more are as new ones: names that strangers make up leave room.
    fn forget_idle(&mut self) {
        self.operations.retain(|_, operations| {
            operations.retain(|_, counted| !counted.is_idle);
            !operations.is_empty()
        });
        self.known = self.operations.values().map(BTreeMap::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    };

    use super::*;
    use crate::store::{Place, Store};

    #[tokio::test]
    async fn a_trace_that_is_sent_again_is_counted_once() {
        let adaptive = Adaptive::new(1.0);
        let store = Store::open(&Place::default()).unwrap();
        store.tell(adaptive.clone());
        let span = |trace: u8, id: u8| Span {
            trace_id: vec![trace; 16],
            span_id: vec![id; 8],
            name: "GET /".to_owned(),
            ..Span::default()
        };
        let send = async |spans: Vec<Span>| {
            let of_scope = ScopeSpans {
                spans,
                ..ScopeSpans::default()
            };
            let resource_spans = vec![ResourceSpans {
                scope_spans: vec![of_scope],
                ..ResourceSpans::default()
            }];
            let request = ExportTraceServiceRequest { resource_spans };
            store.accept(request).await.unwrap();
            adaptive.state().operations["unknown_service"]["GET /"].traces
        };
        assert_eq!(send(vec![span(1, 1), span(1, 1)]).await, 1);
        assert_eq!(send(vec![span(1, 1)]).await, 1, "it was tried again");
        assert_eq!(send(vec![span(1, 1), span(2, 1)]).await, 2);
    }

    #[test]
    fn names_that_do_not_come_again_leave_room_for_others() {
        let mut state = State {
            since: Instant::now(),
            operations: BTreeMap::new(),
            known: 0,
        };
        for number in 0..MOST {
            state.count("stranger", &number.to_string());
        }
        state.count("shop", "GET /");
        assert!(!state.operations.contains_key("shop"), "there is no room");
        // 100 a second of one of them, which is sampled less.
        for _ in 0..1000 {
            state.count("stranger", "7");
        }
        let mut now = state.since;
        for _ in 0..2 {
            now += EVERY;
            state.adjust(5.0, now);
        }
        assert_eq!(state.known, 1);
        assert!(state.operations["stranger"]["7"].rate < 1.0);
        state.count("shop", "GET /");
        assert_eq!(state.operations["shop"]["GET /"].traces, 1);
    }

    /// A service of 1,000 requests a second that obeys.
    #[test]
    fn the_rate_settles_at_the_target() {
        let mut state = State {
            since: Instant::now(),
            operations: BTreeMap::new(),
            known: 0,
        };
        let mut now = state.since;
        let mut rate = 1.0;
        for _ in 0..20 {
            let sampled = (1000.0 * 10.0 * rate) as u64;
            for _ in 0..sampled {
                state.count("shop", "GET /");
            }
            now += Duration::from_secs(10);
            state.adjust(5.0, now);
            rate = state.operations["shop"]["GET /"].rate;
        }
        let seen = 1000.0 * rate;
        assert!((3.5..=6.5).contains(&seen), "{seen} traces a second");
    }
}
