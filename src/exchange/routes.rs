use std::sync::{Arc, OnceLock};

use crate::axum_extensions::Matched;

/// The route as the router matched it, and as a handler named it, which wins.
#[derive(Debug)]
pub(super) struct Routes {
    /// Known when the span got its name.
    matched: Option<Matched>,
    late: OnceLock<Matched>,
    named: OnceLock<Arc<str>>,
}

impl Routes {
    #[inline(always)]
    pub(super) fn new(matched: Option<Matched>) -> Self {
        Self {
            matched,
            late: OnceLock::new(),
            named: OnceLock::new(),
        }
    }

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
}
