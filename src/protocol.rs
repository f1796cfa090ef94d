//! What a request speaks: HTTP, or gRPC on top of it.

/// The protocol whose conventions describe an exchange, decided once from the request's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

impl Protocol {
    /// Reads the `content-type`: `application/grpc`, alone or with a `+` suffix or parameters, is gRPC (gRPC over
    /// HTTP2, section Requests). `application/grpc-web` is what it is on the wire: HTTP whose body holds the trailers.
    pub(crate) fn of(content_type: Option<&[u8]>) -> Self {
        const GRPC: &[u8] = b"application/grpc";
        let Some((head, rest)) = content_type.and_then(|value| value.split_at_checked(GRPC.len()))
        else {
            return Self::Http;
        };
        let ends = matches!(rest.first(), None | Some(b'+' | b';' | b' ' | b'\t'));
        if ends && head.eq_ignore_ascii_case(GRPC) {
            Self::Grpc
        } else {
            Self::Http
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Protocol;

    #[test]
    fn only_grpc_content_types_are_grpc() {
        let cases: [(&[u8], Protocol); 8] = [
            (b"application/grpc", Protocol::Grpc),
            (b"application/grpc+proto", Protocol::Grpc),
            (b"Application/gRPC;charset=x", Protocol::Grpc),
            (b"application/grpc-web", Protocol::Http),
            (b"application/grpc-web+proto", Protocol::Http),
            (b"application/grp", Protocol::Http),
            (b"", Protocol::Http),
            (b"\xff\xfe", Protocol::Http),
        ];
        for (value, want) in cases {
            assert_eq!(Protocol::of(Some(value)), want, "{value:?}");
        }
        assert_eq!(Protocol::of(None), Protocol::Http);
    }
}
