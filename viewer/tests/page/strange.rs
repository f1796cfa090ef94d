//! Names come from strangers: whatever they are, they are text.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, any_value::Value as Any},
    logs::v1::LogRecord,
    trace::v1::{
        Status,
        span::{Event, Link},
    },
};
use serde_json::Value;

use crate::{
    CLIENT, SERVER,
    common::{Running, attribute, span, start},
    driver::{Browser, open},
    of_kind,
};

/// Would run, would close what it is in, would be taken for a template.
const EVIL: &str =
    r#""'><img src=x onerror="window.hit=1"></script><script>window.hit=1</script>{{ 7*7 }}"#;

async fn fill(viewer: &Running) {
    let evil = |what: &str| format!("{what}{EVIL}");
    let mut root = of_kind(span(1, 1, None, &evil("name")), SERVER);
    root.attributes = vec![
        attribute(&evil("key"), &evil("value")),
        attribute("http.route", &evil("route")),
    ];
    root.trace_state = evil("state");
    root.status = Some(Status {
        code: 2,
        message: evil("status"),
    });
    root.events = vec![Event {
        time_unix_nano: root.start_time_unix_nano,
        name: evil("event"),
        attributes: vec![attribute(&evil("key"), &evil("value"))],
        ..Event::default()
    }];
    root.links = vec![Link {
        trace_id: vec![7; 16],
        span_id: vec![7; 8],
        attributes: vec![attribute(&evil("key"), &evil("value"))],
        ..Link::default()
    }];
    let mut call = of_kind(span(1, 2, Some(1), &evil("call")), CLIENT);
    call.attributes = vec![attribute("db.system.name", &evil("database"))];
    viewer.send_spans(&evil("service"), vec![root, call]).await;
    let again = of_kind(span(2, 1, None, &evil("name")), SERVER);
    viewer.send_spans(&evil("service"), vec![again]).await;
    let text = |text: String| {
        Some(AnyValue {
            value: Some(Any::StringValue(text)),
        })
    };
    let log = LogRecord {
        time_unix_nano: 1,
        severity_text: evil("severity"),
        body: text(evil("log")),
        attributes: vec![attribute(&evil("key"), &evil("value"))],
        trace_id: 1u128.to_be_bytes().to_vec(),
        span_id: 1u64.to_be_bytes().to_vec(),
        ..LogRecord::default()
    };
    viewer.send_logs(&evil("service"), vec![log]).await;
}

/// Nothing ran, nothing was complained of, and each is there as it was written.
async fn harmless(browser: &Browser, page: &str, shown: &[&str]) {
    assert_eq!(
        browser.run("return window.hit ?? null").await,
        Value::Null,
        "{page}"
    );
    assert_eq!(browser.count("img[src=x]").await, 0, "{page}");
    let text = browser.run("return document.body.textContent").await;
    for what in shown {
        assert!(
            text.as_str().unwrap().contains(&format!("{what}{EVIL}")),
            "{page}: {what}"
        );
    }
    for entry in browser.console().await {
        // The browser tells of an answer that says there is nothing.
        let is_ours = entry["message"].as_str().unwrap().contains("status of 404");
        assert!(is_ours || entry["level"] != "SEVERE", "{page}: {entry}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn html_from_strangers_is_text() {
    let Some(browser) = open().await else { return };
    let viewer = start().await;
    fill(&viewer).await;
    let one = format!("/trace/{:032x}", 1);
    let pane = [
        "name", "service", "key", "value", "route", "state", "status", "event", "severity", "log",
    ];
    let evil: String = form_urlencoded::byte_serialize(EVIL.as_bytes()).collect();
    for (path, wait, shown) in [
        ("/".to_owned(), ".traces", ["service", "name"].as_slice()),
        (
            format!("/?text={evil}&operation={evil}&service={evil}&from={evil}"),
            ".wrong",
            &[],
        ),
        (
            format!("{one}?span=0000000000000001"),
            "#detail .facts",
            &pane,
        ),
        (
            format!("{one}?find={evil}&closed={evil}&zoom={evil}"),
            "#rows .hit",
            &["call"],
        ),
        (format!("/trace/{evil}"), "main h1", &[]),
        ("/map".to_owned(), ".map", &["service", "database"]),
        ("/overview".to_owned(), ".overview", &["service", "name"]),
        (
            format!("/compare?a={:032x}&b={:032x}", 1, 2),
            ".compare",
            &["service", "name", "call"],
        ),
        (format!("/compare?a={evil}"), ".wrong", &[]),
    ] {
        browser
            .page
            .goto(&format!("{}{path}", viewer.page))
            .await
            .unwrap();
        browser.wait(wait).await;
        harmless(&browser, &path, shown).await;
    }
    // What is news is put into the page by a script.
    browser.page.goto(&viewer.page).await.unwrap();
    browser.wait(".traces").await;
    let more = span(3, 1, None, &format!("newest{EVIL}"));
    viewer.send_spans("new", vec![more]).await;
    browser.wait(".traces tbody tr:nth-child(3)").await;
    harmless(&browser, "news", &["newest"]).await;
    // An attribute leads to the traces that have it, whatever is in it.
    browser
        .page
        .goto(&format!("{}{one}?span=0000000000000001", viewer.page))
        .await
        .unwrap();
    browser.click("#detail .attributes a").await;
    browser
        .until("return document.querySelectorAll('.traces tbody tr').length === 1")
        .await;

    // In the file that was taken away as well; and it asks nobody for anything.
    let (_, text) = viewer.get(&format!("{one}/offline.html")).await;
    // What is in a script has nothing that could end it.
    let (_, data) = text.split_once("id=\"details\">").unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    assert!(data.len() > 1000 && !data.contains('<'));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.html");
    std::fs::write(&file, text).unwrap();
    drop(viewer);
    browser
        .page
        .goto(&format!("file://{}", file.display()))
        .await
        .unwrap();
    browser.click("#rows .row").await;
    browser.wait("#detail .facts").await;
    harmless(&browser, "offline", &pane).await;
    let asked = "return performance.getEntriesByType('resource').length";
    assert_eq!(browser.run(asked).await, 0);
    let leads = "return [...document.querySelectorAll('a')].filter((a) => !a.matches('[data-jump], #first-error')).length";
    assert_eq!(browser.run(leads).await, 0);
    browser.keys("/").await;
    browser.keys("database").await;
    browser
        .until("return document.querySelectorAll('#rows .row.hit').length === 1")
        .await;
    browser.close().await;
}
