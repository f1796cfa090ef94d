//! What became of everything one exporter was given; and telling people once when it stops arriving, and once when it
//! arrives again.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    report::Report,
    transport::{Again, Failure, Taken, delivery::Fate, quiet::aloud},
};

/// A collector that answers now and fails then is told of no more often than this.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);
/// As much as is repeated of what a collector says.
const QUOTE: usize = 200;

/// The account of one exporter.
#[derive(Debug)]
pub(super) struct Ledger {
    signal: Signal,
    /// Where it goes, for people.
    target: String,
    report: Report,
    collector: Arc<Collector>,
    state: Mutex<State>,
}

/// What all signals that go to one collector know of it.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// One of them told that nobody answers.
    is_told: AtomicBool,
}

/// What is exported, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Spans,
    LogRecords,
    DataPoints,
}

/// Sums of what is settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) acknowledged: u64,
    pub(super) rejected: u64,
    pub(super) undelivered: u64,
    pub(super) unknown: u64,
    /// As the queue says; the newest are not in it yet.
    queue_full: u64,
}

#[derive(Debug, Default)]
struct State {
    settled: Settled,
    outage: Option<Outage>,
    warned: Option<Instant>,
    /// As much of what is lost as people know of.
    told: u64,
    /// The last message of a collector that took a part.
    partial: Option<String>,
    /// Why the last that was lost was.
    cause: Option<String>,
}

#[derive(Debug, Default)]
struct Outage {
    failures: u32,
    is_told: bool,
}

/// Something to tell once the account is closed again.
enum Telling {
    Gone(String),
    Unserved(String),
    Back(u64),
    Partial(u64, String),
    Full(u64),
}

impl Ledger {
    pub(super) fn new(
        signal: Signal,
        target: String,
        report: Report,
        collector: Arc<Collector>,
    ) -> Self {
        Self {
            signal,
            target,
            report,
            collector,
            state: Mutex::default(),
        }
    }

    /// An attempt failed, and there will be another.
    pub(super) fn failed(&self, failure: &Failure) {
        let mut state = self.state();
        let telling = state.gone(&failure.why, 2);
        drop(state);
        self.tell(telling, failure.again == Again::Soon);
    }

    /// So many of them came to this.
    pub(super) fn settle(&self, count: u64, fate: Fate) {
        let is_silent = matches!(fate, Fate::Dropped(_) | Fate::Unknown(_));
        let mut state = self.state();
        let telling = match fate {
            Fate::Acknowledged(taken) => {
                self.collector.is_told.store(false, Ordering::Release);
                state.acknowledged(count, taken)
            }
            Fate::Rejected(why) => {
                state.settled.rejected += count;
                state.gone(&why, 1)
            }
            Fate::Unserved(why) => {
                state.settled.rejected += count;
                // It is no news when it ends.
                state.told += count;
                state.gone(&why, 1).map(|_| Telling::Unserved(why))
            }
            Fate::Dropped(why) => {
                state.settled.undelivered += count;
                state.gone(&why, 1)
            }
            Fate::Unknown(why) => {
                state.settled.unknown += count;
                state.gone(&why, 1)
            }
        };
        drop(state);
        self.tell(telling, is_silent);
    }

