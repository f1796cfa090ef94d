//! Keep errors and slow requests: record all, and decide when the local root ends.

mod counts;
mod criteria;
mod head;
mod latency;
mod processor;
mod store;

use std::{sync::Arc, time::Duration};

use opentelemetry_sdk::trace::SpanProcessor;

pub(in crate::setup) use self::counts::Counts;
pub use self::counts::TailCounts;
use self::{criteria::Criteria, head::Recording, processor::TailProcessor, store::Bounds};
use super::{Choice, Chosen, ProbabilitySampler, SamplerReads, Site};
use crate::setup::{error::SetupError, settings};

/// Which traces are kept although nobody sampled them when they began: those that failed, and those that were slow.
/// For [`Setup::keep_errors_and_slow`](crate::Setup::keep_errors_and_slow).
///
/// ```
/// use std::time::Duration;
/// use throughline::Tail;
///
/// let tail = Tail::new()
///     .slower_than(Duration::from_millis(500))
///     .slowest_percent_of_route(1.0)
///     .also(0.01);
/// ```
///
/// # When
///
/// Every span is recorded. Those of an undecided trace wait in memory until their *local root* ends: the span of this
/// process that has no parent, or a parent in another process; so the server's span of a request. Then all of them leave
/// together or none does. It is kept if
///
/// - its status is an error: as of a `5xx`, a panic, a caller that left;
/// - it took longer than [`slower_than`](Self::slower_than);
/// - it was among the slowest of its route ([`slowest_percent_of_route`](Self::slowest_percent_of_route)).
///
/// A span that ends after its local root shares the root's fate.
///
/// # What it cannot do
///
/// It decides here, about what happened here. A service that was called, or that called, does not learn of it: requests of an undecided
/// trace say that it is not sampled (`traceparent` ends in `00`), so the others keep their part for reasons of their
/// own or not at all. What is kept is one process's part of a trace, and its parent may be missing. To keep or drop
/// traces as wholes, let a collector sample by their tail.
///
/// # What is sampled from the start
///
/// A caller's decision to sample is followed, and what a sampler samples is sampled, as without this: its spans leave as
/// they end. Of traces without a caller that is the share of [`also`](Self::also); or else what the setup's own sampler samples;
/// or what `OTEL_TRACES_SAMPLER` says, unless that is `parentbased_always_on`, the default. What a caller decided against
/// is undecided here, unless [`follow_callers`](Self::follow_callers) says otherwise.
///
/// # Defaults
///
/// - Errors are kept, slow requests are not until a limit is given.
/// - 50,000 spans and 64 MiB wait at most. Where there is no more room, the oldest trace that waits goes: it is kept if it
///   is slow by then, and lost otherwise.
/// - A trace waits for 60 seconds at most, and goes the same way.
///
/// # Counting
///
/// A kept span says so: `sampling.decision` is `local_tail`, and `sampling.reason` is `error`, `slow` or `slow_for_route`.
/// No probability can be told of it, so its trace state has no `ot=th:…`. `sampling.adjusted_count` is 0 where a share of all
/// traces is sampled by [`also`](Self::also) or [`sample_probability`](crate::Setup::sample_probability), because those
/// stand for this one as well, and else 1: the sum of adjusted counts does not count it twice.
/// [`Telemetry::tail_counts`](crate::Telemetry::tail_counts) says how many spans were kept, discarded and lost; so do the
/// metrics `throughline.tail.span.decided`, by `throughline.tail.decision`, and `throughline.tail.span.waiting`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Tail {
    slower_than: Option<Duration>,
    slowest_percent: Option<f64>,
    also: Option<f64>,
    follows_callers: bool,
    bounds: Bounds,
}

/// What is to go in front of the exporters, and its counts.
#[derive(Debug)]
pub(in crate::setup) struct Deciding {
    tail: Tail,
    adjusted_count: i64,
    counts: Arc<Counts>,
}

impl Tail {
    /// Keeps errors.
    pub fn new() -> Self {
        Self {
            slower_than: None,
            slowest_percent: None,
            also: None,
            follows_callers: false,
            bounds: Bounds {
                spans: 50_000,
                bytes: 64 << 20,
                wait: Duration::from_secs(60),
            },
        }
    }

    /// Keeps what takes longer.
    pub fn slower_than(mut self, limit: Duration) -> Self {
        self.slower_than = Some(limit);
        self
    }

