//! What is found where a framework's feature is off: nothing.

use std::{any::Any, convert::Infallible, error::Error, net::SocketAddr};

use http::Extensions;

/// A route that no router matched.
#[allow(dead_code, reason = "not every framework routes")]
#[derive(Clone, Debug)]
pub(crate) struct Matched(Infallible);

#[allow(dead_code, reason = "not every framework routes")]
impl Matched {
    pub(crate) fn as_str(&self) -> &str {
        match self.0 {}
    }
}

#[allow(dead_code, reason = "not every framework routes")]
pub(crate) fn matched(_extensions: &Extensions) -> Option<&Matched> {
    None
}

pub(crate) fn peer(_extensions: &Extensions) -> Option<SocketAddr> {
    None
}

pub(crate) fn as_error(_any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    None
}
