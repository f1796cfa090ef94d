//! The SDK's side of it.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{Span, SpanData, SpanProcessor},
};

use tokio::time::Instant;

use super::{account::Account, exit::Exit, worker};
use crate::setup::transport::{
    delivery::Terms,
    thread::{Hurry, Running},
};

/// A flush has no limit of its own in the SDK.
const FLUSH: Duration = Duration::from_secs(5);

/// Hands spans that ended to a worker on the export thread.
pub(in crate::setup) struct Processor {
    account: Arc<Account>,
    /// Until the end.
    thread: Mutex<Option<Running>>,
}

impl Processor {
    /// Each export may take as long as `limit`.
    pub(in crate::setup) fn start(
        account: Arc<Account>,
        exit: impl Exit,
        limit: Option<Duration>,
        thread: Running,
    ) -> Self {
        let terms = Terms {
            limit,
            haste: thread.haste(),
        };
        let _detached = thread.spawn(worker::run(Arc::clone(&account), exit, terms));
        Self {
            account,
            thread: Mutex::new(Some(thread)),
        }
    }

    fn hurry(&self, limit: Duration) -> Option<Hurry> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now().checked_add(limit);
        Some(thread.as_ref()?.hurry(until))
    }
}

impl SpanProcessor for Processor {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        // Others are recorded for other processors only.
        if span.span_context.is_sampled() {
            self.account.push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        let _hurry = self.hurry(FLUSH);
        if self.account.flush(FLUSH) {
            Ok(())
        } else {
            Err(OTelSdkError::Timeout(FLUSH))
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let _hurry = self.hurry(timeout);
        let in_time = self.account.close(timeout);
        if !in_time {
            self.account.abandon();
        }
        // The thread ends with the last that needs it.
        drop(
            self.thread
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        if in_time {
            Ok(())
        } else {
            Err(OTelSdkError::Timeout(timeout))
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.account.set_resource(resource);
    }
}

impl fmt::Debug for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processor")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}
