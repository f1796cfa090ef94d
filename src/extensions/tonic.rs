//! What tonic's server leaves in a request's extensions, and the errors of its transport.

use std::{any::Any, error::Error, io, net::SocketAddr};

use ::tonic::{Code, ConnectError, Status, TimeoutExpired, transport::server::TcpConnectInfo};
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

/// The code of an error that is a status, and the code that gRPC gives one of the transport (gRPC over HTTP2, Errors). A
/// status of no known code leaves the word to its cause.
pub(crate) fn status(error: &(dyn Error + 'static)) -> Option<usize> {
    let code = if let Some(status) = error.downcast_ref::<Status>() {
        status.code()
    } else if error.is::<TimeoutExpired>() {
        Code::DeadlineExceeded
    } else if error.is::<ConnectError>() || is_timeout(error) {
        Code::Unavailable
    } else {
        of_reset(error.downcast_ref::<h2::Error>()?.reason()?)
    };
    (code != Code::Unknown).then_some(code as usize)
}

/// A connection that did not answer in time. It is no deadline: the call set none.
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let kind = error.downcast_ref().map(io::Error::kind);
    kind == Some(io::ErrorKind::TimedOut)
        || error.downcast_ref().is_some_and(hyper::Error::is_timeout)
}

fn of_reset(reason: h2::Reason) -> Code {
    match reason {
        h2::Reason::NO_ERROR
        | h2::Reason::PROTOCOL_ERROR
        | h2::Reason::INTERNAL_ERROR
        | h2::Reason::FLOW_CONTROL_ERROR
        | h2::Reason::SETTINGS_TIMEOUT
        | h2::Reason::FRAME_SIZE_ERROR
        | h2::Reason::COMPRESSION_ERROR
        | h2::Reason::CONNECT_ERROR => Code::Internal,
        h2::Reason::REFUSED_STREAM => Code::Unavailable,
        h2::Reason::CANCEL => Code::Cancelled,
        h2::Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        h2::Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Unknown,
    }
}
