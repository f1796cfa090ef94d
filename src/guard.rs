//! User code at arm's length.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a user's hook. Its panic is reported by the panic hook as any other and goes no further: the request matters more.
pub(crate) fn guarded<T>(hook: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(hook)).ok()
}
