//! In place of OTLP over gRPC, where its feature is off.

use bytes::Bytes;

use super::{
    client::{Answer, Client, Cut, Destination},
    error::SetupError,
    transport::Failure,
};

pub(super) fn client(to: Destination<'_>, _method: &'static str) -> Result<Client, SetupError> {
    Err(SetupError::new(format!(
        "OTLP over gRPC, for {}, needs throughline's feature `otlp-grpc`, which this build is without",
        to.shown()
    )))
}

pub(super) fn frame(message: &[u8], _is_compressed: bool) -> Bytes {
    Bytes::copy_from_slice(message)
}

pub(super) fn message(_answer: Result<Answer, Cut>) -> Result<Bytes, Failure> {
    Err(Failure::refused("this build has no gRPC"))
}
