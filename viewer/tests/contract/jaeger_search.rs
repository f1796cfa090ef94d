//! What Jaeger's first query API finds, lists and refuses.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    Contract,
    common::{
        golden::{BEGIN, MINUTE},
        span,
    },
    encoded,
};

fn ids(answer: &Value) -> Vec<String> {
    let traces = answer["data"].as_array().unwrap();
    let id = |trace: &Value| trace["traceID"].as_str().unwrap().to_owned();
    traces.iter().map(id).collect()
}

#[tokio::test]
async fn names_are_listed() {
    let contract = Contract::start().await;
    let services = contract.found("/api/services").await;
    let mut expected: Vec<_> = contract
        .golden
        .iter()
        .flat_map(|golden| golden.spans().map(|(service, ..)| service))
        .collect();
    expected.sort();
    expected.dedup();
    assert_eq!(services["data"], json!(expected));
    assert_eq!(services["total"], expected.len());
    let names = contract.found("/api/services/post/operations").await;
    assert_eq!(names["data"], json!(["receive mail", "smtp"]));
    assert_eq!(names["total"], 2);
    let operations = contract.found("/api/operations?service=web").await;
    let operation = |name: &str, kind: &str| json!({"name": name, "spanKind": kind});
    let expected = [
        operation("GET /checkout", "server"),
        operation("POST /orders", "client"),
        operation("load cart", "internal"),
        operation("render", ""),
    ];
    assert_eq!(operations["data"], json!(expected));
    let clients = contract
        .found("/api/operations?service=web&spanKind=client")
        .await;
    assert_eq!(
        clients["data"],
        json!([operation("POST /orders", "client")])
    );
    // One name of two kinds.
    let mut client = span(0x88, 1, None, "both");
    client.kind = 3;
    let server = span(0x88, 2, Some(1), "both");
    contract
        .viewer
        .send_spans("two", vec![client, server])
        .await;
    let names = contract.found("/api/services/two/operations").await;
    assert_eq!(names["data"], json!(["both"]));
    let kinds = contract.found("/api/operations?service=two").await;
    let expected = [operation("both", "server"), operation("both", "client")];
    assert_eq!(kinds["data"], json!(expected));
    assert_eq!(
        contract.found("/api/services/none/operations").await["data"],
        json!([])
    );
}

