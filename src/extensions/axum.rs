//! What axum leaves in a request's extensions, and its error.

use std::{any::Any, error::Error, net::SocketAddr};

use ::axum::extract::{ConnectInfo, MatchedPath};
use http::Extensions;

pub(crate) fn matched_path(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
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
