//! A trace by hand.

use std::time::Duration;

use super::{Kind, Span};

/// An order that came through at the second attempt: spans 1 to 4 are the first one, 5 to 8 the second.
pub(crate) fn retried() -> Vec<Span> {
    let attempt = |first: u64, start: u64, orders: u16| {
        [
            span(
                first,
                1,
                ("storefront", Kind::Client, "POST"),
                start,
                4,
                orders,
            ),
            span(
                first + 1,
                first,
                ("orders", Kind::Server, "POST /orders/{sku}"),
                start + 1,
                3,
                orders,
            ),
            span(
                first + 2,
                first + 1,
                ("orders", Kind::Client, "GET"),
                start + 1,
                2,
                orders,
            ),
            span(
                first + 3,
                first + 2,
                ("stock", Kind::Server, "GET /stock/{sku}"),
                start + 2,
                1,
                orders,
            ),
        ]
    };
    let mut spans = vec![span(
        1,
        0,
        ("storefront", Kind::Server, "GET /buy/{sku}"),
        0,
        9,
        200,
    )];
    spans.extend(attempt(2, 0, 503));
    spans.extend(attempt(6, 5, 200));
    let resend = "http.request.resend_count".to_owned();
    spans[5].attributes.insert(resend, "1".to_owned());
    spans
}

/// `start` and `lasts` in milliseconds; a parent of 0 is none.
fn span(id: u64, parent: u64, is: (&str, Kind, &str), start: u64, lasts: u64, status: u16) -> Span {
    let (service, kind, name) = is;
    let mut span = Span {
        trace: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        id: format!("{id:016x}"),
        parent: (parent > 0).then(|| format!("{parent:016x}")),
        service: service.to_owned(),
        kind,
        name: name.to_owned(),
        start: Duration::from_millis(1_800_000_000_000 + start),
        duration: Duration::from_millis(lasts),
        is_error: status >= 500,
        attributes: [("http.response.status_code".to_owned(), status.to_string())].into(),
    };
    if span.is_error {
        span.attributes
            .insert("error.type".to_owned(), status.to_string());
    }
    span
}
