use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::semconv::Name;

/// Keeps what is set, as text.
#[derive(Default)]
struct Kept(Vec<(String, String)>);

impl Sink for Kept {
    fn set<'v>(&mut self, name: impl Into<Name>, value: impl Into<Value<'v>>) {
        let name = match name.into() {
            Name::Static(name) => name.to_owned(),
            Name::Shared(name) => name.to_string(),
        };
        self.0.push((name, format!("{:?}", value.into())));
    }
}

fn headers(lines: &[(&'static str, &[u8])]) -> HeaderMap {
    let value = |bytes: &[u8]| http::HeaderValue::from_bytes(bytes).unwrap();
    lines
        .iter()
        .map(|(name, bytes)| (HeaderName::from_static(name), value(bytes)))
        .collect()
}

#[test]
fn every_code_counts_by_side() {
    // The table of the conventions: number, name, whether it is the client's error, whether it is the server's.
    let table = [
        (0, "OK", false, false),
        (1, "CANCELLED", true, false),
        (2, "UNKNOWN", true, true),
        (3, "INVALID_ARGUMENT", true, false),
        (4, "DEADLINE_EXCEEDED", true, true),
        (5, "NOT_FOUND", true, false),
        (6, "ALREADY_EXISTS", true, false),
        (7, "PERMISSION_DENIED", true, false),
        (8, "RESOURCE_EXHAUSTED", true, false),
        (9, "FAILED_PRECONDITION", true, false),
        (10, "ABORTED", true, false),
        (11, "OUT_OF_RANGE", true, false),
        (12, "UNIMPLEMENTED", true, true),
        (13, "INTERNAL", true, true),
        (14, "UNAVAILABLE", true, true),
        (15, "DATA_LOSS", true, true),
        (16, "UNAUTHENTICATED", true, false),
    ];
    for (number, name, on_client, on_server) in table {
        let text = number.to_string();
        let status = status(&headers(&[("grpc-status", text.as_bytes())]), true).unwrap();
        assert_eq!(status.code, name);
        let mut kept = Kept::default();
        let verdict = server(status.clone(), &mut kept);
        assert_eq!(
            verdict.error_type.as_deref(),
            on_server.then_some(name),
            "server {name}"
        );
        let verdict = client(status, &mut kept);
        assert_eq!(
            verdict.error_type.as_deref(),
            on_client.then_some(name),
            "client {name}"
        );
        let set = (RPC_STATUS_CODE.to_owned(), format!("Static({name:?})"));
        assert_eq!(kept.0, [set.clone(), set]);
    }
}

#[test]
fn a_status_that_is_none_is_unknown() {
    for value in [
        &b"99"[..],
        b"17",
        b"-1",
        b"+1",
        b"text",
        b"",
        b"1 ",
        b"\xff",
        b"99999999999999999999999",
    ] {
        assert_eq!(
            status(&headers(&[("grpc-status", value)]), true)
                .unwrap()
                .code,
            "UNKNOWN",
            "{value:?}"
        );
    }
    assert_eq!(status(&HeaderMap::new(), true), None);
    // Of several, the first counts.
    let twice = headers(&[("grpc-status", b"5"), ("grpc-status", b"0")]);
    assert_eq!(status(&twice, true).unwrap().code, "NOT_FOUND");
}

#[test]
fn messages_are_decoded_as_far_as_they_can_be() {
    let cases: [(&[u8], &str); 6] = [
        (b"no%20socks", "no socks"),
        (b"caf%C3%A9", "café"),
        (b"100%", "100%"),
        (b"%zz%2", "%zz%2"),
        (b"%FF", "\u{fffd}"),
        (b"", ""),
    ];
    for (message, want) in cases {
        let trailers = headers(&[("grpc-status", b"13"), ("grpc-message", message)]);
        assert_eq!(status(&trailers, true).unwrap().message, want);
        assert_eq!(status(&trailers, false).unwrap().message, "");
    }
}

#[test]
fn a_method_is_a_service_and_a_name() {
    let list = HashSet::from(["shop.Pricing/Quote".into()]);
    let cases = [
        (
            "/shop.Pricing/Quote",
            Method::Known("shop.Pricing/Quote"),
            "shop.Pricing/Quote",
        ),
        ("/a/b", Method::Known("a/b"), "a/b"),
        ("/", Method::Other(""), "grpc"),
        ("//", Method::Other("/"), "grpc"),
        ("/a", Method::Other("a"), "grpc"),
        ("/a/", Method::Other("a/"), "grpc"),
        ("//b", Method::Other("/b"), "grpc"),
        ("/a/b/c", Method::Other("a/b/c"), "grpc"),
        ("*", Method::Other("*"), "grpc"),
    ];
    for (path, want, name) in cases {
        assert_eq!(Method::of(path, None), want, "{path}");
        assert_eq!(Method::of(path, None).in_name(), name, "{path}");
    }
    assert_eq!(
        Method::of("/shop.Pricing/Quote", Some(&list)),
        Method::Known("shop.Pricing/Quote")
    );
    assert_eq!(
        Method::of("/shop.Pricing/Scan", Some(&list)),
        Method::Other("shop.Pricing/Scan")
    );
}

#[test]
fn deadlines_have_eight_digits_and_a_unit() {
    let cases = [
        ("1H", Some(Duration::from_secs(3600))),
        ("2M", Some(Duration::from_secs(120))),
        ("3S", Some(Duration::from_secs(3))),
        ("250m", Some(Duration::from_millis(250))),
        ("7u", Some(Duration::from_micros(7))),
        ("99999999n", Some(Duration::from_nanos(99_999_999))),
        ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
        ("123456789S", None),
        ("S", None),
        ("1", None),
        ("-1S", None),
        ("1s", None),
        ("", None),
    ];
    for (value, want) in cases {
        assert_eq!(timeout(value.as_bytes()), want, "{value}");
    }
}

#[test]
fn the_end_says_the_status_where_no_trailer_does() {
    let early = Some(Status {
        code: "NOT_FOUND",
        message: String::new().into(),
    });
    let trailers = headers(&[("grpc-status", b"13")]);
    let empty = HeaderMap::new();
    let failure = |word: &'static str| crate::outcome::Failure {
        error_type: word.into(),
        message: String::new(),
        status: None,
    };
    let held = crate::outcome::Failure {
        status: Some(7),
        ..failure("connection_refused")
    };
    let cases = [
        (early.clone(), End::Complete(Some(&trailers)), "INTERNAL"),
        (early.clone(), End::Complete(Some(&empty)), "NOT_FOUND"),
        (early.clone(), End::Complete(None), "NOT_FOUND"),
        (None, End::Complete(Some(&empty)), "UNKNOWN"),
        (None, End::Complete(None), "UNKNOWN"),
        (early, End::Cancelled, "CANCELLED"),
        (None, End::Panicked, "UNKNOWN"),
        (
            None,
            End::ServiceError(failure("connection_refused")),
            "UNAVAILABLE",
        ),
        (
            None,
            End::ServiceError(failure("timeout")),
            "DEADLINE_EXCEEDED",
        ),
        (
            None,
            End::ServiceError(failure("overloaded")),
            "RESOURCE_EXHAUSTED",
        ),
        (None, End::BodyError(held), "PERMISSION_DENIED"),
        (None, End::BodyError(failure("something")), "UNKNOWN"),
    ];
    for (early, end, want) in cases {
        assert_eq!(ended(early.as_ref(), &end, true).code, want, "{end:?}");
    }
}

#[test]
fn http_answers_have_codes_too() {
    let cases = [
        (200, None),
        (400, Some("INTERNAL")),
        (401, Some("UNAUTHENTICATED")),
        (403, Some("PERMISSION_DENIED")),
        (404, Some("UNIMPLEMENTED")),
        (418, Some("UNKNOWN")),
        (429, Some("UNAVAILABLE")),
        (500, Some("UNKNOWN")),
        (503, Some("UNAVAILABLE")),
    ];
    for (status, want) in cases {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(of_http(status).map(|status| status.code), want, "{status}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..64), path in any::<String>()) {
        timeout(&bytes);
        decode(&bytes);
        base64(&bytes);
        Method::of(&path, None).in_name();
    }
}
