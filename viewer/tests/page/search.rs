//! Each way to look for traces, by clicks and keys.

use fantoccini::Locator;
use serde_json::json;

use crate::{
    clean,
    common::{span, start},
    driver::{Browser, open},
    fill,
};

/// Types into a field and presses Enter; waits for the ids, their last digits, that are found.
async fn ask(browser: &Browser, field: &str, text: &str, found: &[&str]) {
    let css = format!("#search [name={field}]");
    browser.wait(&css).await;
    let input = browser.page.find(Locator::Css(&css)).await.unwrap();
    input.clear().await.unwrap();
    input.send_keys(&format!("{text}\u{e007}")).await.unwrap();
    finds(browser, field, text, found).await;
}

async fn finds(browser: &Browser, field: &str, text: &str, found: &[&str]) {
    let wanted = json!(found);
    browser
        .until(&format!(
            "return document.readyState === 'complete' && new URLSearchParams(location.search).get('{field}') === {}
             && JSON.stringify([...document.querySelectorAll('.traces th a')].map((a) => a.pathname.at(-1))) === '{wanted}'",
            json!(text)
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_are_found_by_each_field() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    viewer
        .send_spans("ledger", vec![span(4, 1, None, "POST /entry")])
        .await;
    for (field, text, found) in [
        ("operation", "GET /cart", ["3", "2", "1"].as_slice()),
        (
            "tags",
            "http.route=/orders shop.tea=Oolong",
            &["3", "2", "1"],
        ),
        ("tags", "shop.tea=Darjeeling", &[]),
        ("text", "oolo", &["3", "2", "1"]),
        ("text", "entry", &["4"]),
        ("min", "150ms", &["3", "2"]),
        ("max", "150ms", &["4", "1"]),
        ("from", "2026-01-01 00:00:02", &["4", "3", "2"]),
        ("to", "2026-01-01 00:00:02", &["1"]),
        ("limit", "2", &["4", "3"]),
    ] {
        browser.page.goto(&viewer.page).await.unwrap();
        ask(&browser, field, text, found).await;
    }
    // By what one chooses.
    for (css, field, text, found) in [
        (
            "[name=service] option:nth-child(2)",
            "service",
            "ledger",
            ["4"].as_slice(),
        ),
        ("[name=back] option:nth-child(2)", "back", "5m", &[]),
        ("[name=errors]", "errors", "1", &["2"]),
    ] {
        browser.page.goto(&viewer.page).await.unwrap();
        browser.click(&format!("#search {css}")).await;
        if field != "service" {
            browser.click("#search button").await;
        }
        finds(&browser, field, text, found).await;
    }
    // What is no duration is told, and nothing is searched.
    browser.page.goto(&viewer.page).await.unwrap();
    ask(&browser, "min", "soon", &[]).await;
    assert!(
        browser
            .text(".wrong")
            .await
            .contains("“soon” is no duration")
    );
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plot_shows_and_chooses_a_time() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    browser.page.goto(&viewer.page).await.unwrap();
    browser.wait(".plot circle").await;
    assert_eq!(
        browser.text(".count").await,
        "3 traces, 23 spans, 1 with errors"
    );
    assert_eq!(
        browser.text(".tallies").await,
        "orders 17 1 failed\nstorefront 6 2 failed"
    );
    // The slower, the higher; the later, the farther right; the failed is red.
    let dots = "return [...document.querySelectorAll('.plot a')].map((a) => {
        const dot = a.querySelector('circle');
        return [a.getAttribute('href').at(-1), parseFloat(dot.getAttribute('cx')), parseFloat(dot.getAttribute('cy')), dot.classList.contains('error')];
    }).sort((a, b) => a[0] - b[0])";
    let dots = browser.run(dots).await;
    let at = |trace: usize, part: usize| dots[trace][part].as_f64().unwrap();
    assert!(at(0, 1) < at(1, 1) && at(1, 1) < at(2, 1), "{dots}");
    assert!(at(0, 2) > at(1, 2) && at(1, 2) > at(2, 2), "{dots}");
    assert_eq!(dots[1][3], true);
    assert_eq!(dots[2][3], false);
    // Drawn over the right half: the last two.
    browser.drag(".plot", (0.4, 0.3), (0.995, 0.5)).await;
    browser
        .until("return location.search.includes('from=') && document.querySelectorAll('.traces tbody tr').length === 2")
        .await;
    clean(&browser, "a part of the time").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_are_picked_and_compared_by_clicks_and_by_keys() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let pair = format!("return location.search === '?a={:032x}&b={:032x}'", 3, 1);
    browser.page.goto(&viewer.page).await.unwrap();
    browser
        .click(".traces tbody tr:nth-child(1) .pick input")
        .await;
    browser
        .click(".traces tbody tr:nth-child(2) .pick input")
        .await;
    // A third one: the first is let go.
    browser
        .click(".traces tbody tr:nth-child(2) .pick input")
        .await;
    browser
        .click(".traces tbody tr:nth-child(3) .pick input")
        .await;
    assert_eq!(browser.text("#compare").await, "Compare the two");
    // What is picked is not moved by news.
    viewer
        .send_spans("late", vec![span(9, 1, None, "GET /late")])
        .await;
    browser.wait("#show-news:not([hidden])").await;
    assert_eq!(browser.count(".traces tbody tr").await, 3);
    browser.click("#compare").await;
    browser.until(&pair).await;
    browser.wait(".compare tr.faster").await;

    browser.page.goto(&viewer.page).await.unwrap();
    browser.wait(".traces tbody tr:nth-child(4)").await;
    for key in ["j", "j", "x", "j", "j", "x", "d"] {
        browser.keys(key).await;
    }
    browser.until(&pair).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_can_be_forgotten() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    browser.page.goto(&viewer.page).await.unwrap();
    browser.click("#clear button").await;
    browser.page.dismiss_alert().await.unwrap();
    assert_eq!(viewer.traces().await, 3);
    browser.click("#clear button").await;
    browser.page.accept_alert().await.unwrap();
    browser.wait(".empty").await;
    assert_eq!(viewer.traces().await, 0);
    browser.close().await;
}
