//! The pictures of the README, where they are asked for: `THROUGHLINE_SCREENSHOTS=1`.

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::{
    CLIENT, SERVER,
    common::{Running, attribute, span, start},
    driver::{is_asked, open},
    failed, lasting, of_kind,
};

const PRODUCER: i32 = 4;

/// A span from and to these microseconds of its trace.
fn during(trace: u128, id: u64, parent: Option<u64>, name: &str, (from, to): (u64, u64)) -> Span {
    let mut made = lasting(span(trace, id, parent, name), 0);
    made.start_time_unix_nano -= id * 1_000_000;
    made.start_time_unix_nano += from * 1_000;
    // A minute and a half for each, so that there is something over time.
    made.start_time_unix_nano += trace as u64 * 89_000_000_000;
    made.end_time_unix_nano = made.start_time_unix_nano + (to - from) * 1_000;
    made
}

/// Orders of tea: some are slow, some fail, some ask the database again and again.
async fn shop(viewer: &Running) {
    for trace in 1..=48u128 {
        let slow = 1 + (trace as u64 * 7919) % 5;
        let is_bad = trace % 9 == 4 || trace == 48;
        let mark = |span| if is_bad { failed(span) } else { span };
        let asks = if trace % 4 == 0 { 14 } else { 2 };
        let paid = 21_000 + asks * 2_600;
        let end = paid + 9_000 * slow;
        let send = |service, spans| viewer.send_spans(service, spans);
        let call = |id, parent, name, time| of_kind(during(trace, id, parent, name, time), CLIENT);
        let serve = |id, parent, name, time| of_kind(during(trace, id, parent, name, time), SERVER);
        send(
            "storefront",
            vec![
                mark(serve(1, None, "POST /checkout", (0, end + 4_000))),
                call(2, Some(1), "GET", (400, 7_000)),
                call(3, Some(1), "GET", (500, 12_500)),
                mark(call(4, Some(1), "POST", (13_000, end + 3_000))),
            ],
        )
        .await;
        send(
            "users",
            vec![serve(5, Some(2), "GET /users/{id}", (900, 6_600))],
        )
        .await;
        let mut select = call(7, Some(6), "SELECT teas", (2_000, 9_500));
        select.attributes = vec![
            attribute("db.system.name", "postgresql"),
            attribute("db.namespace", "catalog"),
        ];
        send(
            "catalog",
            vec![serve(6, Some(3), "GET /teas", (1_100, 12_100)), select],
        )
        .await;
        let mut orders = mark(serve(8, Some(4), "POST /orders", (13_500, end + 2_500)));
        orders.attributes = vec![
            attribute("http.request.method", "POST"),
            attribute("http.route", "/orders"),
            attribute("shop.tea", "Oolong"),
            attribute("url.path", "/orders"),
        ];
        let mut spans = vec![orders, mark(call(9, Some(8), "POST", (paid, end)))];
        for ask in 0..asks {
            let from = 14_500 + ask * 2_600;
            let mut select = call(20 + ask, Some(8), "SELECT stock", (from, from + 2_100));
            select.attributes = vec![
                attribute("db.system.name", "postgresql"),
                attribute("db.namespace", "stock"),
            ];
            spans.push(select);
        }
        let mut receipt = during(
            trace,
            10,
            Some(8),
            "send receipts",
            (end + 500, end + 1_700),
        );
        receipt.attributes = vec![attribute("messaging.destination.name", "receipts")];
        spans.push(of_kind(receipt, PRODUCER));
        send("orders", spans).await;
        let charge = serve(11, Some(9), "POST /charge", (paid + 600, end - 500));
        send("payments", vec![mark(charge)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_each_page() {
    if !is_asked("THROUGHLINE_SCREENSHOTS") {
        return;
    }
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    shop(&viewer).await;
    let (bad, well) = (format!("{:032x}", 48), format!("{:032x}", 47));
    for (name, path, wait) in [
        ("traces", "/".to_owned(), ".traces"),
        (
            "trace",
            format!("/trace/{bad}?span=0000000000000008&path=1"),
            "#detail .facts",
        ),
        ("map", "/map".to_owned(), ".map"),
        ("overview", "/overview".to_owned(), ".overview"),
        ("compare", format!("/compare?a={well}&b={bad}"), ".compare"),
    ] {
        browser
            .page
            .goto(&format!("{}{path}", viewer.page))
            .await
            .unwrap();
        browser.wait(wait).await;
        browser.picture(name).await;
    }
    browser.close().await;
}
