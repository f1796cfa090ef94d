//! In place of OTLP as JSON, where its feature is off.

use bytes::Bytes;

use super::{
    client::{Client, Destination},
    error::SetupError,
    transport::Taken,
};

pub(super) trait Json {}

impl<T> Json for T {}

pub(super) fn client(to: Destination<'_>) -> Result<Client, SetupError> {
    Err(SetupError::new(format!(
        "OTLP as http/json, for {}, needs throughline's feature `otlp-json`, which this build is without",
        to.shown()
    )))
}

pub(super) fn encode(_message: &impl Json) -> Vec<u8> {
    Vec::new()
}

pub(super) fn taken(_body: &Bytes) -> Taken {
    Taken::default()
}
