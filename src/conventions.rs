//! Which conventions describe an exchange: the only place that pairs a side with a protocol.

pub(crate) mod measured;

use std::{borrow::Cow, time::Duration};

use http::StatusCode;

use crate::{
    captured::{Captured, Headers},
    config::{Config, ServerConfig, Side},
    head::{HeaderSource, RequestHead, ResponseHead},
    outcome::{End, Verdict},
    protocol::Protocol,
    remote,
    scan::Scan,
    semconv::{
        self, Sink,
        client::Call,
        method::Method,
        names::{NETWORK_PROTOCOL_VERSION, RPC_DEADLINE_EXCEEDED},
        rpc, verdict,
    },
    value::Value,
};

/// What is known of an exchange when it ends.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) status: Option<StatusCode>,
    /// What the head of the response said, if it said anything.
    pub(crate) early: Option<&'a rpc::Status>,
    pub(crate) is_recorded: bool,
}

/// The name of a span: a route or a method of few values, or what the user's hook says.
pub(crate) fn name(
    side: &Side,
    protocol: Protocol,
    method: &Method,
    head: &RequestHead<'_>,
    target: Option<&str>,
) -> Cow<'static, str> {
    let hook = side.common().span_name.as_ref();
    let own = hook.and_then(|hook| crate::guard::guarded(|| hook(head)).flatten());
    own.unwrap_or_else(|| match protocol {
        Protocol::Http => semconv::server::name(method, target),
        Protocol::Grpc => rpc_method(side, head).in_name(),
    })
}

/// The attributes of a request that a server got.
pub(crate) fn server_request(
    config: &ServerConfig,
    protocol: Protocol,
    method: &Method,
    head: &RequestHead<'_>,
    scan: &Scan<'_>,
    deadline: Option<Duration>,
    sink: &mut impl Sink,
) {
    let peer = remote::peer(head);
    match protocol {
        Protocol::Http => {
            let rules = semconv::server::Rules {
                redaction: &config.common.redaction,
                trust: &config.trust,
                scheme: config.scheme.as_str(),
                body_sizes: config.common.body_sizes,
            };
            semconv::server::request(&rules, method, head, scan, peer, sink);
        }
        Protocol::Grpc => {
            let method = rpc::Method::of(head.uri().path(), config.rpc_methods.as_deref());
            rpc::server_request(method, head, scan, peer, deadline, sink);
        }
    }
}

/// The attributes of a request that a client sends.
pub(crate) fn client_request(
    protocol: Protocol,
    method: &Method,
    head: &RequestHead<'_>,
    call: &Call<'_>,
    sink: &mut impl Sink,
) {
    match protocol {
        Protocol::Http => semconv::client::request(call, method, head, sink),
        Protocol::Grpc => {
            let method = rpc::Method::of(head.uri().path(), None);
            rpc::client_request(method, call.destination, call.service, sink);
        }
    }
}

/// The headers of a request: those that the layer lists, else those that are listed for all layers.
pub(crate) fn request_headers(
    config: &Config,
    listed: Option<&Headers>,
    protocol: Protocol,
    head: &RequestHead<'_>,
    sink: &mut impl Sink,
) {
    let list = own(&config.request_headers, listed, |listed| &listed.request);
    captured(list, protocol, head.headers(), sink);
}

/// The attributes of a response's head.
pub(crate) fn response(
    protocol: Protocol,
    side: &Side,
    head: &ResponseHead<'_>,
    listed: Option<&Headers>,
    sink: &mut impl Sink,
) {
    if let Side::Client(_) = side {
        semconv::server::network_peer(remote::of_response(head), sink);
        if protocol == Protocol::Http
            && let Some(version) = head.version().and_then(semconv::protocol_version)
        {
            sink.set(NETWORK_PROTOCOL_VERSION, Value::Static(version));
        }
    }
    let common = side.common();
    let headers = own(&common.response_headers, listed, |listed| &listed.response);
    let trailers = &common.response_trailers;
    if headers.is_empty() && trailers.is_empty() {
        return;
    }
    let holds_trailers = protocol == Protocol::Grpc && rpc::is_trailers_only(head.headers());
    let list = if holds_trailers { trailers } else { headers };
    captured(list, protocol, head.headers(), sink);
}

