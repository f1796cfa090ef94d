//! What trusted proxies say about the client: RFC 7239 and its predecessors.

use std::borrow::Cow;
use std::net::IpAddr;

use super::authority::{parse_port, split_host_port};
use super::list::{List, MAX_ELEMENTS, Place, parameter};
use super::trust::{Families, Network, Policy, TrustedProxies};

/// What the chosen element says. What is `None` is to be taken from the connection and the request themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origin<'a> {
    /// `client.address` and `client.port`; IPv4-mapped addresses are IPv4. `None`: the socket's peer is the client.
    pub(crate) client: Option<(IpAddr, Option<u16>)>,
    /// The authority that the client asked for, without userinfo; [`split_host_port`] takes it apart.
    pub(crate) host: Option<Cow<'a, str>>,
    /// `X-Forwarded-Port`, only when [`host`](Self::host) is from `X-Forwarded-Host` and has no port.
    pub(crate) port: Option<u16>,
    /// `http` or `https`.
    pub(crate) proto: Option<&'static str>,
}

/// Reads the forwarded headers as far as `trust` allows; [`TrustedProxies`] has the rules.
///
/// `lines` gives the values of all header lines of a name (lower case), in their order; of a [`http::HeaderMap`]:
/// `|name| headers.get_all(name).iter().map(HeaderValue::as_bytes)`. It is called at most once for a name, and not at
/// all when nobody is trusted. Allocates only for a host with an escape in it.
///
/// [`http::HeaderMap`]: https://docs.rs/http/1/http/header/struct.HeaderMap.html
pub(crate) fn resolve<'a, L, I>(
    trust: &TrustedProxies,
    lines: L,
    peer: Option<IpAddr>,
) -> Origin<'a>
where
    L: Fn(&'static str) -> I,
    I: Iterator<Item = &'a [u8]>,
{
    match &trust.policy {
        Policy::None => return Origin::default(),
        Policy::Networks(networks) if !peer.is_some_and(|peer| within(networks, peer)) => {
            return Origin::default();
        }
        Policy::Hops(_) | Policy::All | Policy::Networks(_) => {}
    }
    let elements = match trust.families {
        Families::Both | Families::Forwarded => List::quoted(lines("forwarded")),
        Families::XForwarded => List::default(),
    };
    let origin = from_forwarded(&trust.policy, &elements);
    if trust.families == Families::Forwarded {
        return origin;
    }
    let clients = List::plain(lines("x-forwarded-for"));
    let other = from_x_forwarded(&trust.policy, &clients, lines);
    if elements.is_empty() {
        return other;
    }
    let address = |origin: &Origin<'_>| origin.client.map(|(address, _)| address);
    let contradicted = !clients.is_empty() && address(&origin) != address(&other);
    if contradicted && !matches!(trust.policy, Policy::All) {
        return Origin::default();
    }
    Origin {
        client: origin.client.or(other.client),
        port: if origin.host.is_none() {
            other.port
        } else {
            None
        },
        host: origin.host.or(other.host),
        proto: origin.proto.or(other.proto),
    }
}

fn from_forwarded<'a>(policy: &Policy, elements: &List<'a>) -> Origin<'a> {
    let client = |element| parameter(element, "for").as_deref().and_then(node);
    let Some(element) = elements.get(policy.place(elements, client)) else {
        return Origin::default();
    };
    Origin {
        client: client(element),
        host: parameter(element, "host").filter(|host| is_authority(host)),
        port: None,
        proto: parameter(element, "proto").as_deref().and_then(scheme),
    }
}

fn from_x_forwarded<'a, L, I>(policy: &Policy, clients: &List<'a>, lines: L) -> Origin<'a>
where
    L: Fn(&'static str) -> I,
    I: Iterator<Item = &'a [u8]>,
{
    let client = |element| str::from_utf8(element).ok().and_then(node);
    let place = policy.place(clients, client);
    let value = |name| {
        let list: List<'a> = List::plain(lines(name));
        list.get_or_only(place)
            .and_then(|element| str::from_utf8(element).ok())
    };
    let host = value("x-forwarded-host").filter(|host| is_authority(host));
    let portless = host
        .and_then(split_host_port)
        .is_some_and(|(_, port)| port.is_none());
    Origin {
        client: clients.get(place).and_then(client),
        host: host.map(Cow::Borrowed),
        port: if portless {
            value("x-forwarded-port").and_then(parse_port)
        } else {
            None
        },
        proto: value("x-forwarded-proto").and_then(scheme),
    }
}

impl Policy {
    /// The leftmost element that a trusted proxy wrote, if the list reaches that far, else its leftmost one.
    fn place<'a>(&self, list: &List<'a>, client: impl Fn(&'a [u8]) -> Option<Client>) -> Place {
        let last = list.len().saturating_sub(1);
        match self {
            Self::None => Place::FromRight(MAX_ELEMENTS),
            Self::All => Place::First,
            Self::Hops(n) if list.is_empty() => Place::FromRight(n - 1),
            Self::Hops(n) => Place::FromRight((n - 1).min(last)),
            Self::Networks(networks) => {
                let ours = |element: &'a [u8]| {
                    client(element).is_some_and(|(address, _)| within(networks, address))
                };
                let from_right =
                    (0..last).find(|at| !list.get(Place::FromRight(*at)).is_some_and(ours));
                Place::FromRight(from_right.unwrap_or(last))
            }
        }
    }
}

type Client = (IpAddr, Option<u16>);

fn within(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// A node (RFC 7239 §6) that is an address. `unknown`, `_hidden` and whatever else are none; a hidden port is none.
fn node(text: &str) -> Option<Client> {
    if text.contains('@') {
        return None;
    }
    let (host, port) = split_host_port(text)?;
    let address = host
        .split_once('%')
        .map_or(host, |(address, _zone)| address);
    let address: IpAddr = address.parse().ok()?;
    Some((address.to_canonical(), port))
}

fn is_authority(host: &str) -> bool {
    !host.contains('@') && split_host_port(host).is_some()
}

fn scheme(proto: &str) -> Option<&'static str> {
    ["https", "http"]
        .into_iter()
        .find(|known| proto.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests;
