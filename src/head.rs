//! What hooks and conventions see of a request and a response: borrowed views without a body.

use http::{Extensions, HeaderMap, HeaderName, Request, Response, StatusCode, Version};

use crate::scan::Scan;

/// The head of a request, as the layers and their hooks see it: everything but the body.
///
/// It borrows from the request, so looking costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    method: &'a str,
    uri: UriView<'a>,
    version: Option<Version>,
    headers: &'a dyn HeaderSource,
    extensions: Option<&'a Extensions>,
}

/// The head of a response: status, version and headers.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    status: StatusCode,
    version: Option<Version>,
    headers: &'a dyn HeaderSource,
    extensions: Option<&'a Extensions>,
}

/// The parts of a request's target. A part that was not sent is `None`; the path is never empty on the wire but may be here.
#[derive(Clone, Copy, Debug, Default)]
pub struct UriView<'a> {
    pub(crate) scheme: Option<&'a str>,
    pub(crate) authority: Option<&'a str>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) fragment: Option<&'a str>,
}

/// Where header lines come from. Names are lower case; a name comes once per line, in the order received.
pub(crate) trait HeaderSource: std::fmt::Debug {
    /// Shows every line to `visit`.
    fn each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8]));

    /// Finds what tracing reads, in one walk.
    fn scan(&self) -> Scan<'_>;

    /// The first line of this name.
    fn first(&self, name: &HeaderName) -> Option<&[u8]>;

    /// The first line of this name, which may be in any case.
    fn named(&self, name: &str) -> Option<&[u8]>;

    /// Shows every line of this name to `visit`.
    fn all<'h>(&'h self, name: &HeaderName, visit: &mut dyn FnMut(&'h [u8]));
}

impl<'a> RequestHead<'a> {
    pub(crate) fn new(
        method: &'a str,
        uri: UriView<'a>,
        version: Option<Version>,
        headers: &'a dyn HeaderSource,
        extensions: Option<&'a Extensions>,
    ) -> Self {
        Self {
            method,
            uri,
            version,
            headers,
            extensions,
        }
    }

    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        let uri = request.uri();
        Self::new(
            request.method().as_str(),
            UriView {
                scheme: uri.scheme_str(),
                authority: uri.authority().map(http::uri::Authority::as_str),
                path: uri.path(),
                query: uri.query(),
                fragment: None,
            },
            Some(request.version()),
            request.headers(),
            Some(request.extensions()),
        )
    }

    /// The method as it was sent, in its own case.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// The target of the request.
    pub fn uri(&self) -> UriView<'a> {
        self.uri
    }

    /// The protocol version, where the transport says it.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// The first value of a header, if it is there and is text. The case of the name does not matter.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.named(name).and_then(text)
    }

    /// A value of the request's extensions. A head that did not come from an `http::Request` has none.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.extensions.and_then(Extensions::get)
    }

    pub(crate) fn headers(&self) -> &'a dyn HeaderSource {
        self.headers
    }

    pub(crate) fn extensions(&self) -> Option<&'a Extensions> {
        self.extensions
    }
}

impl<'a> ResponseHead<'a> {
    pub(crate) fn of<B>(response: &'a Response<B>) -> Self {
        Self {
            status: response.status(),
            version: Some(response.version()),
            headers: response.headers(),
            extensions: Some(response.extensions()),
        }
    }

    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The protocol version, where the transport says it.
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// The first value of a header, if it is there and is text. The case of the name does not matter.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.named(name).and_then(text)
    }

    /// A value of the response's extensions.
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.extensions.and_then(Extensions::get)
    }

    pub(crate) fn headers(&self) -> &'a dyn HeaderSource {
        self.headers
    }

    pub(crate) fn extensions(&self) -> Option<&'a Extensions> {
        self.extensions
    }
}

impl<'a> UriView<'a> {
    /// The scheme, which an HTTP/1.1 request to a server does not carry.
    pub fn scheme(&self) -> Option<&'a str> {
        self.scheme
    }

    /// Host and port as sent, with the userinfo if there is one.
    pub fn authority(&self) -> Option<&'a str> {
        self.authority
    }

    /// The path, without the query.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// The query, without the `?`.
    pub fn query(&self) -> Option<&'a str> {
        self.query
    }
}

impl HeaderSource for HeaderMap {
    fn each<'h>(&'h self, visit: &mut dyn FnMut(&'h str, &'h [u8])) {
        for (name, value) in self {
            visit(name.as_str(), value.as_bytes());
        }
    }

    fn scan(&self) -> Scan<'_> {
        let lines = self.iter();
        Scan::of(lines.map(|(name, value)| (name.as_str(), value.as_bytes())))
    }

    fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        // Of so few, looking at each costs less than the hash of one.
        const FEW: usize = 4;
        let value = if self.keys_len() <= FEW {
            self.iter().find(|line| line.0 == name).map(|line| line.1)
        } else {
            self.get(name)
        };
        value.map(http::HeaderValue::as_bytes)
    }

    fn named(&self, name: &str) -> Option<&[u8]> {
        self.get(name).map(http::HeaderValue::as_bytes)
    }

    fn all<'h>(&'h self, name: &HeaderName, visit: &mut dyn FnMut(&'h [u8])) {
        for value in self.get_all(name) {
            visit(value.as_bytes());
        }
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
