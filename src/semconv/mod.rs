//! OpenTelemetry's semantic conventions, 1.45.0, as pure functions from heads and outcomes to attributes.

pub(crate) mod address;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod measure;
pub(crate) mod method;
pub(crate) mod names;
pub(crate) mod peer;
pub(crate) mod rpc;
pub(crate) mod server;
pub(crate) mod url;
pub(crate) mod verdict;

use std::sync::Arc;

use http::Version;

use crate::value::Value;

/// Where conventions write attributes: an OpenTelemetry span today. A key comes once.
pub(crate) trait Sink {
    fn set<'v>(&mut self, name: impl Into<Name>, value: impl Into<Value<'v>>);
}

/// A sink for what nobody reads.
#[derive(Debug)]
pub(crate) struct Nowhere;

impl Sink for Nowhere {
    #[inline]
    fn set<'v>(&mut self, _name: impl Into<Name>, _value: impl Into<Value<'v>>) {}
}

/// The name of an attribute: of the conventions, or made once from a configured header's name.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Static(&'static str),
    Shared(Arc<str>),
}

impl From<&'static str> for Name {
    fn from(name: &'static str) -> Self {
        Self::Static(name)
    }
}

impl From<&Arc<str>> for Name {
    fn from(name: &Arc<str>) -> Self {
        Self::Shared(Arc::clone(name))
    }
}

/// `network.protocol.version`; unknown versions are left out.
pub(crate) fn protocol_version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// Text that a peer sent, cut to a bounded length; `None` if it is no text.
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .map(url::capped)
        .filter(|text| !text.is_empty())
}
