//! The exchange that the thread is working on, for what a handler adds to its measurements.

use std::{cell::Cell, sync::Arc};

use super::owner::Slot;

thread_local! {
    static CURRENT: Cell<Option<Arc<Slot>>> = const { Cell::new(None) };
}

/// Makes the one before current again.
#[derive(Debug)]
pub(super) struct Entered(Option<Arc<Slot>>);

/// Makes an exchange the current one until the guard is dropped.
#[inline]
pub(super) fn enter(slot: &Arc<Slot>) -> Entered {
    let slot = Some(Arc::clone(slot));
    // Without a thread to remember it there is no current one.
    let before = CURRENT.try_with(|current| current.replace(slot));
    Entered(before.ok().flatten())
}

/// Shows the current exchange, if there is one.
pub(crate) fn current<T>(show: impl FnOnce(&Slot) -> T) -> Option<T> {
    let look = |current: &Cell<Option<Arc<Slot>>>| {
        let slot = current.take();
        current.set(slot.clone());
        slot
    };
    let slot = CURRENT.try_with(look).ok()??;
    Some(show(&slot))
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        let before = self.0.take();
        let mine = CURRENT.try_with(|current| current.replace(before));
        drop(mine);
    }
}
