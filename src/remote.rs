//! Where the address of a connection's other end is looked for.

use std::net::SocketAddr;

use crate::{
    axum_extensions,
    head::{RequestHead, ResponseHead},
    hyper_util_extensions,
    semconv::peer::PeerAddr,
    tonic_extensions,
};

/// The peer of a request: as the service's own code put it there, else as its framework did.
pub(crate) fn peer(head: &RequestHead<'_>) -> Option<SocketAddr> {
    let extensions = head.extensions()?;
    extensions
        .get::<PeerAddr>()
        .map(PeerAddr::remote)
        .or_else(|| axum_extensions::peer(extensions))
        .or_else(|| tonic_extensions::peer(extensions))
}

/// The peer that a response came from.
pub(crate) fn of_response(head: &ResponseHead<'_>) -> Option<SocketAddr> {
    hyper_util_extensions::peer(head.extensions()?)
}
