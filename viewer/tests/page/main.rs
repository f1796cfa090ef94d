//! The pages in a real browser: found, opened, filtered, compared and taken away, by clicks and by keyboard.

mod access;
mod big;
mod callers;
#[path = "../common/mod.rs"]
mod common;
mod driver;
mod keys;
mod limits;
mod long;
mod news;
mod overview;
mod pictures;
mod search;
mod strange;
mod told;
mod waterfall;

use common::{Running, attribute, span, start};
use driver::{Browser, open};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use serde_json::Value;

const SERVER: i32 = 2;
const CLIENT: i32 = 3;

fn failed(mut span: Span) -> Span {
    span.status = Some(Status {
        code: 2,
        message: "out of tea".to_owned(),
    });
    span
}

fn lasting(mut span: Span, millis: u64) -> Span {
    span.end_time_unix_nano = span.start_time_unix_nano + millis * 1_000_000;
    span
}

fn of_kind(mut span: Span, kind: i32) -> Span {
    span.kind = kind;
    span
}

/// Three traces of a shop: one well, one that failed, one that asks its database again and again.
async fn fill(viewer: &Running) {
    for trace in 1..=3u128 {
        let is_bad = trace == 2;
        let mark = |span| if is_bad { failed(span) } else { span };
        let root = mark(lasting(
            span(trace, 1, None, "GET /cart"),
            100 * trace as u64,
        ));
        let call = mark(of_kind(
            lasting(span(trace, 2, Some(1), "POST"), 60),
            CLIENT,
        ));
        viewer.send_spans("storefront", vec![root, call]).await;
        let mut order = mark(lasting(span(trace, 3, Some(2), "POST /orders"), 50));
        order.attributes = vec![
            attribute("http.route", "/orders"),
            attribute("shop.tea", "Oolong"),
        ];
        let asks = if trace == 3 { 12 } else { 1 };
        let mut spans = vec![order];
        for ask in 0..asks {
            // One after the other.
            let mut select = of_kind(span(trace, 10 + ask * 6, Some(3), "SELECT stock"), CLIENT);
            select.attributes = vec![
                attribute("db.system.name", "postgresql"),
                attribute("db.namespace", "stock"),
            ];
            spans.push(select);
        }
        viewer.send_spans("orders", spans).await;
    }
}

