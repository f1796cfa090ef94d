//! The status table: each code, on unary and on streaming calls, on both sides.

use crate::{
    common::text,
    support::{Spans, asking, assert_rpc, description, drain, serve, verdict},
};

/// Number, name, whether it is an error on the server's span. On the client's all but OK are.
pub const CODES: [(u8, &str, bool); 17] = [
    (0, "OK", false),
    (1, "CANCELLED", false),
    (2, "UNKNOWN", true),
    (3, "INVALID_ARGUMENT", false),
    (4, "DEADLINE_EXCEEDED", true),
    (5, "NOT_FOUND", false),
    (6, "ALREADY_EXISTS", false),
    (7, "PERMISSION_DENIED", false),
    (8, "RESOURCE_EXHAUSTED", false),
    (9, "FAILED_PRECONDITION", false),
    (10, "ABORTED", false),
    (11, "OUT_OF_RANGE", false),
    (12, "UNIMPLEMENTED", true),
    (13, "INTERNAL", true),
    (14, "UNAVAILABLE", true),
    (15, "DATA_LOSS", true),
    (16, "UNAUTHENTICATED", false),
];

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// An error is a head that is all there is.
    Unary,
    /// An error is in the trailers of an empty body.
    Empty,
    /// An error is in the trailers after three messages.
    Stream,
}

pub const KINDS: [Kind; 3] = [Kind::Unary, Kind::Empty, Kind::Stream];

#[tokio::test]
async fn every_code_by_side_and_kind() {
    for kind in KINDS {
        for (number, name, fails_server) in CODES {
            let spans = Spans::new();
            let (addr, _calls) = serve(spans.server()).await;
            call(&spans, addr, kind, number).await;

            let case = format!("{name}, {kind:?}");
            let (server, client) = spans.pair().await;
            for (span, fails) in [(&server, fails_server), (&client, number != 0)] {
                let error_type = fails.then(|| name.to_owned());
                assert_eq!(
                    verdict(span),
                    (name.to_owned(), error_type, fails),
                    "{case} {:?}",
                    span.span_kind
                );
                assert_eq!(
                    description(span),
                    if fails { "as asked: ü" } else { "" },
                    "{case}"
                );
                assert_eq!(text(span, "throughline.ending"), None, "{case}");
                assert_rpc(span);
            }
        }
    }
}

pub async fn call(spans: &Spans, addr: std::net::SocketAddr, kind: Kind, number: u8) {
    let mut client = spans.connect(addr).await;
    let code = number.to_string();
    let status = match kind {
        Kind::Unary => client.quote(asking([("ask-code", &code)])).await.err(),
        Kind::Empty => {
            let ask = asking([("ask-code", &code), ("ask-messages", "0")]);
            let (count, status) = drain(client.watch(ask).await.unwrap().into_inner()).await;
            assert_eq!(count, 0);
            status
        }
        Kind::Stream => {
            let ask = asking([("ask-code", &code), ("ask-messages", "3")]);
            let (count, status) = drain(client.watch(ask).await.unwrap().into_inner()).await;
            assert_eq!(count, 3);
            status
        }
    };
    let got = status.map_or(0, |status| status.code() as u8);
    assert_eq!(got, number, "the caller's own view");
}
