//! In place of TLS, where its feature is off.

use reqwest::ClientBuilder;

use super::{error::SetupError, settings::Tls};

pub(super) const IS_ON: bool = false;

pub(super) fn apply(builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder, SetupError> {
    if *tls == Tls::default() {
        return Ok(builder);
    }
    Err(SetupError::new(
        "certificates for the collector need throughline's feature `tls`, which this build is without",
    ))
}
