//! Keeping an exporter's own calls out of `tracing`, whatever layers and filters there are.
//!
//! The clients underneath make spans and events. A layer that exported them would feed itself.

use std::cell::RefCell;

use tracing::{
    Dispatch, dispatcher,
    subscriber::{DefaultGuard, NoSubscriber},
};

thread_local! {
    static HUSHED: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// From here on this thread has no subscriber. Where there is none anyway nothing is done, for setting one would be
/// noticed; so it is called again and again.
pub(super) fn hush() {
    HUSHED.with_borrow_mut(|hushed| {
        if hushed.is_none() && !dispatcher::get_default(Dispatch::is::<NoSubscriber>) {
            *hushed = Some(dispatcher::set_default(&Dispatch::none()));
        }
    });
}

/// Runs this with the subscriber that the thread would have.
pub(in crate::setup) fn aloud<T>(run: impl FnOnce() -> T) -> T {
    let hushed = HUSHED.take();
    let was_hushed = hushed.is_some();
    drop(hushed);
    let result = run();
    if was_hushed {
        hush();
    }
    result
}
