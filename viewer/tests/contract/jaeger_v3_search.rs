//! What Jaeger's third query API finds and refuses.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::jaeger_v3::{ALWAYS, data, id};
use crate::{Contract, encoded};

#[tokio::test]
async fn a_search_finds_what_its_parameters_say_in_both_spellings() {
    let contract = Contract::start().await;
    let attributes = |text: &str| format!("query.attributes={}", encoded(text));
    for (query, expected) in [
        ("query.serviceName=web".to_owned(), &["ten"][..]),
        ("query.service_name=web".to_owned(), &["ten"]),
        ("query.serviceName=nobody".to_owned(), &[]),
        ("query.operationName=smtp".to_owned(), &["ten"]),
        (
            "query.serviceName=web&query.operation_name=smtp".to_owned(),
            &[],
        ),
        (attributes(r#"{"http.route":"/checkout"}"#), &["ten"]),
        (attributes(r#"{"http.route":"/"}"#), &[]),
        (
            format!(
                "{}&query.serviceName=till",
                attributes(r#"{"error":"true"}"#)
            ),
            &["errors"],
        ),
        (
            "query.serviceName=web&query.durationMin=100ms".to_owned(),
            &["ten"],
        ),
        (
            "query.serviceName=web&query.duration_min=0.100001s".to_owned(),
            &[],
        ),
        (
            "query.serviceName=web&query.durationMax=100ms".to_owned(),
            &["ten"],
        ),
        (
            "query.serviceName=web&query.duration_max=99ms".to_owned(),
            &[],
        ),
        (
            "query.serviceName=clock&query.searchDepth=1".to_owned(),
            &["tick 11"],
        ),
        (
            "query.serviceName=clock&query.search_depth=1".to_owned(),
            &["tick 11"],
        ),
        (
            "query.serviceName=clock&query.num_traces=1".to_owned(),
            &["tick 11"],
        ),
        (
            "query.serviceName=clock&query.searchDepth=0".to_owned(),
            &["tick 11", "tick 10", "tick 9"],
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|name| id(&contract, name)).collect();
        assert_eq!(
            summaries(&contract, &format!("{ALWAYS}&{query}")).await,
            expected,
            "{query}"
        );
        let path = format!("/api/v3/traces?{ALWAYS}&{query}");
        if expected.is_empty() {
            nothing(&contract, &path).await;
        } else {
            assert_eq!(traces(&contract.found(&path).await), expected, "{query}");
        }
    }
    let page = format!("{ALWAYS}&query.serviceName=clock&query.pagination.pageSize=2");
    assert_eq!(
        summaries(&contract, &page).await,
        [id(&contract, "tick 11"), id(&contract, "tick 10")]
    );
}

#[tokio::test]
async fn times_reach_to_the_nanosecond_and_the_end_is_not_within() {
    let contract = Contract::start().await;
    let second = |nanos: u64| format!("2026-01-01T00:11:00.{nanos:09}Z");
    let tick = id(&contract, "tick 11");
    for (from, to, is_found) in [
        (second(0), second(1), true),
        (second(0), second(0), false),
        (second(1), second(9), false),
        ("2026-01-01T01:11:00%2B01:00".to_owned(), second(1), true),
        (
            "0001-01-01T00:00:00Z".to_owned(),
            "9999-12-31T23:59:59Z".to_owned(),
            true,
        ),
    ] {
        for (min, max) in [
            ("startTimeMin", "startTimeMax"),
            ("start_time_min", "start_time_max"),
        ] {
            let query = format!(
                "query.{min}={from}&query.{max}={to}&query.serviceName=clock&query.searchDepth=1"
            );
            let expected = if is_found {
                vec![tick.clone()]
            } else {
                Vec::new()
            };
            assert_eq!(summaries(&contract, &query).await, expected, "{query}");
        }
    }
}

#[tokio::test]
async fn refusals_are_told_as_a_gateway_does() {
    let contract = Contract::start().await;
    let search = |rest: &str| format!("/api/v3/traces?{ALWAYS}&{rest}");
    let summaries = |rest: &str| format!("/api/v3/trace-summaries?{ALWAYS}&{rest}");
    let range = "query.startTimeMin and query.startTimeMax are required";
    for (path, status, why) in [
        ("/api/v3/operations".to_owned(), 400, "service"),
        ("/api/v3/traces".to_owned(), 400, range),
        ("/api/v3/traces?query.startTimeMin=2026-01-01T00:00:00Z".to_owned(), 400, range),
        ("/api/v3/trace-summaries?query.start_time_max=2026-01-01T00:00:00Z".to_owned(), 400, range),
        ("/api/v3/traces?query.startTimeMin=1&query.startTimeMax=2".to_owned(), 400, "query.startTimeMin"),
        ("/api/v3/traces?query.startTimeMin=2026-01-02T00:00:00Z&query.startTimeMax=2026-01-01T00:00:00Z".to_owned(), 400, "less"),
        (search("query.searchDepth=x"), 400, "query.searchDepth"),
        (search("query.num_traces=-1"), 400, "query.num_traces"),
        (search("query.durationMin=5"), 400, "query.durationMin"),
        (search("query.duration_max=soon"), 400, "query.duration_max"),
        (search("query.attributes=a"), 400, "query.attributes"),
        (search("query.attributes=%7B%22a%22:1%7D"), 400, "query.attributes"),
        (search("query.rawTraces=maybe"), 400, "query.rawTraces"),
        (search("query.filter=%7B%7D"), 400, "query.filter"),
        (search("query.pagination.pageSize=1"), 400, "query.pagination.pageSize"),
        (summaries("query.pagination.pageSize=0"), 400, "query.pagination.pageSize"),
        (summaries("query.pagination.pageSize=1&query.searchDepth=1"), 400, "query.searchDepth"),
        (summaries("query.pagination.pageSize=1&query.pagination.pageToken=x"), 400, "query.pagination.pageToken"),
        ("/api/v3/traces/xyz".to_owned(), 400, "traceId"),
        ("/api/v3/traces/0".to_owned(), 400, "traceId"),
        ("/api/v3/traces/1?rawTraces=x".to_owned(), 400, "rawTraces"),
        ("/api/v3/traces/1?startTime=x".to_owned(), 400, "startTime"),
        ("/api/v3/traces/1?end_time=x".to_owned(), 400, "end_time"),
        ("/api/v3/traces/1".to_owned(), 404, "No traces found"),
        ("/api/v3/dependencies".to_owned(), 400, "startTime"),
        ("/api/v3/dependencies?startTime=2026-01-01T00:00:00Z".to_owned(), 400, "endTime"),
        ("/api/v3/dependencies?startTime=2026-01-01T00:00:00Z&endTime=2026-01-01T00:00:00Z".to_owned(), 400, "endTime must be after startTime"),
    ] {
        let (found, body) = contract.ask(&path).await;
        assert_eq!(found, StatusCode::from_u16(status).unwrap(), "{path}");
        assert_eq!(body["error"]["httpCode"], status, "{path}");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(why), "{path}: {message}");
    }
}

/// Each id once, in the order of the answer.
fn traces(answer: &Value) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for of_resource in data(answer).resource_spans {
        for span in of_resource
            .scope_spans
            .iter()
            .flat_map(|of_scope| &of_scope.spans)
        {
            let id = format!(
                "{:032x}",
                u128::from_be_bytes(span.trace_id[..].try_into().unwrap())
            );
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

async fn nothing(contract: &Contract, path: &str) {
    let (status, body) = contract.ask(path).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    assert_eq!(
        body,
        json!({"error": {"httpCode": 404, "message": "No traces found"}})
    );
}

async fn summaries(contract: &Contract, query: &str) -> Vec<String> {
    let answer = contract
        .found(&format!("/api/v3/trace-summaries?{query}"))
        .await;
    let summaries = answer["summaries"].as_array().unwrap();
    summaries
        .iter()
        .map(|one| one["traceId"].as_str().unwrap().to_owned())
        .collect()
}
