//! Which conventions describe an exchange: the only place that pairs a side with a protocol.

use std::borrow::Cow;

use http::StatusCode;

use crate::{
    config::{Captured, ClientConfig, ServerConfig, Side},
    head::{HeaderSource, RequestHead, ResponseHead},
    outcome::{End, Verdict},
    protocol::Protocol,
    remote,
    scan::Scan,
    semconv::{
        self, Sink,
        client::Call,
        method::Method,
        names::{HTTP_RESPONSE_STATUS_CODE, NETWORK_PROTOCOL_VERSION},
        rpc, verdict,
    },
    value::Value,
};

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
        Protocol::Grpc => rpc::name(head.uri().path()),
    })
}

/// The attributes of a request that a server got.
pub(crate) fn server_request(
    config: &ServerConfig,
    protocol: Protocol,
    method: &Method,
    head: &RequestHead<'_>,
    scan: &Scan<'_>,
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
        Protocol::Grpc => rpc::server_request(head, scan, peer, sink),
    }
    captured(
        &config.common.request_headers,
        protocol,
        head.headers(),
        sink,
    );
}

/// The attributes of a request that a client sends.
pub(crate) fn client_request(
    config: &ClientConfig,
    protocol: Protocol,
    method: &Method,
    head: &RequestHead<'_>,
    call: &Call<'_>,
    sink: &mut impl Sink,
) {
    match protocol {
        Protocol::Http => semconv::client::request(call, method, head, sink),
        Protocol::Grpc => rpc::client_request(call.destination, call.service, head, sink),
    }
    captured(
        &config.common.request_headers,
        protocol,
        head.headers(),
        sink,
    );
}

/// The attributes of a response's head.
pub(crate) fn response(
    protocol: Protocol,
    side: &Side,
    head: &ResponseHead<'_>,
    sink: &mut impl Sink,
) {
    if protocol == Protocol::Http {
        sink.set(HTTP_RESPONSE_STATUS_CODE, head.status().as_u16());
    }
    if let Side::Client(_) = side {
        semconv::server::network_peer(remote::of_response(head), sink);
        if protocol == Protocol::Http
            && let Some(version) = head.version().and_then(semconv::protocol_version)
        {
            sink.set(NETWORK_PROTOCOL_VERSION, Value::Static(version));
        }
    }
    captured(
        &side.common().response_headers,
        protocol,
        head.headers(),
        sink,
    );
}

/// What a head that may be all there is says of a call; HTTP says it by its status alone.
pub(crate) fn early_status(protocol: Protocol, head: &ResponseHead<'_>) -> Option<rpc::Status> {
    match protocol {
        Protocol::Http => None,
        Protocol::Grpc => rpc::status(head.headers()).or_else(|| rpc::of_http(head.status())),
    }
}

/// Whether the exchange failed; the attributes that say it go into the sink.
pub(crate) fn verdict(
    protocol: Protocol,
    side: &Side,
    status: Option<StatusCode>,
    early: Option<rpc::Status>,
    end: End<'_>,
    sink: &mut impl Sink,
) -> Verdict {
    match (protocol, side) {
        (Protocol::Http, Side::Server(_)) => verdict::server(status, end),
        (Protocol::Http, Side::Client(_)) => verdict::client(status, end),
        (Protocol::Grpc, _) if matches!(end, End::Panicked) => rpc::panicked(sink),
        (Protocol::Grpc, Side::Server(_)) => rpc::server(rpc::ended(early, &end), sink),
        (Protocol::Grpc, Side::Client(_)) => rpc::client(rpc::ended(early, &end), sink),
    }
}

/// The headers of an allow-list: one text per line.
fn captured(
    list: &[Captured],
    protocol: Protocol,
    headers: &dyn HeaderSource,
    sink: &mut impl Sink,
) {
    for captured in list {
        let mut lines = Vec::new();
        headers.all(captured.header.as_str(), &mut |line| {
            lines.extend(semconv::text(line).map(str::to_owned));
        });
        if !lines.is_empty() {
            sink.set(captured.attribute(protocol), lines);
        }
    }
}
