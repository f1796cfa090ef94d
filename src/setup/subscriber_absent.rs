//! In place of a subscriber, where the feature `tracing` is off.

use super::{env::Env, error::SetupError};
use crate::telemetry::Telemetry;

#[derive(Debug, Default)]
pub(super) struct Wanted;

impl Wanted {
    #[allow(clippy::unused_self, reason = "as where one can be wanted")]
    pub(super) fn is_some(&self) -> bool {
        false
    }

    #[allow(clippy::unused_self, reason = "as where one can be wanted")]
    pub(super) fn refuse(&self) -> Result<(), SetupError> {
        Ok(())
    }

    pub(super) fn install(self, _telemetry: &Telemetry, _env: &Env) -> Result<(), SetupError> {
        Ok(())
    }
}
