//! What hooks and handlers say of an exchange while it lasts, and its end respects.

use std::{
    borrow::Cow,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{metrics::Labels, outcome::Verdict, value::Value};

/// What was said of an exchange. That nothing was is seen without the lock.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    is_any: AtomicBool,
    made: Mutex<Made>,
}

/// A word on whether the exchange failed.
#[derive(Clone, Debug)]
pub(crate) enum Override {
    /// `error.type`, and the status description where it has one to give.
    Error(Cow<'static, str>, Option<Cow<'static, str>>),
    NoError,
}

#[derive(Debug, Default)]
struct Made {
    /// The last word.
    verdict: Option<Override>,
    labels: Labels,
}

impl Remarks {
    pub(crate) fn decide(&self, verdict: Override) {
        self.make().verdict = Some(verdict);
    }

    pub(crate) fn label(&self, name: Cow<'static, str>, value: Value<'_>) {
        self.make().labels.set(name, value);
    }

    /// Replaces the verdict by the one that was said.
    #[inline]
    pub(crate) fn overrule(&self, verdict: &mut Verdict) {
        if let Some(made) = self.made() {
            made.overrule(verdict);
        }
    }

    /// Shows the labels, of which there may be none.
    #[inline]
    pub(crate) fn with_labels<T>(&self, look: impl FnOnce(&Labels) -> T) -> T {
        match self.made() {
            Some(made) => look(&made.labels),
            None => look(&Labels::default()),
        }
    }

    #[inline]
    pub(crate) fn has_labels(&self) -> bool {
        self.made().is_some_and(|made| !made.labels.is_empty())
    }

    /// Forgets all, and keeps its room: the next exchange allocates none.
    #[inline]
    pub(crate) fn clear(&mut self) {
        if *self.is_any.get_mut() {
            *self.is_any.get_mut() = false;
            let made = self.made.get_mut().unwrap_or_else(PoisonError::into_inner);
            made.verdict = None;
            made.labels.clear();
        }
    }

    fn make(&self) -> MutexGuard<'_, Made> {
        let made = self.lock();
        self.is_any.store(true, Ordering::Release);
        made
    }

    #[inline]
    fn made(&self) -> Option<MutexGuard<'_, Made>> {
        self.is_any.load(Ordering::Acquire).then(|| self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Made {
    fn overrule(&self, verdict: &mut Verdict) {
        match &self.verdict {
            None => {}
            Some(Override::NoError) => {
                *verdict = Verdict {
                    code: verdict.code,
                    ..Verdict::default()
                };
            }
            Some(Override::Error(error_type, description)) => {
                verdict.error_type = Some(error_type.clone());
                if let Some(description) = description {
                    verdict.description = description.clone();
                }
            }
        }
    }
}
