//! The waterfall: a part of the time, jumps by links and to errors, own time, and what is taken away.

use fantoccini::Locator;
use opentelemetry_proto::tonic::trace::v1::span::Link;
use serde_json::Value;

use crate::{
    clean,
    common::{span, start},
    driver::open,
    fill, lasting,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_the_time_is_drawn_in_the_little_map() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let trace = format!("{}/trace/{:032x}", viewer.page, 3);
    browser.page.goto(&trace).await.unwrap();
    browser.wait("#ticks span:nth-child(4)").await;
    assert_eq!(browser.text("#ticks span:nth-child(3)").await, "150 ms");
    browser.drag("#minimap", (0.5, 0.5), (0.75, 0.5)).await;
    let zoom = "const zoom = Number(getComputedStyle(document.querySelector('#rows')).getPropertyValue('--zoom'));
        return zoom > 3.9 && zoom < 4.1";
    browser.until(zoom).await;
    browser
        .until("return /zoom=[0-9]+-[0-9]+/.test(location.search)")
        .await;
    // The bar of what is over by then is left of what is seen; the root's is not.
    let seen = "const cell = document.querySelector('#rows .row .time').getBoundingClientRect();
        return [...document.querySelectorAll('#rows .row:not([hidden]) .bar')].slice(0, 2)
            .map((bar) => { const box = bar.getBoundingClientRect(); return box.right > cell.left && box.left < cell.right; })";
    assert_eq!(browser.run(seen).await, serde_json::json!([true, false]));
    let before = browser.text("#ticks").await;
    browser.page.refresh().await.unwrap();
    browser.until(zoom).await;
    assert_eq!(browser.text("#ticks").await, before);
    browser.click("#zoom-out").await;
    browser
        .until("return !location.search.includes('zoom')")
        .await;
    assert_eq!(browser.run(seen).await, serde_json::json!([true, true]));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_within_the_trace_and_to_others() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let link = |trace: u128, id: u64| Link {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        ..Link::default()
    };
    let mut follower = span(5, 2, Some(1), "follows");
    follower.links = vec![link(5, 3), link(1, 2)];
    let root = lasting(span(5, 1, None, "GET /linked"), 50);
    let led = span(5, 3, Some(1), "leads");
    viewer.send_spans("links", vec![root, follower, led]).await;
    let trace = format!("{}/trace/{:032x}", viewer.page, 5);
    browser.page.goto(&trace).await.unwrap();
    browser
        .click("#rows [data-span='0000000000000002'] .what")
        .await;
    browser.click("#detail .links [data-jump]").await;
    browser
        .wait("#rows .row.at[data-span='0000000000000003']")
        .await;
    browser
        .until(
            "return document.querySelector('#detail .links')?.textContent.includes('followed by')",
        )
        .await;
    browser.click("#detail .links [data-jump]").await;
    browser
        .wait("#rows .row.at[data-span='0000000000000002']")
        .await;
    browser.click("#detail .links a[href^='/trace/']").await;
    browser
        .until("return document.querySelector('h1').textContent.includes('GET /cart')")
        .await;
    browser
        .wait("#rows .row.at[data-span='0000000000000002']")
        .await;
    browser.wait("#detail .facts").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_a_key_away_and_services_a_click() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let trace = format!("{}/trace/{:032x}", viewer.page, 2);
    browser.page.goto(&trace).await.unwrap();
    browser.click("#fold-all").await;
    let at = |span: u64| format!("#rows .row.error.at[data-span='{span:016x}']:not([hidden])");
    for (key, span) in [("]", 1), ("]", 2), ("]", 3), ("]", 3), ("[", 2)] {
        browser.keys(key).await;
        browser.wait(&at(span)).await;
    }
    browser.click("#first-error").await;
    browser.wait(&at(1)).await;
    browser.click(".chip[data-find=orders]").await;
    browser
        .until("return document.querySelector('#found').textContent === '2 of 4 spans'")
        .await;
    browser.click(".chip[data-find=orders]").await;
    browser
        .until("return document.querySelector('#found').textContent === ''")
        .await;
    // Its own time: 200 ms, of which 60 are the call's.
    assert_eq!(browser.text("#rows .row .own").await, "140 ms");
    // The critical path: the root's own parts before and after the call.
    browser.keys("c").await;
    browser.wait("#rows.with-path").await;
    let parts = "return document.querySelector('#rows .row').querySelectorAll('.path').length";
    assert_eq!(browser.run(parts).await, 2);
    clean(&browser, "the path").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_forms_are_taken_away_by_clicks() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let id = format!("{:032x}", 3);
    browser
        .page
        .goto(&format!("{}/trace/{id}", viewer.page))
        .await
        .unwrap();
    let links = browser
        .page
        .find_all(Locator::Css(".away a[download]"))
        .await
        .unwrap();
    assert_eq!(links.len(), 3);
    for (link, kind) in links.iter().zip(["otlp.json", "jaeger.json", "html"]) {
        let path = link.attr("href").await.unwrap().unwrap();
        let answer = viewer
            .client
            .get(format!("{}{path}", viewer.page))
            .send()
            .await
            .unwrap();
        assert_eq!(
            answer.headers()["content-disposition"],
            format!("attachment; filename=\"{id}.{kind}\"")
        );
        let text = answer.text().await.unwrap();
        let count = |file: &Value, at: &str, spans: &str| -> usize {
            let parts = file[at].as_array().unwrap().iter();
            parts
                .map(|part| part.pointer(spans).unwrap().as_array().unwrap().len())
                .sum()
        };
        match kind {
            "html" => assert!(text.contains("SELECT stock")),
            "otlp.json" => {
                let file = serde_json::from_str(&text).unwrap();
                assert_eq!(count(&file, "resourceSpans", "/scopeSpans/0/spans"), 15);
            }
            _ => {
                let file = serde_json::from_str(&text).unwrap();
                assert_eq!(count(&file, "data", "/spans"), 15);
            }
        }
    }
    browser.close().await;
}
