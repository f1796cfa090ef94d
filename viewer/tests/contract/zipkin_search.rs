//! What Zipkin's read API finds, lists and refuses.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::zipkin::id;
use crate::{
    Contract,
    common::{golden::BEGIN, span},
    encoded,
};

/// An hour in which all golden traces are.
fn hour() -> String {
    format!("endTs={}&lookback=3600000", BEGIN / 1_000_000 + 3_500_000)
}

#[tokio::test]
async fn names_are_listed() {
    let contract = Contract::start().await;
    for prefix in ["", "/zipkin"] {
        let services = contract.found(&format!("{prefix}/api/v2/services")).await;
        assert_eq!(services, contract.found("/api/services").await["data"]);
        let names = contract
            .found(&format!("{prefix}/api/v2/spans?serviceName=post"))
            .await;
        assert_eq!(names, json!(["receive mail", "smtp"]));
    }
    let remote = format!("/api/v2/remoteServices?serviceName=web&{}", hour());
    assert_eq!(contract.found(&remote).await, json!(["shop"]));
    assert_eq!(contract.found("/api/v2/autocompleteKeys").await, json!([]));
    assert_eq!(
        contract.found("/api/v2/autocompleteValues?key=a").await,
        json!([])
    );
    let config = contract.found("/zipkin/config.json").await;
    assert_eq!(config["searchEnabled"], true);
}

