//! A trace as Jaeger's first query API tells it.

use serde_json::{Value, json};

use crate::{
    Contract,
    common::{
        golden::{BEGIN, CLIENT, CONSUMER, INTERNAL, PRODUCER, SERVER},
        span,
    },
};

fn tag<'t>(tags: &'t Value, key: &str) -> &'t Value {
    let mut found = tags
        .as_array()
        .unwrap()
        .iter()
        .filter(|tag| tag["key"] == key);
    let tag = found.next().unwrap_or(&Value::Null);
    assert!(found.next().is_none(), "{key} is there twice");
    tag
}

#[tokio::test]
async fn each_trace_is_read_back_whole() {
    let contract = Contract::start().await;
    for golden in &contract.golden {
        let id = format!("{:032x}", golden.id);
        let answer = contract.found(&format!("/api/traces/{id}")).await;
        let trace = &answer["data"][0];
        assert_eq!(trace["traceID"], id.as_str());
        let mut spans = trace["spans"].as_array().unwrap().clone();
        let services: std::collections::BTreeSet<_> =
            golden.spans().map(|(service, ..)| service).collect();
        assert_eq!(
            trace["processes"].as_object().unwrap().len(),
            services.len()
        );
        let starts: Vec<_> = spans
            .iter()
            .map(|span| span["startTime"].as_u64())
            .collect();
        assert!(starts.is_sorted(), "{}: by their start", golden.name);
        for (service, scope, sent) in golden.spans() {
            let span_id = format!(
                "{:016x}",
                u64::from_be_bytes(sent.span_id[..].try_into().unwrap())
            );
            let kind = match sent.kind {
                INTERNAL => json!("internal"),
                SERVER => json!("server"),
                CLIENT => json!("client"),
                PRODUCER => json!("producer"),
                CONSUMER => json!("consumer"),
                _ => Value::Null,
            };
            let at = spans.iter().position(|span| {
                span["spanID"] == span_id.as_str()
                    && tag(&span["tags"], "span.kind")["value"] == kind
            });
            let span = spans.remove(at.unwrap_or_else(|| panic!("{} {span_id}", golden.name)));
            assert_eq!(span["traceID"], id.as_str());
            assert_eq!(span["operationName"], sent.name.as_str());
            assert_eq!(span["startTime"], sent.start_time_unix_nano / 1000);
            let duration = (sent.end_time_unix_nano - sent.start_time_unix_nano) / 1000;
            assert_eq!(span["duration"], duration);
            let process = &trace["processes"][span["processID"].as_str().unwrap()];
            assert_eq!(process["serviceName"], service.as_str());
            let host =
                json!({"key": "host.name", "type": "string", "value": format!("{service}-1")});
            assert_eq!(process["tags"], json!([host]));
            let scope_name = &tag(&span["tags"], "otel.scope.name")["value"];
            assert_eq!(scope_name.as_str().unwrap_or_default(), scope.name);
            let children = span["references"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|reference| {
                    reference["refType"] == "CHILD_OF" && reference["traceID"] == id.as_str()
                });
            let parents: Vec<_> = children.map(|parent| parent["spanID"].clone()).collect();
            let parent = match sent.parent_span_id.as_slice() {
                [] => Vec::new(),
                id => vec![json!(format!(
                    "{:016x}",
                    u64::from_be_bytes(id.try_into().unwrap())
                ))],
            };
            assert_eq!(parents, parent);
        }
        assert!(spans.is_empty(), "{}: {spans:?}", golden.name);
    }
}

