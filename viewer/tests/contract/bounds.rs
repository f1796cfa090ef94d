//! Whatever is asked, an answer comes that is described, and it is bounded.

use opentelemetry_proto::tonic::{
    common::v1::{
        AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value as Number,
    },
    logs::v1::LogRecord,
    trace::v1::span::Link,
};
use prost::Message;
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    Contract,
    common::{
        golden::{self, BEGIN, value},
        request, span,
    },
    encoded,
};

const HOSTILE: [&str; 22] = [
    "",
    " ",
    "-1",
    "0",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "1e400",
    "NaN",
    "9223372036854775807h",
    "99999999999999999999999999999999999999999999h1ns",
    ".s",
    "1.1.1s",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "'; DROP TABLE span; --",
    "%",
    "\u{0}",
    "\u{202e}\u{10ffff}",
    "{\"a\":{}}",
    "[[[[[[[[",
    "a=b=c and  and =",
];

#[tokio::test]
async fn hostile_values_are_answered_as_described() {
    let first = golden::all().into_iter().take(1).collect();
    let contract = Contract::of(first).await;
    let mut asked = 0;
    for (path, item) in contract.schemas.paths() {
        let path = path
            .replace("{service}", "web")
            .replace("{traceId}", "5af7183fb1d4cf5f");
        let parameters = item["get"]["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for parameter in parameters.iter().map(|one| contract.schemas.parameter(one)) {
            let name = parameter["name"].as_str().unwrap().to_owned();
            for value in HOSTILE {
                let value = encoded(value);
                let url = match parameter["in"].as_str() {
                    Some("path") if value.is_empty() => continue,
                    Some("path") if name == "service" => {
                        format!("/api/services/{value}/operations")
                    }
                    Some("path") => path.replace("5af7183fb1d4cf5f", &value),
                    // What else is required is there.
                    _ => format!("{path}?{name}={value}&{REQUIRED}"),
                };
                let (status, _) = contract.ask(&url).await;
                assert!(
                    matches!(status.as_u16(), 200 | 400 | 404),
                    "{url}: {status}"
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 1000, "{asked}");
}

const REQUIRED: &str = "service=web&serviceName=web&key=a&endTs=1767225600000&traceIds=1,2\
    &startTime=2026-01-01T00:00:00Z&endTime=2026-01-02T00:00:00Z\
    &query.startTimeMin=2026-01-01T00:00:00Z&query.startTimeMax=2026-01-02T00:00:00Z";

#[tokio::test]
async fn a_trace_of_logs_alone_is_none() {
    let contract = Contract::start().await;
    let id = 0xbad_u128;
    let record = LogRecord {
        trace_id: id.to_be_bytes().to_vec(),
        time_unix_nano: BEGIN,
        ..LogRecord::default()
    };
    contract.viewer.send_logs("writer", vec![record]).await;
    for path in ["/api/traces/bad", "/api/v3/traces/bad", "/api/v2/trace/bad"] {
        assert_eq!(contract.ask(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn numbers_that_json_has_not_are_text() {
    let contract = Contract::start().await;
    let list = ArrayValue {
        values: [f64::NEG_INFINITY, 1.5]
            .map(|number| AnyValue {
                value: Some(Number::DoubleValue(number)),
            })
            .into(),
    };
    let mut odd = span(0xdd, 1, None, "odd");
    odd.attributes = vec![
        value("nan", Number::DoubleValue(f64::NAN)),
        value("list", Number::ArrayValue(list)),
        KeyValue {
            key: "nothing".to_owned(),
            ..KeyValue::default()
        },
    ];
    contract.viewer.send_spans("odd", vec![odd]).await;
    let v1 = contract.found("/api/traces/dd").await;
    let tag = json!({"key": "nan", "type": "string", "value": "NaN"});
    assert_eq!(v1["data"][0]["spans"][0]["tags"][0], tag);
    let v3 = contract.found("/api/v3/traces/dd").await;
    let attributes = &v3["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"];
    let list = json!({"arrayValue": {"values": [{"stringValue": "-inf"}, {"doubleValue": 1.5}]}});
    assert_eq!(attributes[0]["value"], json!({"stringValue": "NaN"}));
    assert_eq!(attributes[1]["value"], list);
    assert_eq!(attributes[2], json!({"key": "nothing", "value": {}}));
    contract.found("/api/v2/trace/dd").await;
}

#[tokio::test]
async fn such_numbers_are_text_wherever_they_are() {
    let contract = Contract::start().await;
    let odd = || vec![value("odd", Number::DoubleValue(f64::INFINITY))];
    let mut linked = span(0xdd, 1, None, "odd");
    linked.links = vec![Link {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        attributes: odd(),
        ..Link::default()
    }];
    let mut request = request("odd", vec![linked]);
    let of_resource = &mut request.resource_spans[0];
    let resource = of_resource.resource.as_mut().unwrap();
    resource.attributes.extend(odd());
    of_resource.scope_spans[0].scope = Some(InstrumentationScope {
        attributes: odd(),
        ..InstrumentationScope::default()
    });
    let body = request.encode_to_vec();
    let sent = contract.viewer.send("application/x-protobuf", body).await;
    assert_eq!(sent.status(), StatusCode::OK);
    let v3 = contract.found("/api/v3/traces/dd").await;
    let of_resource = &v3["result"]["resourceSpans"][0];
    let of_scope = &of_resource["scopeSpans"][0];
    for attribute in [
        &of_resource["resource"]["attributes"][1],
        &of_scope["scope"]["attributes"][0],
        &of_scope["spans"][0]["links"][0]["attributes"][0],
    ] {
        assert_eq!(attribute["value"], json!({"stringValue": "inf"}));
    }
}

#[tokio::test]
async fn no_answer_has_more_traces_than_it_may() {
    let contract = Contract::start().await;
    let spans = (1..=1600)
        .map(|id| span(id, 1, None, "one of many"))
        .collect();
    contract.viewer.send_spans("many", spans).await;
    let huge = i64::MAX;
    let v1 = contract
        .found(&format!("/api/traces?service=many&limit={huge}"))
        .await;
    assert_eq!(v1["data"].as_array().unwrap().len(), 1500);
    let range = "query.startTimeMin=2026-01-01T00:00:00Z&query.startTimeMax=2027-01-01T00:00:00Z";
    let v3 =
        format!("/api/v3/trace-summaries?{range}&query.serviceName=many&query.searchDepth={huge}");
    assert_eq!(
        contract.found(&v3).await["summaries"]
            .as_array()
            .unwrap()
            .len(),
        1500
    );
    let zipkin =
        format!("/api/v2/traces?serviceName=many&endTs={huge}&lookback={huge}&limit={huge}");
    assert_eq!(
        contract.found(&zipkin).await.as_array().unwrap().len(),
        1500
    );
    let unless_said = contract.found("/api/traces?service=many").await;
    assert_eq!(unless_said["data"].as_array().unwrap().len(), 100);
}
