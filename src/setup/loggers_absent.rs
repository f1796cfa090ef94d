//! In place of log records, where the feature `tracing` is off: nobody makes any.

use std::time::Duration;

use opentelemetry_sdk::{Resource, error::OTelSdkResult};

use super::{pipeline::Last, report::Report, settings::Logs, transport::thread::Thread};

#[derive(Debug, Default)]
pub(super) struct Own;

#[derive(Clone, Debug)]
pub(super) struct Loggers;

impl Own {
    #[allow(clippy::unused_self, reason = "as where something may be given")]
    pub(super) fn is_given(&self) -> bool {
        false
    }
}

impl Loggers {
    pub(super) fn new(
        _own: Own,
        _settings: Logs,
        _resource: Resource,
        _thread: Thread,
        _report: Report,
    ) -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "as where they may run")]
    pub(super) fn are_running(&self) -> bool {
        false
    }

    #[allow(clippy::unused_self, reason = "as where there is something to end")]
    pub(super) fn ending(&self, _last: Last, _deadline: Duration) -> Option<fn() -> OTelSdkResult> {
        None
    }

    #[allow(clippy::unused_self, reason = "as where something may be lost")]
    pub(super) fn undelivered(&self) -> Option<String> {
        None
    }
}
