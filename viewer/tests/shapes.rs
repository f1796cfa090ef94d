//! What senders write that the protocol allows, or that they write all the same.

mod common;

use common::{Running, attribute, request, span, start};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
        trace::v1::trace_service_client::TraceServiceClient,
    },
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
};
use prost::Message;
use reqwest::StatusCode;
use serde_json::{Value, json};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

fn batch(span: &Value) -> Vec<u8> {
    json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] })
        .to_string()
        .into_bytes()
}

async fn post(viewer: &Running, path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, String) {
    let answer = viewer
        .client
        .post(format!("{}{path}", viewer.http))
        .header("content-type", kind)
        .body(body)
        .send()
        .await
        .unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// The span of the trace 1, as OTLP.
async fn read(viewer: &Running) -> Value {
    let mut answer = viewer.json(&format!("/api/v3/traces/{:032x}", 1)).await;
    answer["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0].take()
}

#[tokio::test]
async fn nothing_is_a_success() {
    let viewer = start().await;
    for (path, kind, body, said) in [
        ("/v1/traces", PROTOBUF, "", ""),
        ("/v1/logs", PROTOBUF, "", ""),
        ("/v1/traces", JSON, "{}", "{}"),
        ("/v1/logs", JSON, r#"{"resourceLogs":[{}]}"#, "{}"),
        ("/v1/traces", "Application/JSON; charset=utf-8", "{}", "{}"),
        // These are not its names: fields that are not known are passed over.
        (
            "/v1/traces",
            JSON,
            r#"{"resource_spans":[{"scope_spans":7}]}"#,
            "{}",
        ),
    ] {
        let answer = post(&viewer, path, kind, body.into()).await;
        assert_eq!(answer, (StatusCode::OK, said.to_owned()), "{path} {body}");
    }
    assert_eq!(
        post(&viewer, "/api/v2/spans", JSON, "[]".into()).await.0,
        202
    );
    assert_eq!(viewer.traces().await, 0);
}

#[tokio::test]
async fn numbers_are_text_or_not() {
    let viewer = start().await;
    let sent = json!({
        "traceId": "0000000000000000000000000000000A", "spanId": "000000000000000b", "parentSpanId": null,
        "name": null, "kind": 99, "unknown": { "deep": [1] },
        "startTimeUnixNano": "1767225600000000001", "endTimeUnixNano": 1767225600000000002u64,
        "attributes": [
            { "key": "text", "value": { "intValue": "-9007199254740993" } },
            { "key": "number", "value": { "intValue": -7 } },
            { "key": "nan", "value": { "doubleValue": "NaN" } },
            { "key": "infinite", "value": { "doubleValue": "-Infinity" } },
            { "key": "whole", "value": { "doubleValue": 3 } },
            { "key": "bytes", "value": { "bytesValue": "AP8=" } },
            { "key": "short", "value": { "bytesValue": "AP8" } },
            { "key": "empty", "value": { "arrayValue": {} } },
            { "key": "null", "value": { "stringValue": null, "boolValue": true } },
            { "key": "none" }
        ],
        "status": { "code": 77 }, "droppedLinksCount": "3", "links": null
    });
    assert_eq!(
        post(&viewer, "/v1/traces", JSON, batch(&sent)).await,
        (StatusCode::OK, "{}".to_owned())
    );
    let mut answer = viewer.json(&format!("/api/v3/traces/{:032x}", 10)).await;
    let span = answer["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0].take();
    assert_eq!(span["spanId"], "000000000000000b");
    assert_eq!(span["kind"], 99);
    assert_eq!(span["startTimeUnixNano"], "1767225600000000001");
    assert_eq!(span["endTimeUnixNano"], "1767225600000000002");
    assert_eq!(span["status"]["code"], 77);
    assert_eq!(span["droppedLinksCount"], 3);
    let value = |key: &str| {
        let mut all = span["attributes"].as_array().unwrap().iter();
        all.find(|attribute| attribute["key"] == key).unwrap()["value"].clone()
    };
    assert_eq!(value("text")["intValue"], "-9007199254740993");
    assert_eq!(value("number")["intValue"], "-7");
    assert_eq!(value("whole")["doubleValue"], 3.0);
    assert_eq!(value("bytes")["bytesValue"], "AP8=");
    assert_eq!(value("short")["bytesValue"], "AP8=");
    assert_eq!(value("empty")["arrayValue"]["values"], json!([]));
    assert_eq!(value("null")["boolValue"], true);
    // What JSON has no number for is shown as text on the page.
    let (status, page) = viewer
        .get(&format!("/trace/{:032x}/span/{:016x}", 10, 11))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("NaN") && page.contains("-inf"), "{page}");
}

#[tokio::test]
async fn what_is_not_of_its_kind_is_refused() {
    let viewer = start().await;
    let good = json!({ "traceId": "00000000000000000000000000000001", "spanId": "0000000000000002", "name": "a" });
    for (field, value, why) in [
        // base64, as protobuf's own mapping has it.
        (
            "traceId",
            json!("AAAAAAAAAAAAAAAAAAAAAQ=="),
            "AAAAAAAAAAAAAAAAAAAAAQ==",
        ),
        ("spanId", json!("000000000000000"), "hexadecimal"),
        ("spanId", json!(7), "string"),
        ("kind", json!("SPAN_KIND_SERVER"), "SPAN_KIND_SERVER"),
        ("startTimeUnixNano", json!(-1), "-1"),
        ("startTimeUnixNano", json!("soon"), "soon"),
        (
            "startTimeUnixNano",
            json!("18446744073709551616"),
            "18446744073709551616",
        ),
        ("flags", json!(4294967296u64), "4294967296"),
        (
            "attributes",
            json!([{ "key": "k", "value": { "intValue": 1.5 } }]),
            "1.5",
        ),
        (
            "attributes",
            json!([{ "key": "k", "value": { "bytesValue": "?" } }]),
            "base64",
        ),
        (
            "attributes",
            json!([{ "key": "k", "value": { "doubleValue": "much" } }]),
            "much",
        ),
    ] {
        let mut span = good.clone();
        span[field] = value;
        let (status, said) = post(&viewer, "/v1/traces", JSON, batch(&span)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{span}");
        assert!(said.contains(why), "{said} does not say {why}");
    }
    assert_eq!(viewer.traces().await, 0);
    assert_eq!(post(&viewer, "/v1/traces", JSON, batch(&good)).await.0, 200);
    assert_eq!(read(&viewer).await["name"], "a");
}

/// Of three log records, one has ids.
#[tokio::test]
async fn log_records_that_are_wrong_are_counted() {
    let viewer = start().await;
    let mut logs = log("a", "b");
    let records = &mut logs.resource_logs[0].scope_logs[0].log_records;
    for (trace, span) in [(15, 8), (16, 7)] {
        let mut wrong = records[0].clone();
        wrong.trace_id = vec![1; trace];
        wrong.span_id = vec![1; span];
        records.push(wrong);
    }
    let (_, said) = post(
        &viewer,
        "/v1/logs",
        JSON,
        serde_json::to_vec(&logs).unwrap(),
    )
    .await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["partialSuccess"]["rejectedLogRecords"], "2");
    let why = said["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert_eq!(why, "a log's trace id is not 16 bytes");

    let mut grpc = LogsServiceClient::connect(viewer.grpc.clone())
        .await
        .unwrap();
    let said = grpc.export(logs).await.unwrap().into_inner();
    let said = said.partial_success.unwrap();
    assert_eq!((said.rejected_log_records, &*said.error_message), (2, why));
}

const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

fn log(name: &str, words: &str) -> ExportLogsServiceRequest {
    let record = LogRecord {
        trace_id: 1u128.to_be_bytes().to_vec(),
        span_id: 1u64.to_be_bytes().to_vec(),
        severity_text: words.to_owned(),
        event_name: name.to_owned(),
        attributes: vec![attribute(words, words)],
        body: Some(AnyValue {
            value: Some(any_value::Value::KvlistValue(
                opentelemetry_proto::tonic::common::v1::KeyValueList {
                    values: vec![attribute(words, words), KeyValue::default()],
                },
            )),
        }),
        ..LogRecord::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: vec![record],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

fn zipkin(name: &str, words: &str) -> Value {
    json!([{
        "traceId": "1", "id": "1", "name": name, "kind": words,
        "localEndpoint": { "serviceName": words }, "remoteEndpoint": { "serviceName": words, "ipv4": words },
        "annotations": [{ "timestamp": 1, "value": words }],
        "tags": { words: words, "error": words, "otel.scope.name": words }
    }])
}

/// The same name and words by each way in.
async fn send_everywhere(viewer: &Running, name: &str, words: &str) {
    let mut long = span(1, 1, None, name);
    long.attributes = vec![attribute("k", words)];
    let spans = |id: u64| {
        let mut span = long.clone();
        span.span_id = id.to_be_bytes().to_vec();
        request(words, vec![span])
    };
    let json = serde_json::to_vec(&spans(2)).unwrap();
    for (path, kind, body, status) in [
        ("/v1/traces", PROTOBUF, spans(1).encode_to_vec(), 200),
        ("/v1/traces", JSON, json, 200),
        ("/v1/logs", PROTOBUF, log(name, words).encode_to_vec(), 200),
        (
            "/v1/logs",
            JSON,
            serde_json::to_vec(&log(name, words)).unwrap(),
            200,
        ),
        (
            "/api/v2/spans",
            JSON,
            zipkin(name, words).to_string().into_bytes(),
            202,
        ),
    ] {
        let (answer, said) = post(viewer, path, kind, body).await;
        assert_eq!(answer, status, "{path} {kind}: {said}");
    }
    let mut grpc = TraceServiceClient::connect(viewer.grpc.clone())
        .await
        .unwrap();
    grpc.export(spans(3)).await.unwrap();
}

#[tokio::test]
async fn strangers_words_are_text_whatever_brings_them() {
    let viewer = start().await;
    send_everywhere(&viewer, EVIL, EVIL).await;
    for path in ["/", "/map", "/overview"]
        .map(str::to_owned)
        .into_iter()
        .chain((1..=3).flat_map(|id| {
            [
                format!("/trace/{:032x}", 1),
                format!("/trace/{:032x}/span/{id:016x}", 1),
                format!("/trace/{:032x}/offline.html", 1),
            ]
        }))
    {
        let (status, text) = viewer.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let text = text.to_lowercase();
        assert!(!text.contains("<script>alert"), "{path}");
        assert!(!text.contains("<img src=x"), "{path}");
    }
}

#[tokio::test]
async fn names_of_ten_megabytes_are_cut_whatever_brings_them() {
    let viewer = start().await;
    let before = viewer.get("/").await.1.len();
    send_everywhere(&viewer, &"ä".repeat(5 << 20), "ö").await;
    let after = viewer.get("/").await.1.len();
    assert!(after < before + 50_000, "{before} {after}");
}
