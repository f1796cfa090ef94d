//! One delivery: attempts, and the waits between them, until it is clear what became of it.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};

use super::{Again, Failure, Perhaps, Taken, thread::Haste};

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A collector that asks for more patience is asked again all the same.
const MOST_PATIENCE: Duration = Duration::from_secs(300);
/// Where somebody waits for the end, that nobody answers is believed after so many attempts.
const UNANSWERED: u32 = 3;
/// And that the collector cannot take it now after so many.
const PUT_OFF: u32 = 5;

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::setup) enum Fate {
    Acknowledged(Taken),
    /// The collector refused it.
    Rejected(String),
    /// It refuses all of the signal.
    Unserved(String),
    /// It was not taken, and time ran out.
    Dropped(String),
    /// It was sent, and may have been taken.
    Unknown(String),
}

/// When the next attempt may be made. It outlives a delivery: the next one meets the same collector.
#[derive(Debug, Default)]
pub(in crate::setup) struct Backoff {
    failures: u32,
    next: Option<Instant>,
    /// The collector itself named the time.
    is_asked: bool,
    /// Why the last attempt failed.
    last: Option<Failure>,
    /// Whether what is being delivered may have been taken so far.
    taken: Perhaps,
}

/// What there is of time and of patience.
#[derive(Debug)]
pub(in crate::setup) struct Terms {
    /// For all attempts and the waits between them. `None` is without limit.
    pub(in crate::setup) limit: Option<Duration>,
    pub(in crate::setup) haste: watch::Receiver<Haste>,
}

/// Something that may be tried again.
pub(in crate::setup) trait Attempt: Send {
    fn attempt(&mut self) -> impl Future<Output = Result<Taken, Failure>> + Send;

    /// It failed, and will be tried again.
    fn failed(&self, failure: &Failure);
}

enum Wait {
    Over,
    /// It ends too late.
    TooLong,
}

impl Backoff {
    /// Attempts until one succeeds, is refused for good, or time has run out.
    pub(in crate::setup) async fn deliver(
        &mut self,
        terms: &mut Terms,
        mut what: impl Attempt,
    ) -> Fate {
        let limit = terms.limit;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        self.taken = Perhaps::No;
        let mut hasty = 0;
        loop {
            if let Wait::TooLong = self.wait(deadline, hasty, &mut terms.haste).await {
                return self.end();
            }
            let is_hasty = terms.haste.borrow_and_update().is_on();
            super::quiet::hush();
            let before = std::mem::replace(&mut self.taken, Perhaps::Perhaps);
            let result = match deadline {
                None => what.attempt().await,
                Some(deadline) => timeout_at(deadline, what.attempt())
                    .await
                    .unwrap_or_else(|_| {
                        let limit = limit.unwrap_or_default();
                        Err(Failure {
                            again: Again::Never,
                            ..Failure::silent(format!("it does not answer within {limit:?}"))
                        })
                    }),
            };
            let failure = match result {
                Ok(taken) => {
                    *self = Self::default();
                    return Fate::Acknowledged(taken);
                }
                Err(failure) => failure,
            };
            self.taken = before.max(failure.taken);
            hasty += u32::from(is_hasty);
            let most = match failure.again {
                Again::Never | Again::Unserved => 0,
                Again::Soon => UNANSWERED,
                Again::Later(None) => PUT_OFF,
                Again::Later(Some(_)) => u32::MAX,
            };
            // Failures of deliveries before count: the rest of a queue meets the same collector.
            let is_last = most == 0 || is_hasty && hasty.max(self.failures + 1) >= most;
            if !is_last {
                what.failed(&failure);
            }
            self.failed(failure);
            if is_last {
                return self.end();
            }
        }
    }

    /// Waits for the moment of the next attempt. Haste cuts it short, unless the collector has asked for it.
    async fn wait(
        &self,
        deadline: Option<Instant>,
        hasty: u32,
        haste: &mut watch::Receiver<Haste>,
    ) -> Wait {
        let Some(next) = self.next else {
            return Wait::Over;
        };
        loop {
            let now = *haste.borrow_and_update();
            if now.is_on() && self.is_asked && !now.lasts_until(next) {
                return Wait::TooLong;
            }
            let cuts_short = now.is_on() && !self.is_asked;
            let next = if cuts_short {
                next.min(Instant::now() + wait_after(hasty))
            } else {
                next
            };
            if deadline.is_some_and(|deadline| deadline <= next) {
                return Wait::TooLong;
            }
            if cuts_short {
                sleep_until(next).await;
                return Wait::Over;
            }
            tokio::select! {
                () = sleep_until(next) => return Wait::Over,
                Ok(()) = haste.changed() => {}
            }
        }
    }

    /// Waits, without haste, for the moment of the next attempt.
    pub(in crate::setup) async fn pause(&self, haste: &mut watch::Receiver<Haste>) {
        let _over = self.wait(None, 0, haste).await;
    }

    fn failed(&mut self, failure: Failure) {
        let wait = wait_after(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.is_asked = false;
        let wait = match failure.again {
            Again::Later(Some(asked)) => {
                self.is_asked = true;
                // Not all of its clients at once.
                wait.min(FIRST_WAIT) + asked.min(MOST_PATIENCE)
            }
            Again::Never | Again::Unserved | Again::Soon | Again::Later(None) => wait,
        };
        self.next = Some(Instant::now() + wait);
        self.last = Some(failure);
    }

    /// What it came to, where nobody waits any more for [`deliver`](Self::deliver).
    pub(in crate::setup) fn interrupted(&self) -> Fate {
        match self.end() {
            Fate::Rejected(why) => Fate::Dropped(why),
            other => other,
        }
    }

    /// What it came to, where no attempt succeeded.
    fn end(&self) -> Fate {
        let (why, again) = match &self.last {
            Some(last) => (last.why.clone(), last.again),
            None => ("there was no time for an answer".to_owned(), Again::Soon),
        };
        match (self.taken, again) {
            (Perhaps::Perhaps, _) => Fate::Unknown(why),
            (Perhaps::No, Again::Never) => Fate::Rejected(why),
            (Perhaps::No, Again::Unserved) => Fate::Unserved(why),
            (Perhaps::No, Again::Soon | Again::Later(_)) => Fate::Dropped(why),
        }
    }
}

/// The wait after a failure that so many went before: something from the half of it to all of it.
fn wait_after(failures: u32) -> Duration {
    let longest = FIRST_WAIT
        .saturating_mul(1 << failures.min(16))
        .min(LONGEST_WAIT);
    let random = RandomState::new().build_hasher().finish() >> 32;
    let part = f64::from(u32::try_from(random).unwrap_or_default()) / f64::from(u32::MAX);
    longest.mul_f64(0.5 + part / 2.0)
}
