//! Traces, their summaries and the lists of Jaeger's third query API.

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, TracesData};
use serde_json::{Value, json};

use crate::{
    Contract,
    common::golden::{BEGIN, MINUTE},
};

pub(crate) const ALWAYS: &str =
    "query.startTimeMin=2025-12-31T00:00:00Z&query.startTimeMax=2026-01-02T00:00:00Z";

pub(crate) fn data(answer: &Value) -> TracesData {
    serde_json::from_value(answer["result"].clone()).unwrap()
}

/// In an order of its own, which neither a sender nor a store promises.
fn sorted(mut all: Vec<ResourceSpans>) -> Vec<ResourceSpans> {
    for of_resource in &mut all {
        for of_scope in &mut of_resource.scope_spans {
            for span in &mut of_scope.spans {
                span.status.get_or_insert_default();
            }
            of_scope
                .spans
                .sort_by_key(|span| (span.span_id.clone(), span.kind));
        }
        of_resource
            .scope_spans
            .sort_by_key(|of_scope| of_scope.scope.as_ref().unwrap().name.clone());
    }
    all.sort_by_key(|of_resource| format!("{:?}", of_resource.resource));
    all
}

#[tokio::test]
async fn each_trace_is_read_back_as_it_was_sent() {
    let contract = Contract::start().await;
    for golden in &contract.golden {
        let answer = contract
            .found(&format!("/api/v3/traces/{:032x}", golden.id))
            .await;
        let found = sorted(data(&answer).resource_spans);
        assert_eq!(found, sorted(golden.sent.clone()), "{}", golden.name);
    }
}

#[tokio::test]
async fn a_span_has_all_that_was_sent_in_otlps_words() {
    let contract = Contract::start().await;
    let answer = contract
        .found("/api/v3/traces/4bf92f3577b34da6a3ce929d0e0e4736")
        .await;
    let web = &answer["result"]["resourceSpans"][0];
    assert_eq!(
        web["resource"]["attributes"][0],
        json!({"key": "service.name", "value": {"stringValue": "web"}})
    );
    let http = &web["scopeSpans"][0];
    assert_eq!(http["scope"]["name"], "http");
    let span = &http["spans"][0];
    assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span["spanId"], "0000000000000001");
    assert_eq!(span["kind"], 2);
    assert_eq!(span["startTimeUnixNano"], BEGIN.to_string());
    let values: Vec<_> = span["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| &tag["value"])
        .collect();
    let expected = json!([
        {"stringValue": "/checkout"},
        {"boolValue": true},
        {"intValue": "200"},
        {"intValue": "-9007199254740993"},
        {"doubleValue": 12.5},
        {"bytesValue": "+/8="},
        {"arrayValue": {"values": [{"stringValue": "tea"}, {"stringValue": "pot"}]}},
        {"kvlistValue": {"values": [{"key": "name", "value": {"stringValue": "Ada"}}]}},
        {},
    ]);
    assert_eq!(json!(values), expected);
    assert_eq!(
        span["events"][0]["timeUnixNano"],
        (BEGIN + 2_500_000).to_string()
    );
    assert_eq!(
        web["scopeSpans"].as_array().unwrap().len(),
        2,
        "one resource, two scopes"
    );
}

#[tokio::test]
async fn an_id_is_known_in_each_way_to_write_it() {
    let contract = Contract::start().await;
    let plain = contract
        .found("/api/v3/traces/00000000000000005af7183fb1d4cf5f")
        .await;
    for id in [
        "5af7183fb1d4cf5f",
        "5AF7183FB1D4CF5F",
        "AAAAAAAAAABa9xg%2FsdTPXw%3D%3D",
    ] {
        assert_eq!(
            contract.found(&format!("/api/v3/traces/{id}")).await,
            plain,
            "{id}"
        );
    }
    let query =
        "startTime=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00.5%2B01:00&rawTraces=true";
    assert_eq!(
        contract
            .found(&format!("/api/v3/traces/5af7183fb1d4cf5f?{query}"))
            .await,
        plain
    );
}

