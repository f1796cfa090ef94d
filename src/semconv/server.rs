//! HTTP server spans (HTTP spans, section HTTP server).

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use http::HeaderName;

use crate::{
    head::RequestHead,
    scan::{Lines, Scan, decimal},
    semconv::{
        Sink, address, measure,
        method::Method,
        names::{
            CLIENT_ADDRESS, CLIENT_PORT, HTTP_REQUEST_BODY_SIZE, HTTP_REQUEST_METHOD,
            HTTP_REQUEST_METHOD_ORIGINAL, NETWORK_PEER_ADDRESS, NETWORK_PEER_PORT,
            NETWORK_PROTOCOL_VERSION, SERVER_ADDRESS, SERVER_PORT, URL_PATH, URL_QUERY, URL_SCHEME,
            USER_AGENT_ORIGINAL,
        },
        peer::{self, Origin, TrustedProxies, split_host_port},
        protocol_version, text,
        url::{Redaction, capped},
    },
    value::Value,
};

/// What the user decided about the attributes of a server.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) redaction: &'a Redaction,
    pub(crate) trust: &'a TrustedProxies,
    /// The scheme of requests that do not say theirs: HTTP/1.1 to a server never does.
    pub(crate) scheme: &'static str,
    pub(crate) body_sizes: bool,
}

/// `{method} {route}`, or the method alone: never the path.
pub(crate) fn name(method: &Method, route: Option<&str>) -> Cow<'static, str> {
    match (method, route) {
        (Method::Known(name), None) => Cow::Borrowed(name),
        (_, None) => Cow::Owned(method.in_name().to_owned()),
        (_, Some(route)) => Cow::Owned([method.in_name(), " ", route].concat()),
    }
}

/// The attributes of a request, all known at the start. The route comes with the end.
pub(crate) fn request(
    rules: &Rules<'_>,
    method: &Method,
    head: &RequestHead<'_>,
    scan: &Scan<'_>,
    peer: Option<SocketAddr>,
    sink: &mut impl Sink,
) {
    sink.set(HTTP_REQUEST_METHOD, method.value());
    if *method == Method::Other {
        sink.set(HTTP_REQUEST_METHOD_ORIGINAL, capped(head.method()));
    }
    // `CONNECT` names a host and no path.
    if let Some(path) = text(head.uri().path().as_bytes()) {
        sink.set(URL_PATH, path);
    }
    if let Some(query) = head.uri().query().filter(|query| !query.is_empty()) {
        match rules.redaction.query(query) {
            Cow::Borrowed(query) => sink.set(URL_QUERY, query),
            Cow::Owned(query) => sink.set(URL_QUERY, query),
        }
    }
    let origin = origin(rules.trust, head, scan, || peer);
    sink.set(URL_SCHEME, scheme(rules, head, &origin));
    server_address(head, scan, &origin, sink);
    peers(&origin, peer, sink);
    if let Some(version) = head.version().and_then(protocol_version) {
        sink.set(NETWORK_PROTOCOL_VERSION, Value::Static(version));
    }
    if let Some(agent) = scan.user_agent.and_then(text) {
        sink.set(USER_AGENT_ORIGINAL, agent);
    }
    if rules.body_sizes
        && let Some(size) = scan.content_length.and_then(decimal)
    {
        sink.set(
            HTTP_REQUEST_BODY_SIZE,
            i64::try_from(size).unwrap_or(i64::MAX),
        );
    }
}

/// `server.*` of a request: of a trusted forwarded host, of the target's authority, of `Host`, whichever is first.
pub(crate) fn server_address(
    head: &RequestHead<'_>,
    scan: &Scan<'_>,
    origin: &Origin<'_>,
    sink: &mut impl Sink,
) {
    if let Some((host, port)) = authority(head, scan.host, Some(origin)) {
        sink.set(SERVER_ADDRESS, host);
        if let Some(port) = port {
            sink.set(SERVER_PORT, port);
        }
    }
}

/// The host and port that a request is for.
pub(crate) fn authority<'a>(
    head: &RequestHead<'a>,
    host: Option<&'a [u8]>,
    origin: Option<&'a Origin<'_>>,
) -> Option<(&'a str, Option<u16>)> {
    let host = host.and_then(|host| std::str::from_utf8(host).ok());
    let forwarded = origin.and_then(|origin| origin.host.as_deref());
    let named = [forwarded, head.uri().authority(), host];
    let (host, port) = named.into_iter().flatten().find_map(split_host_port)?;
    Some((capped(host), port.or_else(|| origin?.port)))
}

/// The scheme as metrics have it: one of few, whatever a request says.
pub(crate) fn known_scheme(
    head: &RequestHead<'_>,
    origin: Option<&Origin<'_>>,
    default: &'static str,
) -> &'static str {
    let own = head.uri().scheme().map(measure::scheme);
    let forwarded = origin.and_then(|origin| origin.proto);
    forwarded.or(own).unwrap_or(default)
}

/// `network.peer.*`: the socket's other end, which no header can forge.
pub(crate) fn network_peer(peer: Option<SocketAddr>, sink: &mut impl Sink) {
    if let Some(peer) = peer {
        sink.set(NETWORK_PEER_ADDRESS, address::text(peer.ip()));
        sink.set(NETWORK_PEER_PORT, peer.port());
    }
}

/// What the trusted proxies say. Nothing is read while nobody is trusted, or nobody spoke.
pub(crate) fn origin<'a>(
    trust: &TrustedProxies,
    head: &RequestHead<'a>,
    scan: &Scan<'_>,
    peer: impl FnOnce() -> Option<SocketAddr>,
) -> Origin<'a> {
    if !scan.forwarded {
        return Origin::default();
    }
    let headers = head.headers();
    let lines = |name| {
        let mut lines = Lines::new();
        headers.all(&HeaderName::from_static(name), &mut |line| lines.push(line));
        lines.into_iter()
    };
    peer::resolve(trust, lines, peer().map(|peer| peer.ip()))
}

fn scheme(rules: &Rules<'_>, head: &RequestHead<'_>, origin: &Origin<'_>) -> Value<'static> {
    let own = head.uri().scheme().map(|scheme| match scheme {
        "http" => Value::Static("http"),
        "https" => Value::Static("https"),
        other => Value::Owned(capped(other).to_owned()),
    });
    origin
        .proto
        .map(Value::Static)
        .or(own)
        .unwrap_or(Value::Static(rules.scheme))
}

/// `client.*` of whom the proxies name, else of the socket's other end, which is `network.peer.*`.
fn peers(origin: &Origin<'_>, peer: Option<SocketAddr>, sink: &mut impl Sink) {
    if let Some((client, port)) = origin.client {
        sink.set(CLIENT_ADDRESS, address::text(client));
        if let Some(port) = port {
            sink.set(CLIENT_PORT, port);
        }
        network_peer(peer, sink);
    } else if let Some(peer) = peer {
        let text = address::text(peer.ip());
        sink.set(CLIENT_ADDRESS, Arc::clone(&text));
        sink.set(NETWORK_PEER_ADDRESS, text);
        sink.set(NETWORK_PEER_PORT, peer.port());
    }
}