async fn clean(browser: &Browser, page: &str) {
    for entry in browser.console().await {
        assert_ne!(entry["level"], "SEVERE", "{page}: {entry}");
    }
    for width in [1280, 400] {
        browser.resize(width).await;
        let clipped = browser.clipped().await;
        assert_eq!(clipped, Value::Array(Vec::new()), "{page} at {width} px");
    }
    browser.resize(1280).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_found_opened_filtered_compared_and_taken_away() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    browser.page.goto(&viewer.page).await.unwrap();
    browser.wait(".traces tbody tr:nth-child(3)").await;
    assert_eq!(browser.count(".traces tbody tr.error").await, 1);
    assert_eq!(browser.count(".scatter circle").await, 3);
    clean(&browser, "the list").await;

    // Looked for by clicks.
    browser.click("input[name=errors]").await;
    browser.click(".search button[type=submit]").await;
    browser.until("return location.search.includes('errors=1') && document.querySelectorAll('.traces tbody tr').length === 1").await;
    browser.click(".traces tbody a").await;
    browser.wait("#rows .row").await;
    assert!(browser.text("h1").await.contains("GET /cart"));
    assert_eq!(browser.count("#rows .row.error").await, 3);
    let red = browser
        .run("return getComputedStyle(document.querySelector('.row.error .what')).color")
        .await;
    assert_eq!(red, "rgb(179, 19, 43)");

    // A closed parent says that something failed below.
    browser.click("#fold-all").await;
    browser
        .until("return document.querySelectorAll('#rows .row:not([hidden])').length === 1")
        .await;
    assert_eq!(browser.text("#rows .row .below").await, "2 failed below");
    browser.click("#open-all").await;

    // The filter keeps the ancestors.
    browser
        .page
        .find(fantoccini::Locator::Css("#find"))
        .await
        .unwrap()
        .send_keys("oolong")
        .await
        .unwrap();
    browser
        .until("return document.querySelectorAll('#rows .row:not([hidden])').length === 3")
        .await;
    assert_eq!(browser.count("#rows .row.hit").await, 1);
    browser.click("#rows .row.hit").await;
    browser.wait("#detail .attributes").await;
    assert!(browser.text("#detail").await.contains("Oolong"));
    browser
        .until(
            "return location.search.includes('span=') && location.search.includes('find=oolong')",
        )
        .await;
    clean(&browser, "a trace").await;

    // Compared with another.
    let (one, other) = (format!("{:032x}", 1), format!("{:032x}", 3));
    browser
        .page
        .goto(&format!("{}/compare?a={one}&b={other}", viewer.page))
        .await
        .unwrap();
    browser.wait(".compare tr.slower").await;
    assert_eq!(browser.count(".compare tr.other").await, 1);
    assert_eq!(browser.text(".compare tr.other .badge").await, "×11");
    clean(&browser, "two traces").await;
    browser
        .page
        .goto(&format!("{}/compare?a={other}", viewer.page))
        .await
        .unwrap();
    assert!(
        browser
            .text("main")
            .await
            .contains("the median of 2 others of its route")
    );
    // This one beside what is usual: red is what is slower than that.
    assert_eq!(
        browser.text(".compare thead th:nth-child(2)").await,
        "Usual"
    );
    assert_eq!(browser.text(".compare tr.slower .delta").await, "+100 ms");

    // And taken away: the page works without a server.
    let (_, offline) = viewer.get(&format!("/trace/{other}/offline.html")).await;
    let file = std::env::temp_dir().join(format!("throughline-{}.html", std::process::id()));
    std::fs::write(&file, offline).unwrap();
    browser
        .page
        .goto(&format!("file://{}", file.display()))
        .await
        .unwrap();
    browser.click("#rows .row").await;
    browser.wait("#detail .facts").await;
    for entry in browser.console().await {
        assert_ne!(entry["level"], "SEVERE", "offline: {entry}");
    }
    std::fs::remove_file(&file).unwrap();
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    browser.page.goto(&viewer.page).await.unwrap();
    browser.wait(".traces tbody tr").await;
    browser.keys("j").await;
    browser.wait("tr.at").await;
    browser.keys("\u{e007}").await;
    browser.wait("#rows .row.fold").await;
    assert_eq!(browser.text(".row.fold .badge").await, "×12");
    assert_eq!(browser.text(".row.fold .badge.bad").await, "N+1");
    let shown = "return document.querySelectorAll('#rows .row:not([hidden])').length";
    assert_eq!(browser.run(shown).await, 4);
    for key in ["j", "j", "j", "j", "l"] {
        browser.keys(key).await;
    }
    assert_eq!(browser.run(shown).await, 16);
    browser.keys("h").await;
    assert_eq!(browser.run(shown).await, 4);
    browser.keys("+").await;
    browser
        .until("return getComputedStyle(document.querySelector('#rows')).getPropertyValue('--zoom') === '2'")
        .await;
    browser.keys("0").await;
    browser.keys("c").await;
    browser.wait("#rows.with-path").await;
    browser.keys("/").await;
    browser
        .until("return document.activeElement.id === 'find'")
        .await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_and_the_overview_lead_to_traces() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    browser
        .page
        .goto(&format!("{}/map", viewer.page))
        .await
        .unwrap();
    browser.wait(".map .node").await;
    let arrows = "return [...document.querySelectorAll('.arrow')].map((a) => a.dataset.from + ' > ' + a.dataset.to).sort()";
    let expected = [
        "orders > postgresql stock",
        "storefront > orders",
        "user > storefront",
    ];
    assert_eq!(browser.run(arrows).await, serde_json::json!(expected));
    assert_eq!(browser.count(".map .node").await, 4);
    clean(&browser, "the map").await;
    browser.click(".calls tr.error a.bad").await;
    browser
        .until("return document.querySelectorAll('.traces tbody tr').length === 1")
        .await;

    browser
        .page
        .goto(&format!("{}/overview", viewer.page))
        .await
        .unwrap();
    browser.wait(".overview tbody tr:nth-child(2)").await;
    clean(&browser, "the overview").await;
    // The slowest of three is the last one's.
    assert_eq!(browser.count(".overview tbody tr").await, 2);
    browser
        .click(".overview tbody tr:nth-child(2) td[data-name=p99] a")
        .await;
    browser.wait("#rows .row.at").await;
    assert!(
        browser
            .text(".crumbs")
            .await
            .contains(&format!("{:032x}", 3))
    );
    assert_eq!(browser.text("#rows .row.at .length").await, "300 ms");
    // A part of the time leads to its traces, and no others.
    browser
        .page
        .goto(&format!("{}/overview", viewer.page))
        .await
        .unwrap();
    browser
        .click(".overview tbody tr:nth-child(2) .chart a:first-child")
        .await;
    browser
        .until("return document.querySelectorAll('.traces tbody tr').length === 1")
        .await;
    assert_eq!(browser.text(".traces .duration span").await, "100 ms");
    browser.close().await;
}
