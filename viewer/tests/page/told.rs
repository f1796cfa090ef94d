//! What is not as it should be is told in words that need no manual; and numbers have the units that fit them.

use opentelemetry_proto::tonic::logs::v1::LogRecord;

use crate::{
    SERVER, clean,
    common::{
        attribute,
        golden::{self, BEGIN},
        span, start,
    },
    driver::open,
    lasting,
};

const DAY: u64 = 86_400_000;

#[tokio::test(flavor = "multi_thread")]
async fn clocks_circles_and_orphans_are_told() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    let all = golden::all();
    golden::send(&viewer, &all).await;
    let page = |name: &str| {
        let id = all.iter().find(|golden| golden.name == name).unwrap().id;
        format!("{}/trace/{id:032x}", viewer.page)
    };
    browser.page.goto(&page("skew")).await.unwrap();
    // Called a tenth of a millisecond after the caller began, by a clock that is two seconds behind.
    assert_eq!(browser.text("#rows .badge.odd").await, "clock 2 s behind");
    let note = browser.text("#skew").await;
    assert!(note.contains("Clocks disagree, by 2 s at least"), "{note}");
    browser.click("#rows .row:nth-child(3) .what").await;
    browser.wait("#detail .facts").await;
    let pane = browser.text("#detail").await;
    assert!(pane.contains("began 2 s before its caller"), "{pane}");
    clean(&browser, "skew").await;

    for (name, told, rows) in [
        ("cycle", "its own ancestor", 3),
        ("orphan", "parent missing", 2),
    ] {
        browser.page.goto(&page(name)).await.unwrap();
        assert_eq!(browser.text("#rows .badge.odd").await, told);
        assert_eq!(browser.count("#rows .row:not([hidden])").await, rows);
        assert_eq!(browser.count("#skew").await, 0, "{name}");
        clean(&browser, name).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_one_and_days_are_days() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    // As long as names in the wild are, without a place to break.
    let service = "inventory_reservation_service_of_the_european_warehouses_in_production";
    let mut only = lasting(span(1, 1, None, "nightly"), 53 * DAY / 24);
    only.attributes = vec![attribute("job", "nightly")];
    viewer.send_spans(service, vec![only]).await;
    viewer
        .send_spans("other", vec![span(2, 1, None, "GET /")])
        .await;
    browser.page.goto(&viewer.page).await.unwrap();
    browser.wait(".traces tbody tr:nth-child(2)").await;
    assert!(browser.text(".count").await.contains("2 traces, 2 spans"));
    browser
        .until("return [...document.querySelectorAll('.traces .duration span')].some((s) => s.textContent === '2 d 5 h')")
        .await;
    for width in [1280, 900, 400] {
        browser.resize(width).await;
        let wide = "return document.documentElement.scrollWidth <= innerWidth";
        assert_eq!(browser.run(wide).await, true, "{width} px");
    }
    clean(&browser, "a long name").await;
    browser
        .page
        .goto(&format!("{}/?limit=1", viewer.page))
        .await
        .unwrap();
    assert!(
        browser
            .text(".count")
            .await
            .starts_with("The newest 1 trace, 1 span,")
    );
    browser
        .page
        .goto(&format!("{}/trace/{:032x}", viewer.page, 1))
        .await
        .unwrap();
    assert!(browser.text("p.facts").await.contains(" · 1 span · "));
    assert_eq!(browser.text("#ticks span:nth-child(3)").await, "1.1 d");
    clean(&browser, "days").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_nothing_the_page_says_so() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    browser.page.goto(&viewer.page).await.unwrap();
    let told = browser.text(".empty pre").await;
    let wanted = format!("OTEL_EXPORTER_OTLP_ENDPOINT={}", viewer.http);
    assert_eq!(told, wanted, "the address of this viewer");
    clean(&browser, "the empty list").await;
    // Logs without spans have no rows, and nothing that is made for rows.
    let log = LogRecord {
        trace_id: 1_u128.to_be_bytes().to_vec(),
        ..LogRecord::default()
    };
    viewer.send_logs("writer", vec![log]).await;
    let trace = format!("{}/trace/{:032x}", viewer.page, 1);
    browser.page.goto(&trace).await.unwrap();
    browser.wait("#strays li").await;
    for made_for_rows in [".tools", "#minimap", "#rows"] {
        let shown = format!("return document.querySelector('{made_for_rows}').checkVisibility()");
        assert_eq!(browser.run(&shown).await, false, "{made_for_rows}");
    }
    assert!(browser.text("p.facts").await.ends_with("UTC · 1 log"));
    browser.keys("j").await;
    clean(&browser, "logs alone").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_id_is_not_waited_for() {
    let viewer = start().await;
    for path in ["/trace/zz", "/trace/zz/offline.html", "/trace/0/otlp.json"] {
        let (status, page) = viewer.get(path).await;
        assert_eq!(status, 404);
        assert!(page.contains("is no trace id"), "{path}: {page}");
    }
    let (_, page) = viewer.get("/trace/77/otlp.json").await;
    assert!(page.contains("77 did not come in yet"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_of_long_ago_leaves_no_rate_of_nothing() {
    let viewer = start().await;
    let mut old = span(1, 1, None, "GET /");
    old.kind = SERVER;
    let mut ago = old.clone();
    ago.trace_id = 2_u128.to_be_bytes().to_vec();
    ago.start_time_unix_nano = BEGIN - 8 * 365 * DAY * 1_000_000;
    ago.end_time_unix_nano = ago.start_time_unix_nano + 1;
    viewer.send_spans("old", vec![old, ago]).await;
    let (_, page) = viewer.get("/overview").await;
    assert!(page.contains(">&#60; 0.01/d<"), "{page}");
    assert!(!page.contains(">0/h<"));
}
