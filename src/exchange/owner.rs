//! Where a live exchange is kept, and who ends it.

use std::{cell::RefCell, mem, sync::Arc};

use opentelemetry::Key;

use super::{Begin, State, clock::Clock};
use crate::{metrics::Labels, outcome::End, span::Started};

/// The owner of a live exchange: dropping it is the cancelled case.
#[derive(Debug)]
pub(crate) struct Owner(Option<Arc<Slot>>);

/// What an exchange shares with its request's extensions. Its memory is used again when the exchange is over and nobody
/// else has it: the next one allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    state: Option<State>,
    /// Room for labels, of the exchange before.
    room: Labels,
}

/// How many slots a thread keeps for its next exchanges.
const MOST_FREE: usize = 32;

thread_local! {
    static FREE: RefCell<Vec<Arc<Slot>>> = const { RefCell::new(Vec::new()) };
}

impl Owner {
    #[inline(always)]
    pub(super) fn new(begin: Begin<'_>, clock: Clock, span: Started, fixed: Vec<Key>) -> Self {
        let free = FREE.try_with(|free| free.borrow_mut().pop());
        let mut slot = free.ok().flatten().unwrap_or_default();
        // It was alone when it was put there.
        if let Some(Slot {
            state: state @ None,
            room,
        }) = Arc::get_mut(&mut slot)
        {
            *state = Some(State::new(begin, clock, span, fixed));
            if let Some(labels) = state.as_mut().and_then(State::labels_mut) {
                mem::swap(labels, room);
            }
        }
        Self(Some(slot))
    }

    pub(super) fn state(&self) -> Option<&State> {
        self.0.as_deref()?.state()
    }

    /// What may be shared, and what it holds.
    pub(crate) fn shared(&self) -> Option<(&Arc<Slot>, &State)> {
        let slot = self.0.as_ref()?;
        Some((slot, slot.state()?))
    }
}

impl Slot {
    pub(crate) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    fn clear(&mut self) {
        if let Some(labels) = self.state.as_mut().and_then(State::labels_mut) {
            labels.clear();
            mem::swap(labels, &mut self.room);
        }
        self.state = None;
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let Some(mut slot) = self.0.take() else {
            return;
        };
        if let Some(state) = slot.state() {
            state.end(End::Cancelled);
        }
        if let Some(free) = Arc::get_mut(&mut slot) {
            free.clear();
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
