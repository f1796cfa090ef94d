//! What tonic's server leaves in a request's extensions, and the errors of its transport.

use std::{any::Any, error::Error, net::SocketAddr};

use ::tonic::{ConnectError, Status, TimeoutExpired, transport::server::TcpConnectInfo};
use http::Extensions;

pub(crate) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<TcpConnectInfo>()?.remote_addr()
}

pub(crate) fn as_error(any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    if let Some(error) = any.downcast_ref::<Status>() {
        return Some(error);
    }
    let error = any.downcast_ref::<::tonic::transport::Error>()?;
    Some(error)
}

/// A deadline that tonic's client kept, a connection that it could not make, and a stream that the peer reset.
pub(crate) fn word(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if error.is::<TimeoutExpired>() {
        return Some("timeout");
    }
    if error.is::<ConnectError>() {
        return Some("connection_failed");
    }
    let word = match error.downcast_ref::<h2::Error>()?.reason()? {
        h2::Reason::CANCEL => "stream_cancelled",
        h2::Reason::REFUSED_STREAM => "stream_refused",
        h2::Reason::ENHANCE_YOUR_CALM => "stream_calmed",
        _ => "stream_reset",
    };
    Some(word)
}
