//! A trace of five thousand spans.

use crate::{
    SERVER,
    common::{span, start},
    driver::open,
    lasting, of_kind,
};

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_spans_open() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    let mut spans = vec![of_kind(lasting(span(5, 1, None, "GET /big"), 6000), SERVER)];
    spans.extend((2..=5000).map(|id| {
        span(
            5,
            id,
            Some(id / 4 + 1).filter(|parent| *parent < id),
            &format!("step {}", id % 7),
        )
    }));
    viewer.send_spans("big", spans).await;
    browser
        .page
        .goto(&format!("{}/trace/{:032x}", viewer.page, 5))
        .await
        .unwrap();
    browser.until("return document.querySelectorAll('#rows .row').length >= 5000 && document.querySelector('#ticks').children.length > 0").await;
    // Times depend on the machine; these do not.
    let bytes = browser
        .run("return performance.getEntriesByType('navigation')[0].decodedBodySize")
        .await;
    let elements = browser
        .run("return document.querySelectorAll('*').length")
        .await;
    let drawn = browser
        .run("return document.querySelectorAll('#minimap *').length")
        .await;
    eprintln!("5,000 spans: {bytes} bytes, {elements} elements, {drawn} of them in the little map");
    assert!(bytes.as_u64().unwrap() < 5000 * 600);
    assert!(elements.as_u64().unwrap() < 5000 * 10);
    assert!(drawn.as_u64().unwrap() < 20);
    browser.close().await;
}