#[tokio::test]
async fn a_search_finds_what_its_parameters_say() {
    let contract = Contract::start().await;
    let micros = BEGIN / 1000;
    let minute = MINUTE / 1000;
    let json = |text: &str| format!("tags={}", encoded(text));
    for (query, expected) in [
        ("service=web".to_owned(), &["ten"][..]),
        ("service=post".to_owned(), &["ten"]),
        ("service=nobody".to_owned(), &[]),
        ("service=web&operation=GET%20/checkout".to_owned(), &["ten"]),
        ("service=web&operation=all".to_owned(), &["ten"]),
        ("service=web&operation=smtp".to_owned(), &[]),
        (
            format!("service=web&{}", json(r#"{"http.route":"/checkout"}"#)),
            &["ten"],
        ),
        (
            format!("service=web&{}", json(r#"{"http.route":"/"}"#)),
            &[],
        ),
        (
            format!(
                "service=web&{}",
                json(r#"{"host.name":"web-1","cart.full":"true"}"#)
            ),
            &["ten"],
        ),
        (
            format!(
                "service=web&{}",
                json(r#"{"host.name":"web-1","cart.full":"false"}"#)
            ),
            &[],
        ),
        ("service=web&tag=http.route:/checkout".to_owned(), &["ten"]),
        ("service=web&tag=http.route:/".to_owned(), &[]),
        (
            format!("service=till&{}", json(r#"{"error":"true"}"#)),
            &["errors"],
        ),
        (format!("service=web&{}", json(r#"{"error":"true"}"#)), &[]),
        (
            "service=till&tag=otel.status_code:ERROR".to_owned(),
            &["errors"],
        ),
        ("service=web&minDuration=100ms".to_owned(), &["ten"]),
        ("service=web&minDuration=100.001ms".to_owned(), &[]),
        ("service=web&maxDuration=100ms".to_owned(), &["ten"]),
        ("service=web&maxDuration=99.999ms".to_owned(), &[]),
        (
            "service=web&minDuration=1us&maxDuration=1h".to_owned(),
            &["ten"],
        ),
        (format!("service=web&start={micros}"), &["ten"]),
        (format!("service=web&start={}", micros + 1), &[]),
        (format!("service=web&end={micros}"), &["ten"]),
        (format!("service=web&end={}", micros - 1), &[]),
        ("service=web&limit=99999999".to_owned(), &["ten"]),
        (format!("traceID={:x}", 8_u128 << 64), &["links"]),
        (
            format!(
                "traceID={:x}&traceID=5af7183fb1d4cf5f&service=web",
                8_u128 << 64
            ),
            &["links", "short id"],
        ),
    ] {
        let answer = contract.found(&format!("/api/traces?{query}")).await;
        let expected: Vec<_> = expected
            .iter()
            .map(|name| format!("{:032x}", contract.named(name).id))
            .collect();
        assert_eq!(ids(&answer), expected, "{query}");
        assert_eq!(answer["errors"], Value::Null);
    }
    // The newest come first.
    let tick = |minute: u128| format!("{:032x}", (minute + 1) << 64);
    let answer = contract.found("/api/traces?service=clock").await;
    assert_eq!(ids(&answer), [tick(11), tick(10), tick(9)]);
    let answer = contract.found("/api/traces?service=clock&limit=2").await;
    assert_eq!(ids(&answer), [tick(11), tick(10)]);
    let middle = micros + 10 * minute;
    let answer = contract
        .found(&format!(
            "/api/traces?service=clock&start={middle}&end={middle}"
        ))
        .await;
    assert_eq!(ids(&answer), [tick(10)]);

    let answer = contract
        .found("/api/traces?traceID=5af7183fb1d4cf5f&traceID=abc")
        .await;
    assert_eq!(
        ids(&answer),
        [format!("{:032x}", contract.named("short id").id)]
    );
    let missing = json!([{"msg": "trace not found", "traceID": format!("{:032x}", 0xabc)}]);
    assert_eq!(answer["errors"], missing);
}

#[tokio::test]
async fn calls_between_services_are_counted() {
    let contract = Contract::start().await;
    let end = BEGIN / 1_000_000 + 1000;
    let call =
        |parent: &str, child: &str| json!({"parent": parent, "child": child, "callCount": 1});
    let answer = contract
        .found(&format!("/api/dependencies?endTs={end}&lookback=5000"))
        .await;
    assert_eq!(
        answer["data"],
        json!([call("shop", "post"), call("web", "shop")])
    );
    assert_eq!(answer["total"], 0);
    let of = format!("/api/dependencies?endTs={end}&lookback=5000&service=web");
    assert_eq!(
        contract.found(&of).await["data"],
        json!([call("web", "shop")])
    );
    // Whether it calls or is called.
    let of = format!("/api/dependencies?endTs={end}&lookback=5000&service=post");
    assert_eq!(
        contract.found(&of).await["data"],
        json!([call("shop", "post")])
    );
    let early = format!("/api/dependencies?endTs={}&lookback=5000", end - 2000);
    assert_eq!(contract.found(&early).await["data"], json!([]));
    let late = format!("/api/dependencies?endTs={end}&lookback=999");
    assert_eq!(contract.found(&late).await["data"], json!([]));
}

#[tokio::test]
async fn refusals_are_told_in_the_envelope() {
    let contract = Contract::start().await;
    for (path, status, why) in [
        ("/api/operations", 400, "parameter 'service' is required"),
        ("/api/traces", 400, "parameter 'service' is required"),
        (
            "/api/traces?service=",
            400,
            "parameter 'service' is required",
        ),
        ("/api/traces?service=a&limit=0", 400, "limit"),
        ("/api/traces?service=a&limit=-1", 400, "limit"),
        ("/api/traces?service=a&limit=x", 400, "limit"),
        ("/api/traces?service=a&start=yesterday", 400, "start"),
        (
            "/api/traces?service=a&start=2&end=1",
            400,
            "end is less than start",
        ),
        ("/api/traces?service=a&minDuration=1", 400, "minDuration"),
        (
            "/api/traces?service=a&minDuration=2s&maxDuration=1s",
            400,
            "maxDuration is less than minDuration",
        ),
        (
            "/api/traces?service=a&tag=key",
            400,
            "malformed 'tag' parameter",
        ),
        (
            "/api/traces?service=a&tags=key",
            400,
            "malformed 'tags' parameter",
        ),
        ("/api/traces?service=a&tags=%7B%22a%22:1%7D", 400, "tags"),
        ("/api/traces?service=a&raw=perhaps", 400, "raw"),
        ("/api/traces?traceID=xyz", 400, "traceID"),
        ("/api/traces/xyz", 400, "traceID"),
        ("/api/traces/0", 400, "traceID"),
        ("/api/traces/1?raw=2", 400, "raw"),
        ("/api/traces/1?start=x", 400, "start"),
        ("/api/traces/1?end=x", 400, "end"),
        ("/api/traces/1", 404, "trace not found"),
        ("/api/dependencies?endTs=x", 400, "endTs"),
        ("/api/dependencies?lookback=x", 400, "lookback"),
    ] {
        let (found, body) = contract.ask(path).await;
        assert_eq!(found, StatusCode::from_u16(status).unwrap(), "{path}");
        assert_eq!(body["errors"][0]["code"], status, "{path}");
        let message = body["errors"][0]["msg"].as_str().unwrap();
        assert!(message.contains(why), "{path}: {message}");
    }
}
