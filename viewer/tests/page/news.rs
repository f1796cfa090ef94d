//! What comes in while somebody looks.

use std::time::Duration;

use serde_json::json;

use crate::{
    common::{span, start},
    driver::open,
    fill,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_late_span_is_told_and_shown_where_the_reader_is() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let trace = format!("{}/trace/{:032x}", viewer.page, 3);
    browser.page.goto(&trace).await.unwrap();
    browser.wait("#rows .row.fold").await;
    // Something is closed, something is open, something is chosen, and a part is looked at.
    browser.click("#rows .row.fold .twist").await;
    browser
        .click("#rows .row[data-span='0000000000000003'] .twist")
        .await;
    browser
        .click("#rows .row[data-span='0000000000000002'] .what")
        .await;
    browser.wait("#detail .facts").await;
    browser.keys("+").await;
    browser.keys("c").await;
    let looks = "return [
        [...document.querySelectorAll('#rows .row:not([hidden])')].map((row) => row.dataset.span),
        getComputedStyle(document.querySelector('#rows')).getPropertyValue('--zoom'),
        document.querySelector('#rows .row.at').dataset.span,
        document.querySelector('#detail').hidden,
        document.querySelector('#rows').classList.contains('with-path'),
    ]";
    let before = browser.run(looks).await;
    assert_eq!(before[0].as_array().unwrap().len(), 3);
    assert_eq!(browser.count("#news:not([hidden])").await, 0);

    viewer
        .send_spans(
            "ledger",
            vec![span(3, 90, Some(2), "late"), span(3, 91, Some(90), "later")],
        )
        .await;
    browser.wait("#news:not([hidden]) button").await;
    assert_eq!(browser.text("#news").await, "2 new spans · Reload");
    // Nothing moved by itself.
    assert_eq!(browser.run(looks).await, before);

    browser.keys("r").await;
    browser
        .until("return document.querySelector('#rows')?.dataset.spans === '17' && document.querySelector('#detail .facts') !== null")
        .await;
    let after = browser.run(looks).await;
    assert_eq!(
        after[0],
        json!([
            "0000000000000001",
            "0000000000000002",
            "0000000000000003",
            "000000000000005a",
            "000000000000005b"
        ])
    );
    for same in 1..5 {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(browser.count("#news:not([hidden])").await, 0);

    // When it is gone, what is shown stays.
    viewer
        .client
        .post(format!("{}/clear", viewer.page))
        .send()
        .await
        .unwrap();
    browser
        .until("return document.querySelector('#news').textContent.includes('let go')")
        .await;
    assert_eq!(browser.run(looks).await, after);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_is_asked_for_too_early_is_shown_when_it_comes() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    let trace = format!("{}/trace/{:032x}", viewer.page, 7);
    browser.page.goto(&trace).await.unwrap();
    browser.wait("#awaited").await;
    viewer
        .send_spans("soon", vec![span(7, 1, None, "GET /soon")])
        .await;
    browser.wait("#rows .row").await;
    assert_eq!(browser.text("h1").await, "soon GET /soon");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn news_come_by_themselves_unless_paused() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    browser.page.goto(&viewer.page).await.unwrap();
    browser.wait(".empty").await;
    browser
        .until("return document.getElementById('live').textContent === 'live'")
        .await;
    fill(&viewer).await;
    browser.wait(".traces tbody tr:nth-child(3)").await;
    browser.click("#pause").await;
    viewer
        .send_spans("late", vec![span(9, 1, None, "GET /late")])
        .await;
    browser
        .until("return document.getElementById('live').textContent.includes('news')")
        .await;
    assert_eq!(browser.count(".traces tbody tr").await, 3);
    browser.click("#pause").await;
    browser.wait(".traces tbody tr:nth-child(4)").await;
    browser.close().await;
}

/// The page is there a moment before it listens.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_since_the_page_was_made_is_news() {
    let viewer = start().await;
    let (_, page) = viewer.get("/").await;
    let (_, stored) = page.split_once("data-stored=\"").unwrap();
    let (stored, _) = stored.split_once('"').unwrap();
    viewer
        .send_spans("soon", vec![span(7, 1, None, "GET /soon")])
        .await;
    let live = format!("{}/live?since={stored}", viewer.page);
    let mut live = viewer.client.get(live).send().await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(60), live.chunk());
    let told = told.await.expect("it is told").unwrap().unwrap();
    assert!(told.starts_with(b"event: stored\n"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_when_it_is_paused_is_not_shown() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    browser.page.goto(&viewer.page).await.unwrap();
    browser.wait(".empty").await;
    let holds = "const ask = window.fetch;
        window.fetch = async (path) => {
            const answer = await ask(path);
            await new Promise((go) => { window.go = go; });
            return answer;
        }";
    browser.run(holds).await;
    fill(&viewer).await;
    browser.until("return window.go !== undefined").await;
    browser.click("#pause").await;
    browser.run("window.fetch = null; window.go()").await;
    browser
        .until("return document.getElementById('live').textContent.includes('news')")
        .await;
    assert_eq!(browser.count(".traces").await, 0);
    browser.close().await;
}