#[tokio::test]
async fn a_search_finds_what_its_parameters_say() {
    let contract = Contract::start().await;
    let hour = hour();
    let wanted = |query: &str| format!("{hour}&annotationQuery={}", encoded(query));
    for (query, expected) in [
        (format!("{hour}&serviceName=web"), &["ten"][..]),
        (format!("{hour}&serviceName=nobody"), &[]),
        (format!("{hour}&serviceName=web&spanName=all"), &["ten"]),
        (format!("{hour}&serviceName=all&spanName=smtp"), &["ten"]),
        (format!("{hour}&serviceName=web&spanName=smtp"), &[]),
        (wanted("http.route=/checkout"), &["ten"]),
        (wanted("http.route=/"), &[]),
        (wanted("retried"), &["ten"]),
        (wanted("retrie"), &[]),
        (wanted("cache"), &["ten"]),
        (wanted(r#""cache": {"hit":false}"#), &["ten"]),
        (wanted("cart.full"), &["ten"]),
        (
            wanted("cart.full and retried and http.route=/checkout"),
            &["ten"],
        ),
        (wanted("cart.full and declined"), &[]),
        (wanted("error and http.route=/checkout"), &[]),
        (format!("{}&serviceName=till", wanted("error")), &["errors"]),
        // Where no tag says so, the status does.
        (format!("{}&serviceName=part0", wanted("error")), &["large"]),
        (
            format!("{hour}&serviceName=web&minDuration=100000"),
            &["ten"],
        ),
        (format!("{hour}&serviceName=web&minDuration=100001"), &[]),
        (
            format!("{hour}&serviceName=web&minDuration=1&maxDuration=100000"),
            &["ten"],
        ),
        (
            format!("{hour}&serviceName=web&minDuration=1&maxDuration=99999"),
            &[],
        ),
    ] {
        let expected: Vec<_> = expected
            .iter()
            .map(|name| id(contract.named(name).id))
            .collect();
        assert_eq!(search(&contract, &query).await, expected, "{query}");
    }
    let tick = |minute: u128| id((minute + 1) << 64);
    let ticks = |query: &str| format!("serviceName=clock&{query}");
    assert_eq!(
        search(&contract, &ticks(&hour)).await,
        [tick(11), tick(10), tick(9)]
    );
    assert_eq!(
        search(&contract, &ticks(&format!("{hour}&limit=1"))).await,
        [tick(11)]
    );
    // Milliseconds: at 10 minutes, and two before.
    let at = BEGIN / 1_000_000 + 600_000;
    assert_eq!(
        search(&contract, &ticks(&format!("endTs={at}&lookback=1"))).await,
        [tick(10)]
    );
    assert_eq!(
        search(&contract, &ticks(&format!("endTs={at}&lookback=60000"))).await,
        [tick(10), tick(9)]
    );
    let nothing: [String; 0] = [];
    assert_eq!(
        search(
            &contract,
            &ticks(&format!("endTs={}&lookback=59998", at - 1))
        )
        .await,
        nothing
    );
    // A day back from now, which the golden traces are not in.
    assert_eq!(search(&contract, "serviceName=clock").await, nothing);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut fresh = span(0xf, 1, None, "now");
    fresh.start_time_unix_nano = now.as_nanos() as u64 - 1_000_000_000;
    fresh.end_time_unix_nano = fresh.start_time_unix_nano + 1000;
    contract.viewer.send_spans("clock", vec![fresh]).await;
    assert_eq!(search(&contract, "serviceName=clock").await, [id(0xf)]);
}

#[tokio::test]
async fn ten_traces_are_enough_unless_more_are_asked_for() {
    let contract = Contract::start().await;
    assert_eq!(search(&contract, &hour()).await.len(), 10);
    let more = format!("{}&limit=11", hour());
    assert_eq!(search(&contract, &more).await.len(), 11);
    // So it is for words, which are looked for in more.
    let route = format!("{}&limit=1&annotationQuery=cart.full", hour());
    assert_eq!(
        search(&contract, &route).await,
        [id(contract.named("ten").id)]
    );
}

#[tokio::test]
async fn several_traces_are_read_at_once() {
    let contract = Contract::start().await;
    let links = 8_u128 << 64;
    for ids in [
        format!("5af7183fb1d4cf5f,{links:x}"),
        format!("00000000000000005af7183fb1d4cf5f,{links:x},abc"),
    ] {
        let answer = contract
            .found(&format!("/api/v2/traceMany?traceIds={ids}"))
            .await;
        assert_eq!(listed(&answer), ["5af7183fb1d4cf5f".to_owned(), id(links)]);
    }
}

#[tokio::test]
async fn calls_between_services_are_counted() {
    let contract = Contract::start().await;
    let end = BEGIN / 1_000_000 + 1000;
    let call =
        |parent: &str, child: &str| json!({"parent": parent, "child": child, "callCount": 1});
    let answer = contract
        .found(&format!("/api/v2/dependencies?endTs={end}"))
        .await;
    assert_eq!(answer, json!([call("shop", "post"), call("web", "shop")]));
    let of_parts = format!("/api/v2/dependencies?endTs={}&lookback=1000", end + 60_000);
    let answer = contract.found(&of_parts).await;
    let links = answer.as_array().unwrap();
    let errors: u64 = links
        .iter()
        .filter_map(|link| link["errorCount"].as_u64())
        .sum();
    let sent = contract.named("large").spans().filter(|(.., span)| {
        let id = u64::from_be_bytes(span.span_id[..].try_into().unwrap());
        let parent = (id + 2) / 4;
        id % 10 == 0 && parent % 5 != id % 5
    });
    assert_eq!(errors, sent.count() as u64);
    assert!(
        links.iter().any(|link| link["errorCount"].is_null()),
        "{answer}"
    );
}

#[tokio::test]
async fn refusals_are_told_in_plain_words() {
    let contract = Contract::start().await;
    for (path, status, why) in [
        ("/api/v2/spans", 400, "serviceName"),
        ("/api/v2/remoteServices", 400, "serviceName"),
        ("/api/v2/autocompleteValues", 400, "key"),
        ("/api/v2/dependencies", 400, "endTs"),
        ("/api/v2/dependencies?endTs=x", 400, "endTs"),
        ("/api/v2/traces?endTs=0", 400, "endTs"),
        ("/api/v2/traces?lookback=0", 400, "lookback"),
        ("/api/v2/traces?limit=0", 400, "limit"),
        ("/api/v2/traces?limit=-1", 400, "limit"),
        ("/api/v2/traces?minDuration=0", 400, "minDuration"),
        ("/api/v2/traces?minDuration=1ms", 400, "minDuration"),
        (
            "/api/v2/traces?maxDuration=1",
            400,
            "maxDuration is only valid with minDuration",
        ),
        (
            "/api/v2/traces?minDuration=2&maxDuration=1",
            400,
            "maxDuration is less than minDuration",
        ),
        ("/api/v2/trace/xyz", 400, "traceId"),
        ("/api/v2/trace/0", 400, "traceId"),
        (
            "/api/v2/trace/00000000000000000000000000000abc",
            404,
            "0000000000000abc not found",
        ),
        (
            "/zipkin/api/v2/trace/abc",
            404,
            "0000000000000abc not found",
        ),
        ("/api/v2/traceMany", 400, "traceIds"),
        ("/api/v2/traceMany?traceIds=", 400, "traceIds"),
        ("/api/v2/traceMany?traceIds=abc", 400, "/api/v2/trace/"),
        ("/api/v2/traceMany?traceIds=abc,0abc", 400, "twice"),
        ("/api/v2/traceMany?traceIds=abc,,def", 400, "traceIds"),
    ] {
        let (found, body) = contract.ask(path).await;
        assert_eq!(found, StatusCode::from_u16(status).unwrap(), "{path}");
        assert!(body.as_str().unwrap().contains(why), "{path}: {body}");
    }
}

async fn search(contract: &Contract, query: &str) -> Vec<String> {
    listed(&contract.found(&format!("/api/v2/traces?{query}")).await)
}

fn listed(answer: &Value) -> Vec<String> {
    let traces = answer.as_array().unwrap();
    traces
        .iter()
        .map(|trace| trace[0]["traceId"].as_str().unwrap().to_owned())
        .collect()
}
