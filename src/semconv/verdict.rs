//! Whether an HTTP exchange failed: the status tables of both sides (HTTP spans, section Status).

use std::borrow::Cow;

use http::StatusCode;

use crate::outcome::{End, Verdict};

/// `error.type` of a server's span whose caller left, and of one that a timeout outside gave up.
const CANCELLED: &str = "cancelled";

/// A server fails by what it could not do: codes from 500, and everything that kept the answer from its end.
pub(crate) fn server(status: Option<StatusCode>, end: End<'_>) -> Verdict {
    match end {
        End::Cancelled => Verdict::error(CANCELLED, "the exchange was dropped before its end"),
        End::Complete(_) | End::Upgraded => by_code(status, |code| code >= 500),
        End::ServiceError(_) | End::BodyError(_) | End::Panicked => broken(end),
    }
}

/// A client fails by what it did not get: codes from 400 too. Its own wish to stop is no failure.
pub(crate) fn client(status: Option<StatusCode>, end: End<'_>) -> Verdict {
    match end {
        End::Complete(_) | End::Upgraded | End::Cancelled => by_code(status, |code| code >= 400),
        End::ServiceError(_) | End::BodyError(_) | End::Panicked => broken(end),
    }
}

/// What is the same on each side and in each protocol.
pub(crate) fn broken(end: End<'_>) -> Verdict {
    match end {
        End::ServiceError(failure) | End::BodyError(failure) => failure.into(),
        End::Panicked => Verdict::error("panic", "the service panicked"),
        End::Complete(_) | End::Upgraded | End::Cancelled => Verdict::default(),
    }
}

/// `http` lets codes up to 999 through; those above 599 say nothing that a client could read.
fn by_code(status: Option<StatusCode>, fails: impl FnOnce(u16) -> bool) -> Verdict {
    match status {
        Some(status) if fails(status.as_u16()) => Verdict::error(code(status), ""),
        _ => Verdict::default(),
    }
}

fn code(status: StatusCode) -> Cow<'static, str> {
    match status.as_u16() {
        400 => "400".into(),
        401 => "401".into(),
        402 => "402".into(),
        403 => "403".into(),
        404 => "404".into(),
        405 => "405".into(),
        406 => "406".into(),
        408 => "408".into(),
        409 => "409".into(),
        410 => "410".into(),
        412 => "412".into(),
        413 => "413".into(),
        415 => "415".into(),
        416 => "416".into(),
        418 => "418".into(),
        422 => "422".into(),
        425 => "425".into(),
        428 => "428".into(),
        429 => "429".into(),
        431 => "431".into(),
        451 => "451".into(),
        500 => "500".into(),
        501 => "501".into(),
        502 => "502".into(),
        503 => "503".into(),
        504 => "504".into(),
        505 => "505".into(),
        507 => "507".into(),
        508 => "508".into(),
        _ => status.as_str().to_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;

    fn failure() -> Failure {
        Failure {
            error_type: "connection_reset".into(),
            message: "reset".into(),
            status: None,
        }
    }

    #[test]
    fn statuses_count_by_side() {
        let cases = [
            (200, None, None),
            (302, None, None),
            (404, None, Some("404")),
            (418, None, Some("418")),
            (499, None, Some("499")),
            (500, Some("500"), Some("500")),
            (503, Some("503"), Some("503")),
            (799, Some("799"), Some("799")),
        ];
        for (code, on_server, on_client) in cases {
            let status = StatusCode::from_u16(code).ok();
            assert_eq!(
                server(status, End::Complete(None)).error_type.as_deref(),
                on_server,
                "server {code}"
            );
            assert_eq!(
                client(status, End::Complete(None)).error_type.as_deref(),
                on_client,
                "client {code}"
            );
            assert_eq!(server(status, End::Complete(None)).description, "");
        }
    }

    #[test]
    fn endings_count_by_side() {
        let ok = Some(StatusCode::OK);
        assert_eq!(
            server(None, End::Cancelled).error_type.as_deref(),
            Some("cancelled")
        );
        assert_eq!(
            server(ok, End::Cancelled).error_type.as_deref(),
            Some("cancelled")
        );
        assert_eq!(client(None, End::Cancelled), Verdict::default());
        assert_eq!(client(ok, End::Cancelled), Verdict::default());
        for side in [server, client] {
            assert_eq!(side(ok, End::Panicked).error_type.as_deref(), Some("panic"));
            assert_eq!(
                side(ok, End::BodyError(failure())).error_type.as_deref(),
                Some("connection_reset")
            );
            assert_eq!(
                side(None, End::ServiceError(failure())).description,
                "reset"
            );
            assert_eq!(
                side(Some(StatusCode::SWITCHING_PROTOCOLS), End::Upgraded),
                Verdict::default()
            );
        }
    }
}
