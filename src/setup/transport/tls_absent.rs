//! In place of TLS, where its feature is off.

use reqwest::ClientBuilder;

use super::{
    error::SetupError,
    settings::{Pem, Tls},
};

pub(super) const IS_ON: bool = false;

pub(super) fn apply(builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder, SetupError> {
    let client = tls.client.as_ref().map(|(certificate, _)| certificate);
    let Some(Pem { path, origin }) = tls.authority.as_ref().or(client) else {
        return Ok(builder);
    };
    let path = path.display().to_string();
    Err(SetupError::new(format!(
        "{origin}={path:?} needs throughline's feature `tls`, which this build is without"
    )))
}