#[tokio::test]
async fn names_are_listed() {
    let contract = Contract::start().await;
    let services = contract.found("/api/v3/services").await;
    assert_eq!(
        services["services"],
        contract.found("/api/services").await["data"]
    );
    let operations = contract.found("/api/v3/operations?service=web").await;
    let operation = |name: &str, kind: &str| json!({"name": name, "spanKind": kind});
    let expected = [
        operation("GET /checkout", "server"),
        operation("POST /orders", "client"),
        operation("load cart", "internal"),
        operation("render", "internal"),
    ];
    assert_eq!(operations, json!({"operations": expected}));
    for name in ["spanKind", "span_kind"] {
        let path = format!("/api/v3/operations?service=web&{name}=server");
        assert_eq!(
            contract.found(&path).await,
            json!({"operations": [operation("GET /checkout", "server")]})
        );
    }
    assert_eq!(
        contract.found("/api/v3/operations?service=none").await,
        json!({"operations": []})
    );
}

#[tokio::test]
async fn a_summary_sums_its_trace_up() {
    let contract = Contract::start().await;
    let service = |name: &str, spans: u64, errors: u64| json!({"name": name, "spanCount": spans, "errorSpanCount": errors});
    for (name, expected) in [
        (
            "ten",
            json!({
                "rootServiceName": "web", "rootOperationName": "GET /checkout",
                "minStartTimeUnixNano": BEGIN.to_string(), "maxEndTimeUnixNano": (BEGIN + 100_000_000).to_string(),
                "spanCount": 10, "errorSpanCount": 0, "orphanSpanCount": 0,
                "services": [service("post", 2, 0), service("shop", 4, 0), service("web", 4, 0)],
            }),
        ),
        (
            "large",
            json!({
                "rootServiceName": "part1", "rootOperationName": "step 1",
                "minStartTimeUnixNano": (BEGIN + MINUTE + 1000).to_string(),
                "maxEndTimeUnixNano": (BEGIN + MINUTE + 19_999_000).to_string(),
                "spanCount": 5000, "errorSpanCount": 500, "orphanSpanCount": 0,
                "services": [
                    service("part0", 1000, 500), service("part1", 1000, 0), service("part2", 1000, 0),
                    service("part3", 1000, 0), service("part4", 1000, 0),
                ],
            }),
        ),
        (
            "orphan",
            json!({
                "rootServiceName": "lost", "rootOperationName": "root",
                "minStartTimeUnixNano": (BEGIN + 3 * MINUTE).to_string(),
                "maxEndTimeUnixNano": (BEGIN + 3 * MINUTE + 10_000).to_string(),
                "spanCount": 2, "errorSpanCount": 0, "orphanSpanCount": 1, "services": [service("lost", 2, 0)],
            }),
        ),
    ] {
        let answer = contract
            .found(&format!("/api/v3/trace-summaries?{ALWAYS}"))
            .await;
        let all = answer["summaries"].as_array().unwrap();
        let mut found = all
            .iter()
            .find(|one| one["traceId"] == id(&contract, name))
            .unwrap()
            .clone();
        found.as_object_mut().unwrap().remove("traceId");
        assert_eq!(found, expected, "{name}");
    }
}

#[tokio::test]
async fn calls_between_services_are_counted() {
    let contract = Contract::start().await;
    for (from, to) in [("startTime", "endTime"), ("start_time", "end_time")] {
        let path =
            format!("/api/v3/dependencies?{from}=2026-01-01T00:00:00Z&{to}=2026-01-01T00:00:01Z");
        let call =
            |parent: &str, child: &str| json!({"parent": parent, "child": child, "callCount": "1"});
        let expected = json!({"dependencies": [call("shop", "post"), call("web", "shop")]});
        assert_eq!(contract.found(&path).await, expected);
    }
    let before = "/api/v3/dependencies?startTime=2025-01-01T00:00:00Z&endTime=2025-12-31T00:00:00Z";
    assert_eq!(contract.found(before).await, json!({"dependencies": []}));
}

pub(crate) fn id(contract: &Contract, name: &str) -> String {
    let id = match name.strip_prefix("tick ") {
        Some(minute) => (minute.parse::<u128>().unwrap() + 1) << 64,
        None => contract.named(name).id,
    };
    format!("{id:032x}")
}