#[tokio::test]
async fn a_span_has_all_that_was_sent_in_jaegers_words() {
    let contract = Contract::start().await;
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = contract.found(&format!("/api/traces/{id}")).await;
    let micros = BEGIN / 1000;
    let text = |key: &str, value: &str| json!({"key": key, "type": "string", "value": value});
    let expected = json!({
        "traceID": id,
        "spanID": "0000000000000001",
        "flags": 1,
        "operationName": "GET /checkout",
        "references": [],
        "startTime": micros,
        "duration": 100_000,
        "tags": [
            text("http.route", "/checkout"),
            {"key": "cart.full", "type": "bool", "value": true},
            {"key": "http.response.status_code", "type": "int64", "value": 200},
            {"key": "cart.number", "type": "int64", "value": "-9007199254740993"},
            {"key": "cart.price", "type": "float64", "value": 12.5},
            {"key": "cart.hash", "type": "binary", "value": "+/8="},
            text("cart.items", r#"["tea","pot"]"#),
            text("cart.owner", r#"{"name":"Ada"}"#),
            text("cart.note", ""),
            text("otel.scope.name", "http"),
            text("otel.scope.version", "1.0"),
            text("span.kind", "server"),
            text("otel.status_code", "OK"),
            text("w3c.tracestate", "shop=1"),
        ],
        "logs": [
            {"timestamp": micros + 2500, "fields": [text("event", "retried")]},
            {"timestamp": micros + 1500, "fields": [text("event", "cache"), {"key": "hit", "type": "bool", "value": false}]},
        ],
        "processID": "p1",
        "warnings": null,
    });
    assert_eq!(answer["data"][0]["spans"][0], expected);
    let envelope =
        json!({"data": answer["data"], "total": 0, "limit": 0, "offset": 0, "errors": null});
    assert_eq!(answer, envelope);
}

#[tokio::test]
async fn failures_and_links_are_told_in_jaegers_words() {
    let contract = Contract::start().await;
    let answer = contract
        .found(&format!("/api/traces/{:032x}", 7_u128 << 64))
        .await;
    let spans = &answer["data"][0]["spans"];
    let text = |key: &str, value: &str| json!({"key": key, "type": "string", "value": value});
    let failed = json!({"key": "error", "type": "bool", "value": true});
    let code = text("otel.status_code", "ERROR");
    let root = &spans[0]["tags"];
    assert_eq!(tag(root, "error"), &failed);
    assert_eq!(tag(root, "otel.status_code"), &code);
    let why = text("otel.status_description", "no money");
    assert_eq!(tag(root, "otel.status_description"), &why);
    // What the sender says itself stays.
    assert_eq!(tag(&spans[1]["tags"], "error"), &text("error", "declined"));
    assert_eq!(tag(&spans[2]["tags"], "error"), &failed);
    assert_eq!(
        tag(&spans[2]["tags"], "otel.status_description"),
        &Value::Null
    );

    let answer = contract
        .found(&format!("/api/traces/{:032x}", 8_u128 << 64))
        .await;
    let references = &answer["data"][0]["spans"][0]["references"];
    let reference = |kind: &str, trace: u128, span: u64| json!({"refType": kind, "traceID": format!("{trace:032x}"), "spanID": format!("{span:016x}")});
    let expected = [
        reference("FOLLOWS_FROM", 7 << 64, 2),
        reference("CHILD_OF", 4 << 64, 1),
    ];
    assert_eq!(references, &json!(expected));
}

#[tokio::test]
async fn what_is_strange_is_warned_of_unless_the_trace_is_raw() {
    let contract = Contract::start().await;
    let twins = [span(0x77, 1, None, "one"), span(0x77, 1, None, "other")];
    contract.viewer.send_spans("twins", twins.into()).await;
    let id = |name| match name {
        "twins" => 0x77,
        name => contract.named(name).id,
    };
    for (name, span, word) in [
        (
            "orphan",
            "0000000000000003",
            "parent 0000000000000002 is not in the trace",
        ),
        ("skew", "0000000000000002", "behind its parent's by 1.9999s"),
        ("cycle", "0000000000000001", "ancestors"),
        ("twins", "0000000000000001", "same id"),
    ] {
        let path = format!("/api/traces/{:032x}", id(name));
        let answer = contract.found(&path).await;
        let spans = answer["data"][0]["spans"].as_array().unwrap();
        let warned: Vec<_> = spans
            .iter()
            .filter(|span| !span["warnings"].is_null())
            .collect();
        assert!(!warned.is_empty(), "{name}");
        for warned in &warned {
            assert_eq!(warned["spanID"], span, "{name}");
            assert!(
                warned["warnings"][0].as_str().unwrap().contains(word),
                "{warned}"
            );
        }
        assert_eq!(warned.len(), if name == "twins" { 2 } else { 1 }, "{name}");
        for raw in ["1", "true", "T"] {
            let answer = contract.found(&format!("{path}?raw={raw}")).await;
            let spans = answer["data"][0]["spans"].as_array().unwrap();
            assert!(
                spans.iter().all(|span| span["warnings"].is_null()),
                "{name}"
            );
        }
        assert_eq!(contract.found(&format!("{path}?raw=false")).await, answer);
    }
}

#[tokio::test]
async fn print_is_pretty_where_that_is_asked() {
    let contract = Contract::start().await;
    let plain = contract.found("/api/traces/5af7183fb1d4cf5f").await;
    for (value, is_pretty) in [("true", true), ("1", true), ("false", false), ("", false)] {
        let path = format!("/api/traces/5af7183fb1d4cf5f?prettyPrint={value}");
        assert_eq!(contract.found(&path).await, plain);
        let (_, text) = contract.viewer.get(&path).await;
        assert_eq!(text.contains("\n    \"data\": ["), is_pretty, "{value}");
    }
}

#[tokio::test]
async fn both_halves_of_a_call_may_have_one_id() {
    let contract = Contract::start().await;
    let path = format!("/api/traces/{:032x}", contract.named("shared id").id);
    let answer = contract.found(&path).await;
    let spans = answer["data"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 2);
    assert!(spans.iter().all(|span| span["warnings"].is_null()));
}