    /// Keeps the slowest of each route, in percent: 1 keeps what is slower than the route's 99th percentile.
    ///
    /// A route is the name of the local root when it ends. The percentile is that of the route's last 1,000 to 2,000 requests, to
    /// about 4 percent; it is learned anew each hundred, and nothing is slow for a route before its first hundred. 1,000
    /// routes have their own; further ones share one.
    ///
    /// What is not above 0 and below 100 is an error of [`init`](crate::Setup::init).
    pub fn slowest_percent_of_route(mut self, percent: f64) -> Self {
        self.slowest_percent = Some(percent);
        self
    }

    /// Samples this share of new traces from their start, from 0 to 1, by
    /// [consistent probability](crate::Setup::sample_probability): the services that are called learn of it.
    ///
    /// What is not from 0 to 1, and another sampler in the same setup, is an error of [`init`](crate::Setup::init).
    pub fn also(mut self, probability: f64) -> Self {
        self.also = Some(probability);
        self
    }

    /// What a caller decided against is not even recorded: it costs as little as without this, and its errors are not kept.
    pub fn follow_callers(mut self) -> Self {
        self.follows_callers = true;
        self
    }

    /// How much may wait for its local root: so many spans, and so many bytes of memory.
    pub fn room(mut self, spans: usize, bytes: usize) -> Self {
        self.bounds.spans = spans;
        self.bounds.bytes = bytes;
        self
    }

    /// How long a trace waits for its local root.
    pub fn wait_at_most(mut self, limit: Duration) -> Self {
        self.bounds.wait = limit;
        self
    }

    /// The sampler in front, and who decides behind it.
    pub(in crate::setup) fn decide(
        self,
        own: Option<Choice>,
        settings: &settings::Sampler,
        site: &Site<'_>,
    ) -> Result<Chosen, SetupError> {
        self.check(own.is_some())?;
        let share = match &own {
            Some(Choice::Probability(share)) => Some(*share),
            Some(_) => None,
            None => self.also,
        };
        let states_share = share.is_some_and(|share| share > 0.0);
        let head = match own {
            Some(own) => own.make(site)?,
            None if self.also.is_some() || *settings == all_new() => {
                let share = ProbabilitySampler::new(self.also.unwrap_or(0.0));
                Chosen::following(Box::new(share), Vec::new())
            }
            None => Chosen::of(settings, site)?,
        };
        let sampler = Box::new(Recording {
            head: head.sampler,
            follows_callers: self.follows_callers,
        });
        let reads = match head.reads {
            // What a caller refused is asked about.
            SamplerReads::Flag => SamplerReads::Parent,
            reads => reads,
        };
        Ok(Chosen {
            sampler,
            reads,
            polling: head.polling,
            tail: Some(Deciding {
                tail: self,
                adjusted_count: i64::from(!states_share),
                counts: Arc::default(),
            }),
        })
    }

    fn check(&self, has_sampler: bool) -> Result<(), SetupError> {
        if let Some(percent) = self.slowest_percent
            && !(percent > 0.0 && percent < 100.0)
        {
            let text =
                format!("Tail::slowest_percent_of_route({percent}) is not between 0 and 100");
            return Err(SetupError::new(text));
        }
        match self.also {
            Some(share) if !(0.0..=1.0).contains(&share) => {
                let text = format!("Tail::also({share}) is not from 0 to 1");
                Err(SetupError::new(text))
            }
            Some(_) if has_sampler => Err(SetupError::new(
                "Tail::also and another sampler of the same setup both say what is sampled from the start",
            )),
            _ => Ok(()),
        }
    }
}

impl Default for Tail {
    fn default() -> Self {
        Self::new()
    }
}

impl Deciding {
    pub(in crate::setup) fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Decides what these get.
    pub(in crate::setup) fn in_front_of(
        self,
        exits: Vec<Box<dyn SpanProcessor>>,
    ) -> Box<dyn SpanProcessor> {
        let criteria = Criteria::new(self.tail.slower_than, self.tail.slowest_percent);
        Box::new(TailProcessor::new(
            criteria,
            self.tail.bounds,
            self.adjusted_count,
            self.counts,
            exits,
        ))
    }
}

/// What is said where nobody says anything.
fn all_new() -> settings::Sampler {
    settings::Sampler::parent_based(settings::Sampler::AlwaysOn)
}
