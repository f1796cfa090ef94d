//! Somebody who asks again and again, and how to stop him.

use std::{fmt, sync::Arc};

use tokio::task::AbortHandle;

/// It stops when it is told to, and when the last clone is dropped.
#[derive(Clone)]
pub(in crate::setup) struct Polling(Arc<Asking>);

struct Asking(AbortHandle);

impl Polling {
    pub(in crate::setup) fn of(asking: AbortHandle) -> Self {
        Self(Arc::new(Asking(asking)))
    }

    /// A question that is under way is given up.
    pub(in crate::setup) fn stop(&self) {
        self.0.0.abort();
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Polling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Polling")
            .field("over", &self.0.0.is_finished())
            .finish()
    }
}
