//! What axum leaves in a request's extensions, and its error.

use std::{any::Any, error::Error, net::SocketAddr};

use ::axum::extract::ConnectInfo;
use http::Extensions;

/// A route that a router matched. Cloning it copies no text.
pub(crate) use ::axum::extract::MatchedPath as Matched;

pub(crate) fn matched(extensions: &Extensions) -> Option<&Matched> {
    extensions.get()
}

pub(crate) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0)
}

pub(crate) fn as_error(any: &dyn Any) -> Option<&(dyn Error + 'static)> {
    any.downcast_ref::<::axum::Error>()
        .map(|error| error as &dyn Error)
}