/// The deadline that the caller of a server set.
pub(crate) fn deadline(protocol: Protocol, scan: &Scan<'_>) -> Option<Duration> {
    match protocol {
        Protocol::Http => None,
        Protocol::Grpc => scan.grpc_timeout.and_then(rpc::timeout),
    }
}

/// What a head that may be all there is says of a call; HTTP says it by its status alone.
pub(crate) fn early_status(
    protocol: Protocol,
    head: &ResponseHead<'_>,
    is_recorded: bool,
) -> Option<rpc::Status> {
    match protocol {
        Protocol::Http => None,
        Protocol::Grpc => {
            rpc::status(head.headers(), is_recorded).or_else(|| rpc::of_http(head.status()))
        }
    }
}

/// What the end of a call says besides its verdict. `is_late`: the deadline that the caller set had run out.
pub(crate) fn ended(
    protocol: Protocol,
    side: &Side,
    end: &End<'_>,
    is_late: bool,
    sink: &mut impl Sink,
) {
    if protocol != Protocol::Grpc {
        return;
    }
    if let End::Complete(Some(trailers)) = end {
        captured(&side.common().response_trailers, protocol, *trailers, sink);
    }
    if is_late && matches!(end, End::Cancelled) {
        sink.set(RPC_DEADLINE_EXCEEDED, true);
    }
}

/// Whether the exchange failed; the attributes that say it go into the sink.
#[inline]
pub(crate) fn verdict(
    protocol: Protocol,
    side: &Side,
    ended: &Ended<'_>,
    end: End<'_>,
    sink: &mut impl Sink,
) -> Verdict {
    match (protocol, side) {
        (Protocol::Http, Side::Server(_)) => verdict::server(ended.status, end),
        (Protocol::Http, Side::Client(_)) => verdict::client(ended.status, end),
        (Protocol::Grpc, _) if matches!(end, End::Panicked) => rpc::panicked(sink),
        (Protocol::Grpc, side) => {
            let status = rpc::ended(ended.early, &end, ended.is_recorded);
            match side {
                Side::Server(_) => rpc::server(status, sink),
                Side::Client(_) => rpc::client(status, sink),
            }
        }
    }
}

fn rpc_method<'a>(side: &Side, head: &RequestHead<'a>) -> rpc::Method<'a> {
    let list = match side {
        Side::Server(config) => config.rpc_methods.as_deref(),
        Side::Client(_) => None,
    };
    rpc::Method::of(head.uri().path(), list)
}

/// What the layer lists, else what is listed for all layers.
fn own<'a>(
    layer: &'a [Captured],
    all: Option<&'a Headers>,
    of: impl FnOnce(&'a Headers) -> &'a Vec<Captured>,
) -> &'a [Captured] {
    match (layer, all) {
        ([], Some(all)) => of(all),
        (layer, _) => layer,
    }
}

/// The headers of an allow-list: one text per line. gRPC has bytes that are no text in base64, as on the wire.
fn captured(
    list: &[Captured],
    protocol: Protocol,
    headers: &dyn HeaderSource,
    sink: &mut impl Sink,
) {
    for captured in list {
        let mut lines = Vec::new();
        headers.all(&captured.header, &mut |line| {
            let text = semconv::text(line).map(str::to_owned);
            lines.extend(match protocol {
                Protocol::Http => text,
                Protocol::Grpc => text.or_else(|| rpc::base64(line)),
            });
        });
        if !lines.is_empty() {
            sink.set(captured.attribute(protocol), lines);
        }
    }
}
