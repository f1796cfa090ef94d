//! What comes in by each door, and what is refused.

mod common;

use std::io::Write;

use common::{attribute, request, span, start};
use flate2::{Compression, write::GzEncoder};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::{ExportLogsServiceRequest, logs_service_client::LogsServiceClient},
        trace::v1::{ExportTraceServiceResponse, trace_service_client::TraceServiceClient},
    },
    common::v1::{AnyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    trace::v1::{Status, span::Event},
};
use prost::Message;
use reqwest::StatusCode;
use serde_json::{Value, json};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(plain).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn every_door_leads_to_the_same_store() {
    let viewer = start().await;
    viewer
        .send_spans("by-protobuf", vec![span(1, 1, None, "a")])
        .await;

    let body = serde_json::to_vec(&request("by-json", vec![span(2, 1, None, "b")])).unwrap();
    let answer = viewer.send(JSON, body.clone()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], JSON);
    assert_eq!(answer.text().await.unwrap(), "{}");

    let packed = gzip(&request("by-gzip", vec![span(3, 1, None, "c")]).encode_to_vec());
    let answer = viewer
        .client
        .post(format!("{}/v1/traces", viewer.http))
        .header("content-type", PROTOBUF)
        .header("content-encoding", "gzip")
        .body(packed)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    let mut grpc = TraceServiceClient::connect(viewer.grpc.clone())
        .await
        .unwrap();
    let answer = grpc
        .export(request("by-grpc", vec![span(4, 1, None, "d")]))
        .await
        .unwrap();
    assert_eq!(answer.into_inner(), ExportTraceServiceResponse::default());

    let zipkin = json!([{
        "traceId": "c0ffee", "id": "1", "name": "e", "kind": "SERVER", "timestamp": 1_767_225_600_000_000u64,
        "duration": 7, "localEndpoint": {"serviceName": "by-zipkin"}, "tags": {"error": "it broke"}
    }]);
    let answer = viewer
        .client
        .post(format!("{}/api/v2/spans", viewer.http))
        .body(zipkin.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);

    let services = viewer.json("/api/services").await;
    let expected = ["by-grpc", "by-gzip", "by-json", "by-protobuf", "by-zipkin"];
    assert_eq!(services["data"], json!(expected));
    let trace = viewer.json("/api/traces/00c0ffee").await;
    let span = &trace["data"][0]["spans"][0];
    assert_eq!(span["duration"], 7);
    assert!(span["tags"].as_array().unwrap().contains(&json!({
        "key": "otel.status_description", "type": "string", "value": "it broke"
    })));
}

/// Ids of zeros are how some senders say that there is none.
#[tokio::test]
async fn a_log_may_belong_to_no_trace() {
    let viewer = start().await;
    let record = |trace_id: Vec<u8>, span_id: Vec<u8>| LogRecord {
        trace_id,
        span_id,
        time_unix_nano: 1,
        ..LogRecord::default()
    };
    let zeros = record(vec![0; 16], vec![0; 8]);
    viewer.send_logs("shop", vec![zeros]).await;
    let empty = record(Vec::new(), Vec::new());
    viewer.send_logs("shop", vec![empty]).await;
}

#[tokio::test]
async fn logs_join_their_trace() {
    let viewer = start().await;
    viewer
        .send_spans("shop", vec![span(7, 9, None, "GET /")])
        .await;
    let record = LogRecord {
        trace_id: 7u128.to_be_bytes().to_vec(),
        span_id: 9u64.to_be_bytes().to_vec(),
        severity_number: 17,
        time_unix_nano: 1_767_225_607_000_000_000,
        body: Some(AnyValue {
            value: Some(any_value::Value::StringValue(
                "<b>out of tea</b>".to_owned(),
            )),
        }),
        ..LogRecord::default()
    };
    let logs = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records: vec![record],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    let mut grpc = LogsServiceClient::connect(viewer.grpc.clone())
        .await
        .unwrap();
    grpc.export(logs).await.unwrap();
    let path = format!("/trace/{:032x}/span/{:016x}", 7, 9);
    let (status, text) = viewer.get(&path).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("&#60;b&#62;out of tea&#60;/b&#62;"), "{text}");
}

