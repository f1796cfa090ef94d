//! What is found where a framework's feature is off: nothing.

use std::{any::Any, error::Error, net::SocketAddr};

use http::Extensions;

#[allow(dead_code, reason = "not every framework routes")]
pub(crate) fn matched_path(_extensions: &Extensions) -> Option<&str> {
    None
}

pub(crate) fn peer(_extensions: &Extensions) -> Option<SocketAddr> {
    None
}

pub(crate) fn as_error(_any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    None
}
