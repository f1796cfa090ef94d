//! What hyper-util's client leaves in a response's extensions, and its error.

use std::{any::Any, error::Error, net::SocketAddr};

use ::hyper_util::client::legacy::{Error as ClientError, connect::HttpInfo};
use http::Extensions;

pub(crate) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<HttpInfo>().map(HttpInfo::remote_addr)
}

pub(crate) fn word(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let error = error.downcast_ref::<ClientError>()?;
    error.is_connect().then_some("connection_failed")
}

pub(crate) fn as_error(any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    any.downcast_ref::<ClientError>()
        .map(|error| error as &dyn Error)
}