#[tokio::test]
async fn a_batch_sent_again_is_stored_once() {
    let viewer = start().await;
    for _ in 0..3 {
        let spans = vec![span(1, 1, None, "a"), span(1, 2, Some(1), "b")];
        viewer.send_spans("shop", spans).await;
    }
    let trace = viewer.json(&format!("/api/traces/{:032x}", 1)).await;
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 2);
    let all = viewer.json("/api/v3/trace-summaries?query.startTimeMin=1970-01-01T00:00:00Z&query.startTimeMax=2200-01-01T00:00:00Z").await;
    assert_eq!(all["summaries"][0]["spanCount"], 2);
}

#[tokio::test]
async fn what_is_wrong_in_a_batch_is_counted_and_the_rest_is_kept() {
    let viewer = start().await;
    let mut spans = vec![span(1, 1, None, "good")];
    for (trace, id, parent) in [
        (15, 8, 0),
        (0, 8, 0),
        (17, 8, 0),
        (16, 7, 0),
        (16, 9, 0),
        (16, 8, 3),
    ] {
        let mut wrong = span(1, 2, None, "wrong");
        wrong.trace_id = vec![1; trace];
        wrong.span_id = vec![1; id];
        wrong.parent_span_id = vec![1; parent];
        spans.push(wrong);
    }
    let mut zero = span(1, 2, None, "wrong");
    zero.trace_id = vec![0; 16];
    spans.push(zero);
    let body = serde_json::to_vec(&request("shop", spans)).unwrap();
    let answer = viewer.send(JSON, body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "7");
    assert_eq!(viewer.traces().await, 1);
}

#[tokio::test]
async fn strangers_words_are_text_on_every_page() {
    const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let viewer = start().await;
    let mut root = span(1, 1, None, EVIL);
    root.attributes = vec![attribute(EVIL, EVIL), attribute("http.route", EVIL)];
    root.trace_state = EVIL.to_owned();
    root.status = Some(Status {
        code: 2,
        message: EVIL.to_owned(),
    });
    root.events = vec![Event {
        name: EVIL.to_owned(),
        attributes: vec![attribute(EVIL, EVIL)],
        ..Event::default()
    }];
    let mut call = span(1, 2, Some(1), EVIL);
    call.kind = 3;
    call.attributes = vec![attribute("server.address", EVIL)];
    viewer.send_spans(EVIL, vec![root, call]).await;
    let id = format!("{:032x}", 1);
    for path in [
        "/".to_owned(),
        "/map".to_owned(),
        "/overview".to_owned(),
        format!("/?text={EVIL}&tags={EVIL}&service={EVIL}&min={EVIL}"),
        format!("/trace/{id}"),
        format!("/trace/{id}/span/{:016x}", 1),
        format!("/trace/{id}/offline.html"),
        format!("/compare?a={id}"),
        format!("/compare?a={EVIL}"),
        format!("/trace/{EVIL}"),
    ] {
        let (_, text) = viewer.get(&path).await;
        let text = text.to_lowercase();
        assert!(!text.contains("<script>alert"), "{path}");
        assert!(!text.contains("<img src=x"), "{path}");
    }
}

#[tokio::test]
async fn a_name_of_ten_megabytes_is_cut_where_it_is_shown() {
    let viewer = start().await;
    let mut long = span(1, 1, None, &"ä".repeat(5 << 20));
    long.attributes = vec![attribute("k", &"ö".repeat(1000))];
    viewer.send_spans("shop", vec![long]).await;
    let (_, list) = viewer.get("/").await;
    assert!(list.len() < 100_000, "{}", list.len());
}

#[tokio::test]
async fn pages_of_strangers_get_nothing() {
    let viewer = start().await;
    viewer.send_spans("shop", vec![span(1, 1, None, "a")]).await;
    for (name, value) in [
        ("host", "evil.example"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        for base in [&viewer.page, &viewer.http] {
            let answer = viewer
                .client
                .get(format!("{base}/api/services"))
                .header(name, value)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
        }
    }
    let answer = viewer.client.get(&viewer.page).send().await.unwrap();
    let policy = answer.headers()["content-security-policy"]
        .to_str()
        .unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}
