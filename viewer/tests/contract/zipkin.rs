//! A trace as Zipkin's read API tells it.

use serde_json::{Value, json};

use crate::{
    Contract,
    common::golden::{BEGIN, CLIENT, CONSUMER, PRODUCER, SERVER},
};

/// As Zipkin writes ids: 64 bits of it where the others are zeros.
pub(crate) fn id(number: u128) -> String {
    match u64::try_from(number) {
        Ok(short) => format!("{short:016x}"),
        Err(_) => format!("{number:032x}"),
    }
}

#[tokio::test]
async fn each_trace_is_read_back_whole() {
    let contract = Contract::start().await;
    for golden in &contract.golden {
        let answer = contract
            .found(&format!("/api/v2/trace/{:032x}", golden.id))
            .await;
        let mut spans = answer.as_array().unwrap().clone();
        for (service, scope, sent) in golden.spans() {
            let hex = |id: &[u8]| format!("{:016x}", u64::from_be_bytes(id.try_into().unwrap()));
            let kind = match sent.kind {
                SERVER => json!("SERVER"),
                CLIENT => json!("CLIENT"),
                PRODUCER => json!("PRODUCER"),
                CONSUMER => json!("CONSUMER"),
                _ => Value::Null,
            };
            let at = spans
                .iter()
                .position(|span| span["id"] == hex(&sent.span_id) && span["kind"] == kind);
            let span = spans.remove(at.unwrap_or_else(|| panic!("{} {}", golden.name, sent.name)));
            assert_eq!(span["traceId"], id(golden.id));
            assert_eq!(span["name"], sent.name.as_str());
            let parent = match sent.parent_span_id.as_slice() {
                [] => Value::Null,
                id => json!(hex(id)),
            };
            assert_eq!(span["parentId"], parent);
            assert_eq!(span["timestamp"], sent.start_time_unix_nano / 1000);
            let duration = (sent.end_time_unix_nano - sent.start_time_unix_nano) / 1000;
            assert_eq!(
                span["duration"],
                duration.max(1),
                "never zero: {}",
                sent.name
            );
            assert_eq!(span["localEndpoint"], json!({"serviceName": service}));
            let name = span["tags"]["otel.scope.name"].as_str();
            assert_eq!(name.unwrap_or_default(), scope.name);
        }
        assert!(spans.is_empty(), "{}: {spans:?}", golden.name);
    }
}

#[tokio::test]
async fn a_span_has_all_that_was_sent_in_zipkins_words() {
    let contract = Contract::start().await;
    let trace = contract
        .found("/zipkin/api/v2/trace/4bf92f3577b34da6a3ce929d0e0e4736")
        .await;
    let micros = BEGIN / 1000;
    let expected = json!({
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "id": "0000000000000001",
        "name": "GET /checkout",
        "kind": "SERVER",
        "timestamp": micros,
        "duration": 100_000,
        "localEndpoint": {"serviceName": "web"},
        "annotations": [
            {"timestamp": micros + 1500, "value": r#""cache": {"hit":false}"#},
            {"timestamp": micros + 2500, "value": "retried"},
        ],
        "tags": {
            "http.route": "/checkout",
            "cart.full": "true",
            "http.response.status_code": "200",
            "cart.number": "-9007199254740993",
            "cart.price": "12.5",
            "cart.hash": "fbff",
            "cart.items": r#"["tea","pot"]"#,
            "cart.owner": r#"{"name":"Ada"}"#,
            "cart.note": "",
            "otel.scope.name": "http",
            "otel.scope.version": "1.0",
            "otel.status_code": "OK",
        },
    });
    assert_eq!(trace[0], expected);
    let remote = |name: &str| {
        let mut spans = trace.as_array().unwrap().iter();
        spans.find(|span| span["name"] == name).unwrap()["remoteEndpoint"].clone()
    };
    assert_eq!(
        remote("SELECT orders"),
        json!({"serviceName": "db", "ipv4": "10.0.0.5", "port": 5432})
    );
    assert_eq!(
        remote("smtp"),
        json!({"serviceName": "relay", "ipv6": "2001:db8::1"})
    );
    assert_eq!(remote("render"), Value::Null);
    // A server's address is its own where it was called.
    assert_eq!(remote("receive mail"), Value::Null);
}

#[tokio::test]
async fn failures_and_shared_ids_are_told_in_zipkins_words() {
    let contract = Contract::start().await;
    let spans = contract
        .found(&format!("/api/v2/trace/{:x}", 7_u128 << 64))
        .await;
    let tags = |span: usize| &spans[span]["tags"];
    assert_eq!(
        tags(0),
        &json!({"error": "no money", "otel.status_code": "ERROR"})
    );
    assert_eq!(
        tags(1),
        &json!({"error": "declined", "otel.status_code": "ERROR"})
    );
    assert_eq!(tags(2), &json!({"error": "", "otel.status_code": "ERROR"}));
    let spans = contract
        .found(&format!("/api/v2/trace/{:x}", 9_u128 << 64))
        .await;
    assert_eq!(
        (&spans[0]["kind"], &spans[0]["shared"]),
        (&json!("CLIENT"), &Value::Null)
    );
    assert_eq!(
        (&spans[1]["kind"], &spans[1]["shared"]),
        (&json!("SERVER"), &json!(true))
    );
}
