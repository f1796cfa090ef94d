//! Where a live exchange is kept, and who ends it.

use std::{cell::RefCell, sync::Arc, time::Instant};

use super::{
    Begin,
    course::{Course, fill},
    state::{Begun, State, Told},
};
use crate::{outcome::End, span::Started};

/// The owner of a live exchange: dropping it is the cancelled case.
#[derive(Debug)]
pub(crate) struct Owner(Option<Arc<Slot>>);

/// What an exchange shares with its request's extensions and its task. Its memory is used again when the exchange is over
/// and nobody else has it: the next one allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    begun: Option<Begun>,
    course: Course,
}

/// How many slots a thread keeps for its next exchanges.
const MOST_FREE: usize = 32;

thread_local! {
    static FREE: RefCell<Vec<Arc<Slot>>> = const { RefCell::new(Vec::new()) };
}

impl Owner {
    /// An exchange that began at this time, with this span.
    #[inline(always)]
    pub(super) fn new(begin: &mut Begin<'_>, time: Instant, span: Started) -> Self {
        let free = FREE.try_with(|free| free.borrow_mut().pop());
        let mut slot = free.ok().flatten().unwrap_or_default();
        // It was alone and empty when it was put there.
        if let Some(slot) = Arc::get_mut(&mut slot) {
            slot.course.begin(begin);
            let begun = Begun {
                span,
                side: begin.side.clone(),
                protocol: begin.protocol,
                time,
            };
            fill(&mut slot.begun, begun);
        }
        Self(Some(slot))
    }

    /// Has a span or a hook told of the phases to come.
    pub(super) fn tell(&mut self, told: Told) {
        if let Some(slot) = self.0.as_mut().and_then(Arc::get_mut) {
            slot.course.told = Some(told);
        }
    }

    pub(super) fn state(&self) -> Option<State<'_>> {
        self.0.as_deref()?.state()
    }

    /// What may be shared, and what it holds.
    pub(crate) fn shared(&self) -> Option<(&Arc<Slot>, State<'_>)> {
        let slot = self.0.as_ref()?;
        Some((slot, slot.state()?))
    }
}

impl Slot {
    pub(crate) fn state(&self) -> Option<State<'_>> {
        let begun = self.begun.as_ref()?;
        Some(State::new(begun, &self.course))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let Some(mut slot) = self.0.take() else {
            return;
        };
        if let Some(state) = slot.state().filter(|state| state.is_live()) {
            state.end(End::Cancelled);
        }
        if let Some(free) = Arc::get_mut(&mut slot) {
            free.begun = None;
            free.course.clear();
            // A thread that ends keeps nothing.
            let _kept = FREE.try_with(|free| {
                let mut free = free.borrow_mut();
                if free.len() < MOST_FREE {
                    free.push(slot);
                }
            });
        }
    }
}
