//! Everybody can use it: axe-core finds nothing, and no text is cut, on each page and in each of its states.

use std::path::PathBuf;

use serde_json::Value;

use crate::{
    clean,
    common::{Running, span, start},
    driver::{Browser, missing, open},
    fill,
};

/// axe-core, where it is installed.
fn axe() -> Option<String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../target/page/node_modules/axe-core/axe.min.js");
    let found = std::fs::read_to_string(&file).ok();
    if found.is_none() {
        missing("axe-core is not installed: npm install --prefix target/page axe-core");
    }
    found
}

async fn check(browser: &Browser, axe: &str, what: &str) {
    browser.run(axe).await;
    let found = browser
        .page
        .execute_async(
            "const done = arguments[arguments.length - 1];
             axe.run().then((r) => done(r.violations.map((v) => v.id + ': ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 150) + ' ' + (n.any[0]?.message ?? '')).join(' | '))));",
            Vec::new(),
        )
        .await
        .unwrap();
    assert_eq!(found, Value::Array(Vec::new()), "{what}");
}

async fn look(browser: &Browser, axe: &str, viewer: &Running, path: &str, wait: &str) {
    for scheme in ["light", "dark"] {
        browser.scheme(scheme).await;
        let address = format!("{}{path}", viewer.page);
        browser.page.goto(&address).await.unwrap();
        browser.wait(wait).await;
        check(browser, axe, &format!("{path} {scheme}")).await;
    }
    if matches!(wait, "main h1" | "#awaited") {
        // The browser tells of an answer that says there is nothing.
        for entry in browser.console().await {
            assert!(
                entry["message"].as_str().unwrap().contains("404"),
                "{entry}"
            );
        }
    }
    clean(browser, path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_use_it() {
    let Some(axe) = axe() else { return };
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    for (path, wait) in [
        ("/", ".empty"),
        ("/map", ".empty"),
        ("/overview", ".empty"),
        ("/compare", "main form"),
        ("/nothing", "main h1"),
        ("/trace/00000000000000000000000000000009", "#awaited"),
    ] {
        look(&browser, &axe, &viewer, path, wait).await;
    }
    fill(&viewer).await;
    let long = "a-route/with/{many}/{parameters}".repeat(9);
    let odd = vec![
        span(4, 1, Some(99), &long),
        span(4, 2, Some(1), "two"),
        span(4, 2, Some(1), "three"),
    ];
    viewer
        .send_spans("a-service-of-which-the-name-is-rather-long", odd)
        .await;
    let (one, odd) = (format!("{:032x}", 2), format!("{:032x}", 4));
    for (path, wait) in [
        ("/".to_owned(), ".traces"),
        ("/?text=nothing".to_owned(), ".empty"),
        ("/?min=nothing".to_owned(), ".wrong"),
        (
            format!("/trace/{one}?span=0000000000000003"),
            "#detail .facts",
        ),
        (
            format!("/trace/{one}?find=tea&path=1&closed=all"),
            ".row.hit",
        ),
        (format!("/trace/{odd}?span=0000000000000001"), ".badge.odd"),
        ("/map".to_owned(), ".map"),
        ("/overview".to_owned(), ".overview"),
        (format!("/compare?a={one}"), ".compare"),
        (format!("/compare?a={one}&b={odd}"), ".compare"),
    ] {
        look(&browser, &axe, &viewer, &path, wait).await;
    }
    // The list of keys.
    browser.page.goto(&viewer.page).await.unwrap();
    browser.wait(".traces").await;
    browser.keys("?").await;
    browser.wait("#help[open]").await;
    check(&browser, &axe, "the keys").await;
    browser.close().await;
}
