//! What tonic's server leaves in a request's extensions, and its error.

use std::{any::Any, error::Error, net::SocketAddr};

use ::tonic::{Status, transport::server::TcpConnectInfo};
use http::Extensions;

pub(crate) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions
        .get::<TcpConnectInfo>()
        .and_then(TcpConnectInfo::remote_addr)
}

pub(crate) fn as_error(any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    any.downcast_ref::<Status>()
        .map(|error| error as &dyn Error)
}
