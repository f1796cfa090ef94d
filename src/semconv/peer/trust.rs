//! Whose word counts: the policy for forwarded headers.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Which proxies are believed when they say who the client is: `Forwarded` (RFC 7239) and `X-Forwarded-For`, `-Host`,
/// `-Proto`, `-Port`.
///
/// Read once for each recorded request of a server, before its span starts; it decides `client.address`, `client.port`,
/// `server.address`, `server.port` and `url.scheme`. `network.peer.*` is always the socket's peer.
///
/// Anybody can send these headers. A proxy *adds* the address it saw to the right end of the list, so what is right of
/// a certain point was written by your proxies and what is left of it by anybody. The policy says where that point is:
///
/// ```text
/// the client 198.51.100.9 sends       X-Forwarded-For: 6.6.6.6                          (a lie)
/// your edge 203.0.113.5 sends on      X-Forwarded-For: 6.6.6.6, 198.51.100.9
/// your gateway 10.0.0.2 sends on      X-Forwarded-For: 6.6.6.6, 198.51.100.9, 203.0.113.5
/// the socket's peer is 10.0.0.2
///
/// none()                              10.0.0.2
/// hops(1)                             203.0.113.5
/// hops(2)                             198.51.100.9
/// networks(["10.0.0.0/8", "203.0.113.5"])      198.51.100.9
/// all()                               6.6.6.6
/// ```
///
/// The element so chosen also gives host and scheme. Its `for` may be no address (absent, `unknown`, `_hidden`): then
/// nothing left of it is asked instead, and the client is the socket's peer. Lists are read to 32 elements
/// from the right.
///
/// # Two families of headers
///
/// `Forwarded` wins over `X-Forwarded-*`, field by field. Most proxies write one family and hand the other on unread, so
/// that a client can forge it: where both are there and name different clients, [`hops`](Self::hops) and
/// [`networks`](Self::networks) believe neither. Say which one your proxies write with
/// [`forwarded_only`](Self::forwarded_only) or [`x_forwarded_only`](Self::x_forwarded_only).
/// `X-Forwarded-Host`, `-Proto` and `-Port` often have one value however many proxies there are: the value at the same
/// distance from the right as the client in `X-Forwarded-For` is taken, else the only one, else none. A proxy that does
/// not write one of them should remove it.
///
/// # Defaults
///
/// [`TrustedProxies::none`], and both families.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct TrustedProxies {
    pub(super) policy: Policy,
    pub(super) families: Families,
}

/// A text given to [`TrustedProxies::networks`] that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidNetwork {
    text: String,
}

/// Who wrote the leftmost element that counts.
#[derive(Debug, Clone, Default)]
pub(super) enum Policy {
    #[default]
    None,
    /// At least 1.
    Hops(usize),
    All,
    Networks(Arc<[Network]>),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Families {
    #[default]
    Both,
    Forwarded,
    XForwarded,
}

/// A block of addresses (RFC 4632 §3.1, RFC 4291 §2.3); IPv4-mapped addresses are IPv4.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network {
    base: IpAddr,
    prefix: u32,
}

impl TrustedProxies {
    /// Nobody: forwarded headers are not even looked at.
    pub fn none() -> Self {
        Self::default()
    }

    /// The `n` nearest proxies are yours, and each of them adds one element: the *n*-th element from the right is what
    /// the farthest of them saw, and names the client. The `n - 1` elements right of it name your own proxies.
    ///
    /// `hops(1)`: the socket's peer is your only proxy, and the rightmost element is its word. A list of fewer elements
    /// is taken from its left end. Who can reach the service past the proxies can forge the list: prefer
    /// [`networks`](Self::networks) there. `hops(0)` is [`none`](Self::none).
    pub fn hops(n: usize) -> Self {
        Self::with(if n == 0 {
            Policy::None
        } else {
            Policy::Hops(n)
        })
    }

    /// Everybody: the leftmost element counts. **Any client can forge it**; for tests, and for services that only a
    /// proxy which replaces these headers can reach.
    pub fn all() -> Self {
        Self::with(Policy::All)
    }

    /// The proxies with addresses in these networks: from the socket's peer leftwards, the first address outside of
    /// them is the client. When all are inside, the leftmost is. A peer outside of them, or without an IP address, is
    /// not believed at all.
    ///
    /// Takes `10.0.0.0/8`, `fd00::/8`, and single addresses.
    ///
    /// ```
    /// use throughline::TrustedProxies;
    ///
    /// let ours = TrustedProxies::networks(["10.0.0.0/8", "::1"])?;
    /// assert!(TrustedProxies::networks(["10.0.0.0/33"]).is_err());
    /// # Ok::<_, throughline::InvalidNetwork>(())
    /// ```
    ///
    /// # Errors
    ///
    /// On the first text that is neither a network nor an address; the error names it.
    pub fn networks(
        networks: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, InvalidNetwork> {
        let parse = |text: &str| {
            Network::parse(text).ok_or_else(|| InvalidNetwork {
                text: text.to_owned(),
            })
        };
        let networks: Result<Arc<[_]>, _> = networks
            .into_iter()
            .map(|text| parse(text.as_ref()))
            .collect();
        Ok(Self::with(Policy::Networks(networks?)))
    }

    /// Reads `Forwarded` and no `X-Forwarded-*`.
    pub fn forwarded_only(mut self) -> Self {
        self.families = Families::Forwarded;
        self
    }

    /// Reads `X-Forwarded-*` and not `Forwarded`.
    pub fn x_forwarded_only(mut self) -> Self {
        self.families = Families::XForwarded;
        self
    }

    fn with(policy: Policy) -> Self {
        let families = Families::Both;
        Self { policy, families }
    }
}

impl InvalidNetwork {
    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is neither an IP address nor a network like 10.0.0.0/8",
            self.text
        )
    }
}

impl Error for InvalidNetwork {}

impl Network {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let base: IpAddr = address.parse().ok()?;
        let bits = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= bits)?
            }
            Some(_) => return None,
        };
        match base.to_canonical() {
            IpAddr::V4(mapped) if bits == 128 && prefix >= 96 => Some(Self {
                base: IpAddr::V4(mapped),
                prefix: prefix - 96,
            }),
            _ => Some(Self { base, prefix }),
        }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differ = base.to_bits() ^ address.to_bits();
                differ.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differ = base.to_bits() ^ address.to_bits();
                differ.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
