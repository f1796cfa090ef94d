//! In place of the configuration file, where its feature is off.

use super::{env::Env, error::SetupError, settings::Settings};

pub(super) fn settings(name: &str, path: &str, _env: &Env) -> Result<Settings, SetupError> {
    Err(SetupError::new(format!(
        "{name}={path:?} needs throughline's feature `config-file`, which this build is without"
    )))
}
