//! gRPC spans (RPC spans and gRPC, stable since 1.45.0): HTTP whose verdict is in a trailer.

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use http::StatusCode;

use crate::{
    head::{HeaderSource, RequestHead},
    outcome::{End, Verdict},
    scan::Scan,
    semconv::{
        Sink,
        client::{self, Destination},
        names::{RPC_METHOD, RPC_METHOD_ORIGINAL, RPC_STATUS_CODE, RPC_SYSTEM_NAME},
        peer::Origin,
        server,
        url::capped,
        verdict::broken,
    },
    value::Value,
};

/// The names of the codes, by number (gRPC status codes).
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The codes that a server is to blame for.
const SERVER_ERRORS: [&str; 6] = [
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
];

/// What a call ended with: a code by name, and the text beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// `package.Service/Method` of a path, if it is one.
pub(crate) fn method(path: &str) -> Option<&str> {
    let method = path.strip_prefix('/')?;
    let (service, name) = method.split_once('/')?;
    let is_whole = !service.is_empty() && !name.is_empty() && !name.contains('/');
    is_whole.then_some(method)
}

/// The method, which has few values, or the system where there is none.
pub(crate) fn name(path: &str) -> Cow<'static, str> {
    match method(path) {
        Some(method) => Cow::Owned(capped(method).to_owned()),
        None => Cow::Borrowed("grpc"),
    }
}

/// The attributes of a call that a server got.
pub(crate) fn server_request(
    head: &RequestHead<'_>,
    scan: &Scan<'_>,
    peer: Option<SocketAddr>,
    sink: &mut impl Sink,
) {
    called(head, sink);
    // No forwarded header here: the conventions want the authority of the call.
    server::server_address(head, scan, &Origin::default(), sink);
    server::network_peer(peer, sink);
}

/// The attributes of a call that a client makes.
pub(crate) fn client_request(
    destination: &Destination<'_>,
    service: Option<&Arc<str>>,
    head: &RequestHead<'_>,
    sink: &mut impl Sink,
) {
    called(head, sink);
    client::server(destination, service, sink);
}

/// The status of a block of trailers, or of a head that is all there is. `None` where it has no `grpc-status`.
pub(crate) fn status(headers: &dyn HeaderSource) -> Option<Status> {
    let code = headers.first("grpc-status")?;
    let number = crate::scan::decimal(code).and_then(|number| usize::try_from(number).ok());
    Some(Status {
        // A number that means nothing is UNKNOWN to every client.
        code: number
            .and_then(|number| CODES.get(number))
            .copied()
            .unwrap_or("UNKNOWN"),
        message: headers
            .first("grpc-message")
            .map(decode)
            .unwrap_or_default(),
    })
}

/// The code of a head that is no gRPC answer (gRPC, HTTP to gRPC status code mapping).
pub(crate) fn of_http(status: StatusCode) -> Option<Status> {
    let code = match status.as_u16() {
        200 => return None,
        400 => "INTERNAL",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "UNIMPLEMENTED",
        429 | 502 | 503 | 504 => "UNAVAILABLE",
        _ => "UNKNOWN",
    };
    Some(Status {
        code,
        message: format!("HTTP status {}", status.as_u16()),
    })
}

/// What the server's span says of a call that ended with `status`, which is set here.
pub(crate) fn server(status: Status, sink: &mut impl Sink) -> Verdict {
    let fails = SERVER_ERRORS.contains(&status.code);
    verdict(status, fails, sink)
}

/// What the client's span says of it: anything but OK is an error.
pub(crate) fn client(status: Status, sink: &mut impl Sink) -> Verdict {
    let fails = status.code != "OK";
    verdict(status, fails, sink)
}

/// The status of a call by how its exchange ended. `head` is what the head of the response said, if it said anything.
pub(crate) fn ended(head: Option<Status>, end: &End<'_>) -> Status {
    let made = |code, message: &str| Status {
        code,
        message: message.to_owned(),
    };
    match end {
        End::Complete(trailers) => trailers
            .and_then(|trailers| status(trailers))
            .or(head)
            .unwrap_or_else(|| made("UNKNOWN", "the answer had no grpc-status")),
        End::Upgraded => head.unwrap_or_else(|| made("UNKNOWN", "")),
        End::Cancelled => made("CANCELLED", ""),
        End::ServiceError(failure) | End::BodyError(failure) => {
            made(of_failure(&failure.error_type), &failure.message)
        }
        End::Panicked => made("UNKNOWN", "the service panicked"),
    }
}

/// A panic keeps its own word: it says more than the code that the caller sees.
pub(crate) fn panicked(sink: &mut impl Sink) -> Verdict {
    sink.set(RPC_STATUS_CODE, Value::Static("UNKNOWN"));
    broken(End::Panicked)
}

fn called(head: &RequestHead<'_>, sink: &mut impl Sink) {
    sink.set(RPC_SYSTEM_NAME, Value::Static("grpc"));
    let path = head.uri().path();
    match method(path) {
        Some(method) => sink.set(RPC_METHOD, capped(method)),
        None => {
            sink.set(RPC_METHOD, Value::Static("_OTHER"));
            sink.set(RPC_METHOD_ORIGINAL, capped(path));
        }
    }
}

fn verdict(status: Status, fails: bool, sink: &mut impl Sink) -> Verdict {
    sink.set(RPC_STATUS_CODE, Value::Static(status.code));
    if fails {
        Verdict::error(status.code, status.message)
    } else {
        Verdict::default()
    }
}

/// The code that a gRPC client gives its caller where the connection, not the server, failed.
fn of_failure(error_type: &str) -> &'static str {
    match error_type {
        "timeout" => "DEADLINE_EXCEEDED",
        "request_cancelled" => "CANCELLED",
        "connection_refused"
        | "connection_reset"
        | "connection_aborted"
        | "connection_closed"
        | "not_connected"
        | "broken_pipe"
        | "host_unreachable"
        | "network_unreachable"
        | "address_not_available" => "UNAVAILABLE",
        _ => "UNKNOWN",
    }
}

/// `grpc-message` is percent-encoded UTF-8; what is not stays as it came (gRPC over HTTP2, Responses).
fn decode(message: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let Some((pair, after)) = rest.split_first_chunk::<2>()
            && let Some(decoded) = hex(*pair)
        {
            bytes.push(decoded);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    capped(&String::from_utf8_lossy(&bytes)).to_owned()
}

fn hex([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