    /// So many in all had no room in the queue, since the beginning.
    pub(super) fn queue_full(&self, sum: u64) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.settled.queue_full, sum);
        let telling = state.full(sum.saturating_sub(before));
        drop(state);
        self.tell(telling, false);
    }

    pub(super) fn settled(&self) -> Settled {
        self.state().settled
    }

    /// The end came before it was known what became of these.
    pub(super) fn interrupted(&self, count: u64, fate: &Fate) {
        let settled = &mut self.state().settled;
        match fate {
            Fate::Unknown(_) => settled.unknown += count,
            _ => settled.undelivered += count,
        }
    }

    /// How much is lost of which nobody was told; with what the queue had no room for in all.
    pub(super) fn untold_of(&self, queue_full: u64) -> (u64, Option<String>) {
        let state = self.state();
        let newest = queue_full.saturating_sub(state.settled.queue_full);
        let lost = state.settled.lost() + newest - state.told;
        (lost, state.cause.clone())
    }

    /// How much is lost of which nobody was told, and why the last of it was.
    pub(super) fn untold(&self) -> (u64, Option<String>) {
        self.untold_of(0)
    }

    /// What nobody answers to, one signal tells for all.
    fn tell(&self, telling: Option<Telling>, is_silent: bool) {
        let Some(telling) = telling else {
            return;
        };
        let is_gone = is_silent && matches!(telling, Telling::Gone(_));
        if is_gone && self.collector.is_told.swap(true, Ordering::AcqRel) {
            return;
        }
        let Self { signal, target, .. } = self;
        aloud(|| {
            match telling {
            Telling::Gone(why) => self.report.warn(&format!(
                "cannot send {signal} to {target}: {why}; what cannot wait is lost until it works again, which will \
                 be reported"
            )),
            Telling::Unserved(why) => self.report.warn(&format!(
                "{target} takes no {signal}: {why}; where it is not meant to, {}=none sends none",
                signal.variable()
            )),
            Telling::Back(lost) => self.report.info(&format!(
                "{signal} reach {target} again; {} lost in between",
                Count(lost, *signal)
            )),
            Telling::Partial(0, message) => self.report.warn(&format!(
                "{target} took all {signal}, and says: {message:?}"
            )),
            Telling::Partial(rejected, message) => self.report.warn(&format!(
                "{target} rejected some {signal}, at first {rejected}, and says: {message:?}"
            )),
            Telling::Full(lost) => self.report.warn(&format!(
                "more {signal} end than are sent to {target}: {} lost for want of room in the queue",
                Count(lost, *signal)
            )),
        }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// It does not work. It is told at the failure of this number.
    fn gone(&mut self, why: &str, at: u32) -> Option<Telling> {
        self.cause = Some(why.to_owned());
        let may_warn = self.may_warn();
        let outage = self.outage.get_or_insert_default();
        outage.failures = outage.failures.saturating_add(1);
        if outage.is_told || outage.failures < at || !may_warn {
            return None;
        }
        outage.is_told = true;
        self.warned = Some(Instant::now());
        Some(Telling::Gone(why.to_owned()))
    }

    fn acknowledged(&mut self, count: u64, taken: Taken) -> Option<Telling> {
        let rejected = taken.rejected.min(count);
        self.settled.acknowledged += count - rejected;
        self.settled.rejected += rejected;
        let outage = self.outage.take();
        let is_new = !taken.message.is_empty() && self.partial.as_ref() != Some(&taken.message);
        if rejected > 0 || is_new {
            let message: String = taken.message.chars().take(QUOTE).collect();
            let is_first = self.partial.replace(taken.message).is_none();
            if is_first || is_new && self.may_warn() {
                self.warned = Some(Instant::now());
                return Some(Telling::Partial(rejected, message));
            }
        }
        if !outage?.is_told {
            return None;
        }
        let lost = self.settled.lost() - self.told;
        self.told += lost;
        Some(Telling::Back(lost))
    }

    fn full(&mut self, lost: u64) -> Option<Telling> {
        // An outage tells of it at its end.
        if lost == 0 || self.outage.is_some() || !self.may_warn() {
            return None;
        }
        self.warned = Some(Instant::now());
        let lost = self.settled.lost() - self.told;
        self.told += lost;
        Some(Telling::Full(lost))
    }

    fn may_warn(&self) -> bool {
        self.warned
            .is_none_or(|warned| warned.elapsed() >= BETWEEN_WARNINGS)
    }
}

impl Settled {
    pub(super) fn lost(&self) -> u64 {
        self.rejected + self.undelivered + self.unknown + self.queue_full
    }

    /// All of which is known what became of them.
    pub(super) fn sum(&self) -> u64 {
        self.acknowledged + self.lost()
    }
}

impl Signal {
    fn variable(self) -> &'static str {
        match self {
            Self::Spans => "OTEL_TRACES_EXPORTER",
            Self::LogRecords => "OTEL_LOGS_EXPORTER",
            Self::DataPoints => "OTEL_METRICS_EXPORTER",
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Spans => "span",
            Self::LogRecords => "log record",
            Self::DataPoints => "metric data point",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.one())
    }
}

/// A number of them, in words, with the verb that follows.
pub(super) struct Count(pub(super) u64, pub(super) Signal);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.0 == 1 { "was" } else { "were" };
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural} {verb}", self.0, self.1.one())
    }
}
