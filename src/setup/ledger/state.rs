//! When people are told.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{Collector, Settled, words::Telling};
use crate::setup::transport::{Taken, delivery::Fate};

/// What comes and goes is told of no more often than this, each kind for itself.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);
/// As much as is repeated of what a collector says.
const QUOTE: usize = 200;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) settled: Settled,
    outage: Option<Outage>,
    warned: Warned,
    /// As much of what is lost as people know of.
    pub(super) told: u64,
    /// And of what the queue had no room for.
    pub(super) told_full: u64,
    /// The last message that was told of a collector that took a part.
    partial: Option<String>,
    /// Why the last that was lost was.
    pub(super) cause: Option<String>,
}

/// From the first failure to the next success.
#[derive(Debug, Default)]
struct Outage {
    failures: u32,
    /// That nobody is there, or that it is put off.
    gone: Told,
    /// That it is refused.
    refused: Told,
    /// It was another signal's for a while, and told by that one.
    followed: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    No,
    /// By another signal that goes to the same collector.
    Elsewhere,
    Here,
}

/// When people were last warned of each kind of trouble.
#[derive(Debug, Default)]
struct Warned {
    gone: Turn,
    refused: Turn,
    partial: Turn,
    full: Turn,
}

#[derive(Debug, Default)]
struct Turn(Option<Instant>);

impl State {
    pub(super) fn settle(
        &mut self,
        count: u64,
        fate: Fate,
        collector: &Collector,
    ) -> Option<Telling> {
        match fate {
            Fate::Acknowledged(taken) => {
                collector.is_told.store(false, Ordering::Release);
                self.acknowledged(count, taken)
            }
            Fate::Rejected(why) => {
                self.settled.rejected += count;
                self.refused(count, &why)
            }
            Fate::Unserved(why) => {
                self.settled.rejected += count;
                // It is no news when it ends.
                self.told += count;
                self.refused(count, &why)
                    .map(|_refused| Telling::Unserved(why))
            }
            Fate::Dropped(why) => {
                self.settled.undelivered += count;
                self.gone(&why, 1, Some(collector))
            }
            Fate::Unknown(why) => {
                self.settled.unknown += count;
                self.gone(&why, 1, Some(collector))
            }
        }
    }

    /// It does not get there. It is told at the failure of this number, unless another signal told it of the same collector.
    pub(super) fn gone(
        &mut self,
        why: &str,
        at: u32,
        others: Option<&Collector>,
    ) -> Option<Telling> {
        self.cause = Some(why.to_owned());
        let outage = self.outage.get_or_insert_default();
        if outage.gone == Told::Elsewhere && others.is_some_and(|all| !all.is_told()) {
            // The other signal is well again, and this one may be a moment behind.
            outage.gone = Told::No;
            outage.followed = true;
            outage.failures = 0;
            return None;
        }
        outage.failures = outage.failures.saturating_add(1);
        if outage.gone != Told::No || outage.failures < at || !self.warned.gone.has_come() {
            return None;
        }
        if others.is_some_and(|all| all.is_told.swap(true, Ordering::AcqRel)) {
            outage.gone = Told::Elsewhere;
            return None;
        }
        outage.gone = Told::Here;
        self.warned.gone.take();
        Some(Telling::Gone(why.to_owned()))
    }

    /// Somebody is there, and does not want it.
    fn refused(&mut self, count: u64, why: &str) -> Option<Telling> {
        self.cause = Some(why.to_owned());
        let outage = self.outage.get_or_insert_default();
        outage.failures = outage.failures.saturating_add(1);
        if outage.refused != Told::No || !self.warned.refused.has_come() {
            return None;
        }
        outage.refused = Told::Here;
        self.warned.refused.take();
        Some(Telling::Refused(count, why.to_owned()))
    }

    fn acknowledged(&mut self, count: u64, taken: Taken) -> Option<Telling> {
        let rejected = taken.rejected.min(count);
        let outage = self.outage.take();
        // What of this is rejected is no part of the outage.
        let back = outage.and_then(|outage| self.back(&outage));
        self.settled.acknowledged += count - rejected;
        self.settled.rejected += rejected;
        let says_something = rejected > 0 || !taken.message.is_empty();
        let is_new = says_something && self.partial.as_ref() != Some(&taken.message);
        if back.is_some() || !is_new || !self.warned.partial.has_come() {
            return back;
        }
        self.warned.partial.take();
        let message = quoted(&taken.message);
        self.partial = Some(taken.message);
        Some(Telling::Partial(rejected, message))
    }

    /// Why a collector left some out, if it did.
    pub(super) fn left_out(&self) -> Option<String> {
        let message = self
            .partial
            .as_ref()
            .filter(|_| self.settled.rejected > 0)?;
        let message = quoted(message);
        Some(format!("some were rejected, as it says: {message:?}"))
    }

    /// One tells that it is over who told that it began. Others have something to say if they have lost something.
    fn back(&mut self, outage: &Outage) -> Option<Telling> {
        let lost = self.settled.lost() - self.told;
        let told = [outage.gone, outage.refused];
        let is_elsewhere = outage.followed || told.contains(&Told::Elsewhere);
        let is_told = told.contains(&Told::Here) || is_elsewhere && lost > 0;
        if !is_told {
            return None;
        }
        self.told += lost;
        self.told_full = self.settled.queue_full;
        Some(Telling::Back(lost))
    }

    pub(super) fn full(&mut self) -> Option<Telling> {
        let is_news = self.settled.queue_full > self.told_full;
        // An outage tells of it at its end.
        if !is_news || self.outage.is_some() || !self.warned.full.has_come() {
            return None;
        }
        self.warned.full.take();
        // What else is lost is no matter of room, and still to be told.
        let lost = self.settled.queue_full - self.told_full;
        self.told += lost;
        self.told_full = self.settled.queue_full;
        Some(Telling::Full(lost))
    }
}

/// As much of it as is repeated.
fn quoted(message: &str) -> String {
    message.chars().take(QUOTE).collect()
}

impl Turn {
    fn has_come(&self) -> bool {
        self.0.is_none_or(|last| last.elapsed() >= BETWEEN_WARNINGS)
    }

    fn take(&mut self) {
        self.0 = Some(Instant::now());
    }
}
