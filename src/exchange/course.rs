//! What comes to be known of an exchange between its begin and its end. It is kept in place and used again: what an
//! exchange does not need is neither made nor moved for it.

use std::{
    mem,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::{Begin, measured::Measured, progress::Progress, state::Told};
use crate::{axum_extensions::Matched, remarks::Remarks, semconv::rpc::Status};

/// The course of an exchange.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) progress: Progress,
    pub(super) routes: Routes,
    pub(super) remarks: Remarks,
    /// What the head of a response said that may be all there is.
    pub(super) early: OnceLock<Status>,
    /// Where it is measured.
    pub(super) measured: Option<Measured>,
    /// Where a span or a hook is told of the phases. Else it is live for its end alone.
    pub(super) told: Option<Told>,
    ended: AtomicBool,
}

/// The route as the router matched it, and as a handler named it, which wins.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Known when the span got its name.
    matched: Option<Matched>,
    late: OnceLock<Matched>,
    named: OnceLock<Arc<str>>,
}

impl Course {
    /// Begins a new one: this one is [clear](Self::clear).
    #[inline(always)]
    pub(super) fn begin(&mut self, begin: &mut Begin<'_>) {
        *self.ended.get_mut() = false;
        self.progress.begin(begin.head.method());
        if let Some(route) = begin.route {
            fill(&mut self.routes.matched, route.clone());
        }
        if let Some(asked) = begin.measured.take() {
            let measured = Measured::new(asked, &begin.side, begin.protocol);
            fill(&mut self.measured, measured);
        }
    }

    /// Forgets all. There is room left for the next one.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.routes.clear();
        self.remarks.clear();
        self.measured = None;
        if self.told.is_some() {
            self.told = None;
        }
        let _early = self.early.take();
    }

    pub(super) fn is_live(&self) -> bool {
        !self.ended.load(Relaxed)
    }

    /// Ends it. Says whether this was the first time.
    pub(super) fn end(&self) -> bool {
        !self.ended.swap(true, Relaxed)
    }
}

/// Puts a value where there is none. An assignment would look for one to drop, with the new value in its hands meanwhile.
#[inline(always)]
pub(super) fn fill<T>(empty: &mut Option<T>, value: T) {
    mem::forget(empty.replace(value));
}

impl Routes {
    /// What a router found after the span had started. The first finding stays.
    pub(super) fn find(&self, route: &Matched) {
        if self.matched.is_none() {
            let _first = self.late.set(route.clone());
        }
    }

    /// What a handler says. The first word stays, and wins over what a router matched.
    pub(super) fn name(&self, route: Arc<str>) {
        let _first = self.named.set(route);
    }

    pub(super) fn latest(&self) -> Option<&str> {
        match self.named.get() {
            Some(named) => Some(named),
            None => self
                .matched
                .as_ref()
                .or_else(|| self.late.get())
                .map(Matched::as_str),
        }
    }

    /// Whether it was known when the exchange began.
    pub(super) fn is_matched(&self) -> bool {
        self.matched.is_some()
    }

    pub(super) fn is_late(&self) -> bool {
        self.named.get().is_some() || self.matched.is_none()
    }

    #[inline(always)]
    fn clear(&mut self) {
        self.matched = None;
        let _late = self.late.take();
        let _named = self.named.take();
    }
}
