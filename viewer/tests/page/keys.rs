//! What is reached by keys alone: the ends of a trace, the parts of a chart.

use crate::{common::start, driver::open, fill};

#[tokio::test(flavor = "multi_thread")]
async fn home_and_end_lead_to_the_ends_and_one_row_is_at() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let trace = format!("{}/trace/{:032x}", viewer.page, 2);
    browser.page.goto(&trace).await.unwrap();
    browser.wait("#ticks span").await;
    browser.keys("j").await;
    for (key, row) in [("\u{e010}", 10), ("\u{e011}", 1), ("j", 2)] {
        browser.keys(key).await;
        browser
            .wait(&format!("#rows .row.at[data-span='{row:016x}']:focus"))
            .await;
        assert_eq!(browser.count("#rows .row.at").await, 1);
        assert_eq!(browser.count("#rows .row[tabindex='0']").await, 1);
    }
    // So does the way to the first error.
    browser.click("#first-error").await;
    browser
        .wait(&format!("#rows .row.at[data-span='{:016x}']", 1))
        .await;
    assert_eq!(browser.count("#rows .row.at").await, 1);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_map_has_stops_where_something_leads_somewhere() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let map = format!("{}/map", viewer.page);
    browser.page.goto(&map).await.unwrap();
    let focus = |css: &str| {
        format!(
            "const it = document.querySelector('{css}'); it.focus(); return document.activeElement === it"
        )
    };
    assert_eq!(browser.run(&focus(".map svg")).await, false);
    assert_eq!(browser.run(&focus(".map .arrow")).await, true);
    // What has the focus stands out.
    browser.wait(".map svg.pointed .arrow.near").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_a_chart_are_reached_by_arrows() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let overview = format!("{}/overview", viewer.page);
    browser.page.goto(&overview).await.unwrap();
    // A stop for each route, at the last part that has requests.
    browser
        .until("return document.querySelectorAll('.chart a[tabindex=\"0\"]').length === 2")
        .await;
    browser
        .run("document.querySelector('.chart a[tabindex=\"0\"]').focus()")
        .await;
    browser.keys("\u{e012}").await;
    let at = "const parts = [...document.querySelector('.chart').querySelectorAll('a')];
        return parts.length - parts.indexOf(document.activeElement) === 2 && document.activeElement.getAttribute('tabindex') === '0'";
    browser.until(at).await;
    browser.keys("\u{e014}").await;
    browser.keys("\u{e014}").await;
    browser.keys("\u{e007}").await;
    browser
        .until("return location.pathname === '/' && document.querySelectorAll('.traces tbody tr').length === 1")
        .await;
    browser.close().await;
}
