//! What is found where a framework's feature is off: nothing.

use std::{any::Any, convert::Infallible, error::Error, net::SocketAddr};

use http::Extensions;

/// A route that no router matched.
#[derive(Clone, Debug)]
pub(crate) struct Matched(Infallible);

impl Matched {
    pub(crate) fn as_str(&self) -> &str {
        match self.0 {}
    }
}

pub(crate) fn matched(_extensions: &Extensions) -> Option<&Matched> {
    None
}

pub(crate) fn peer(_extensions: &Extensions) -> Option<SocketAddr> {
    None
}

#[allow(
    dead_code,
    reason = "not every framework has an error of its own to name"
)]
pub(crate) fn word(_error: &(dyn Error + 'static)) -> Option<&'static str> {
    None
}

pub(crate) fn text(_error: &(dyn Error + 'static)) -> Option<&'static str> {
    None
}

pub(crate) fn status(_error: &(dyn Error + 'static)) -> Option<usize> {
    None
}

pub(crate) fn as_error(_any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    None
}
