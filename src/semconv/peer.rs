//! Who is at the other end: the socket's peer, the client behind trusted proxies, and how an authority splits.
//!
//! OpenTelemetry HTTP semantic conventions 1.45.0: `server.address`, `server.port`, `client.address`, `client.port`,
//! `network.peer.*`, `network.local.*`, and `url.scheme` where a proxy tells it.

mod authority;
mod forwarded;
mod list;
mod trust;

use std::net::SocketAddr;

pub(crate) use authority::split_host_port;
pub(crate) use forwarded::{Origin, resolve};
pub use trust::{InvalidNetwork, TrustedProxies};

/// The address of a connection's other end, for the extensions of its requests.
///
/// For services that accept connections themselves: insert it into each request before the layer sees it, and the span
/// gets `network.peer.*`, and `client.*` when no trusted proxy names another client. Where a framework leaves its own
/// connection information in the request, that is read without this.
///
/// ```
/// # use std::net::SocketAddr;
/// use throughline::PeerAddr;
/// # let (remote, mut request) = (SocketAddr::from(([192, 0, 2, 7], 49152)), http::Request::new(()));
/// // `remote` comes from `TcpListener::accept`.
/// request.extensions_mut().insert(PeerAddr::new(remote));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct PeerAddr {
    remote: SocketAddr,
}

impl PeerAddr {
    /// The address that the connection came from (`getpeername`), not what a header says.
    pub fn new(remote: SocketAddr) -> Self {
        Self { remote }
    }

    /// The address that the connection came from.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }
}

impl From<SocketAddr> for PeerAddr {
    fn from(remote: SocketAddr) -> Self {
        Self::new(remote)
    }
}

/// The port that a URL of this scheme means when it names none (RFC 9110 §4.2, RFC 6455 §3). Schemes are lower case.
pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_ports() {
        for (scheme, port) in [
            ("http", Some(80)),
            ("ws", Some(80)),
            ("https", Some(443)),
            ("wss", Some(443)),
            ("ftp", None),
            ("", None),
        ] {
            assert_eq!(default_port(scheme), port, "{scheme}");
        }
    }
}
