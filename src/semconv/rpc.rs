//! gRPC spans (RPC spans and gRPC, stable since 1.45.0): HTTP whose verdict is in a trailer.

mod codes;

use std::{borrow::Cow, collections::HashSet, net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderName, StatusCode};

use self::codes::{CODES, SERVER_ERRORS};
use crate::{
    head::{HeaderSource, RequestHead},
    outcome::{End, Verdict},
    scan::{Scan, decimal},
    semconv::{
        Sink,
        client::{self, Destination},
        measure::OTHER,
        names::{RPC_METHOD, RPC_METHOD_ORIGINAL, RPC_STATUS_CODE, RPC_SYSTEM_NAME, RPC_TIMEOUT},
        peer::Origin,
        server,
        url::capped,
        verdict::broken,
    },
    value::Value,
};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// What a call ended with: a code by name, and the text beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: &'static str,
    pub(crate) message: Cow<'static, str>,
}

/// The method of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method<'a> {
    /// `package.Service/Method`.
    Known(&'a str),
    /// A path that names no method, or none of the server's.
    Other(&'a str),
}

impl<'a> Method<'a> {
    /// Reads the path. With a list, what is not on it is no method of this server, and may have any number of values.
    pub(crate) fn of(path: &'a str, list: Option<&HashSet<Box<str>>>) -> Self {
        match parse(path) {
            Some(method) if list.is_none_or(|list| list.contains(method)) => {
                Self::Known(capped(method))
            }
            _ => Self::Other(capped(path.strip_prefix('/').unwrap_or(path))),
        }
    }

    /// The method, if it is one.
    pub(crate) fn in_metrics(self) -> &'a str {
        match self {
            Self::Known(method) => method,
            Self::Other(_) => OTHER,
        }
    }

    /// The method, which has few values, or the system where there is none.
    pub(crate) fn in_name(self) -> Cow<'static, str> {
        match self {
            Self::Known(method) => Cow::Owned(method.to_owned()),
            Self::Other(_) => Cow::Borrowed("grpc"),
        }
    }
}

/// The attributes of a call that a server got.
pub(crate) fn server_request(
    method: Method<'_>,
    head: &RequestHead<'_>,
    scan: &Scan<'_>,
    peer: Option<SocketAddr>,
    deadline: Option<Duration>,
    sink: &mut impl Sink,
) {
    called(method, sink);
    // No forwarded header here: the conventions want the authority of the call.
    server::server_address(head, scan, &Origin::default(), sink);
    server::network_peer(peer, sink);
    if let Some(timeout) = deadline {
        sink.set(
            RPC_TIMEOUT,
            i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX),
        );
    }
}

/// The deadline that a caller asks for: up to eight digits and a unit (gRPC over HTTP2, Timeout).
pub(crate) fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let number = decimal(digits).filter(|_| digits.len() <= 8)?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The attributes of a call that a client makes.
pub(crate) fn client_request(
    method: Method<'_>,
    destination: &Destination<'_>,
    service: Option<&Arc<str>>,
    sink: &mut impl Sink,
) {
    called(method, sink);
    client::server(destination, service, sink);
}

/// The name of a code. `None` for a number that means nothing.
pub(crate) fn code(number: usize) -> Option<&'static str> {
    CODES.get(number).copied()
}

/// The status of a block of trailers, or of a head that is all there is. `None` where it has no `grpc-status`.
///
/// The text is read if a span is to carry it.
pub(crate) fn status(headers: &dyn HeaderSource, is_recorded: bool) -> Option<Status> {
    let number = headers.first(&STATUS)?;
    let number = decimal(number).and_then(|number| usize::try_from(number).ok());
    // A number that means nothing is UNKNOWN to every client.
    let code = number.and_then(code).unwrap_or("UNKNOWN");
    let message = match code {
        "OK" => None,
        _ => headers.first(&MESSAGE).filter(|_| is_recorded),
    };
    Some(Status {
        code,
        message: message.map(decode).unwrap_or_default().into(),
    })
}

/// Whether a head is all there is of an answer: it holds the trailers.
pub(crate) fn is_trailers_only(headers: &dyn HeaderSource) -> bool {
    headers.first(&STATUS).is_some()
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
        message: format!("HTTP status {}", status.as_u16()).into(),
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
pub(crate) fn ended(head: Option<&Status>, end: &End<'_>, is_recorded: bool) -> Status {
    let made = |code, message| Status {
        code,
        message: Cow::Borrowed(message),
    };
    match end {
        End::Complete(trailers) => trailers
            .and_then(|trailers| status(trailers, is_recorded))
            .or_else(|| head.cloned())
            .unwrap_or_else(|| made("UNKNOWN", "the answer had no grpc-status")),
        End::Upgraded => head.cloned().unwrap_or_else(|| made("UNKNOWN", "")),
        End::Cancelled => made("CANCELLED", ""),
        End::ServiceError(failure) | End::BodyError(failure) => {
            let held = failure.status.and_then(code);
            let code = held.unwrap_or_else(|| of_failure(&failure.error_type));
            Status {
                code,
                message: failure.message.clone().into(),
            }
        }
        End::Panicked => made("UNKNOWN", "the service panicked"),
    }
}

/// A panic keeps its own word: it says more than the code that the caller sees.
pub(crate) fn panicked(sink: &mut impl Sink) -> Verdict {
    sink.set(RPC_STATUS_CODE, Value::Static("UNKNOWN"));
    Verdict {
        code: Some("UNKNOWN"),
        ..broken(End::Panicked)
    }
}

/// Bytes of metadata that are no text.
pub(crate) fn base64(bytes: &[u8]) -> Option<String> {
    const LONGEST: usize = 3072;
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    (!bytes.is_empty()).then(|| BASE64_STANDARD.encode(bytes))
}

fn called(method: Method<'_>, sink: &mut impl Sink) {
    sink.set(RPC_SYSTEM_NAME, Value::Static("grpc"));
    match method {
        Method::Known(method) => sink.set(RPC_METHOD, method),
        Method::Other(original) => {
            sink.set(RPC_METHOD, Value::Static("_OTHER"));
            if !original.is_empty() {
                sink.set(RPC_METHOD_ORIGINAL, original);
            }
        }
    }
}

fn parse(path: &str) -> Option<&str> {
    let method = path.strip_prefix('/')?;
    // Byte by byte: what searches a `str` is made for longer ones.
    let is_slash = |byte: &u8| *byte == b'/';
    let bytes = method.as_bytes();
    let slash = bytes.iter().position(is_slash)?;
    let name = bytes.get(slash + 1..)?;
    let is_whole = slash > 0 && !name.is_empty() && !name.iter().any(is_slash);
    is_whole.then_some(method)
}

fn verdict(status: Status, fails: bool, sink: &mut impl Sink) -> Verdict {
    sink.set(RPC_STATUS_CODE, Value::Static(status.code));
    let verdict = if fails {
        Verdict::error(status.code, status.message)
    } else {
        Verdict::default()
    };
    Verdict {
        code: Some(status.code),
        ..verdict
    }
}

/// The code of an error that holds none: where the connection, not the server, failed.
fn of_failure(error_type: &str) -> &'static str {
    match error_type {
        "timeout" => "DEADLINE_EXCEEDED",
        "request_cancelled" => "CANCELLED",
        // As tonic has it.
        "overloaded" => "RESOURCE_EXHAUSTED",
        "connection_failed"
        | "connection_refused"
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

#[cfg(test)]
mod tests;
