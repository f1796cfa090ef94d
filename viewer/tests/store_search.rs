//! Searches find exactly what is there.

mod common;

use common::{attribute, request, span, start, start_with};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, any_value},
    trace::v1::{Span, Status, span::Event},
};
use prost::Message;
use reqwest::StatusCode;
use serde_json::Value;

/// More than are looked at one by one.
const TRACES: u128 = 4_500;

/// What a trace has, by its number.
struct Known {
    number: u128,
    is_error: bool,
    millis: u64,
}

impl Known {
    fn of(number: u128) -> Self {
        Self {
            number,
            is_error: number.is_multiple_of(50),
            millis: if number.is_multiple_of(900) { 700 } else { 20 },
        }
    }

    fn service(&self) -> &'static str {
        if self.number.is_multiple_of(1500) {
            "rare"
        } else {
            "shop"
        }
    }

    fn spans(&self) -> Vec<Span> {
        let number = self.number;
        let name = format!("GET /route{}", number % 5);
        let mut root = span(number, 1, None, &name);
        root.end_time_unix_nano = root.start_time_unix_nano + self.millis * 1_000_000;
        root.attributes = vec![
            attribute("order", &format!("ord-{number:06}")),
            attribute("agent", "Mozilla Firefox"),
        ];
        let mut inner = span(number, 2, Some(1), "inner");
        inner.kind = 1;
        inner.attributes = vec![attribute("half", if number < 100 { "old" } else { "new" })];
        inner.attributes.push(attribute("count", ""));
        inner.attributes[1].value = Some(AnyValue {
            value: Some(any_value::Value::IntValue(number as i64)),
        });
        inner.events = vec![Event {
            name: "priced".to_owned(),
            attributes: vec![attribute("event.word", &format!("Zebra{}", number % 1000))],
            ..Event::default()
        }];
        if self.is_error {
            inner.status = Some(Status {
                code: 2,
                message: format!("Broke at {number}"),
            });
        }
        vec![root, inner]
    }
}

#[tokio::test]
async fn a_search_finds_what_fits_and_nothing_else() {
    let viewer = start().await;
    for service in ["shop", "rare"] {
        let all: Vec<_> = (1..=TRACES).map(Known::of).collect();
        let of_service = all.iter().filter(|known| known.service() == service);
        let spans: Vec<_> = of_service.flat_map(Known::spans).collect();
        for batch in spans.chunks(512) {
            viewer.send_spans(service, batch.to_vec()).await;
        }
    }
    type Test = fn(&Known) -> bool;
    let cases: [(&str, Test); 22] = [
        ("service=rare", |known| known.service() == "rare"),
        ("service=nobody", |_| false),
        ("operation=GET+/route3", |known| known.number % 5 == 3),
        ("service=rare&operation=inner", |known| {
            known.service() == "rare"
        }),
        ("operation=no+such", |_| false),
        ("tags=order%3Dord-000007", |known| known.number == 7),
        ("tags=order%3Dord-999999", |_| false),
        ("tags=half%3Dold", |known| known.number < 100),
        ("tags=half%3DOLD", |_| false),
        ("tags=half%3Dold+order%3Dord-000070", |known| {
            known.number == 70
        }),
        ("tags=half%3Dold+order%3Dord-000700", |_| false),
        ("tags=count%3D123", |known| known.number == 123),
        ("tags=event.word%3DZebra9", |known| known.number % 1000 == 9),
        ("tags=service.name%3Drare", |known| {
            known.service() == "rare"
        }),
        ("text=ORD-00001", |known| known.number / 10 == 1),
        ("text=zebra12&tags=half%3Dold", |known| known.number == 12),
        ("text=broke+at+100", |known| {
            known.is_error && format!("{}", known.number).starts_with("100")
        }),
        ("text=nothing+of+this", |_| false),
        ("text=rare", |known| known.service() == "rare"),
        ("min=500ms", |known| known.millis == 700),
        ("max=100ms&service=rare", |known| {
            known.service() == "rare" && known.millis == 20
        }),
        ("errors=1&text=route1", |known| {
            known.is_error && known.number % 5 == 1
        }),
    ];
    for (query, fits) in cases {
        let (status, page) = viewer.get(&format!("/?limit=1000&{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}");
        // The newest first, as many as there may be.
        let wanted: Vec<_> = (1..=TRACES)
            .rev()
            .filter(|number| fits(&Known::of(*number)))
            .take(1000)
            .collect();
        let mut found: Vec<u128> = Vec::new();
        for (at, _) in page.match_indices("href=\"/trace/") {
            let id = &page[at + 13..at + 45];
            let number = u128::from_str_radix(id, 16).unwrap();
            if !found.contains(&number) {
                found.push(number);
            }
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        assert_eq!(found, wanted, "{query}");
    }
    // Texts of fewer than three letters are looked for in the newest.
    let (_, page) = viewer.get("/?text=zq").await;
    assert!(!page.contains("href=\"/trace/"));
    let (_, page) = viewer.get("/?text=zE").await;
    assert!(page.contains(&format!("/trace/{TRACES:032x}")));
}

#[tokio::test]
async fn sums_count_each_call_once() {
    let viewer = start().await;
    for number in 1..=300u128 {
        let mut call = span(number, 2, Some(1), "GET");
        call.kind = 3;
        viewer
            .send_spans("front", vec![span(number, 1, None, "GET /"), call])
            .await;
        let mut query = span(number, 4, Some(3), "SELECT");
        query.kind = 3;
        query.attributes = vec![
            attribute("db.system.name", "postgresql"),
            attribute("db.namespace", "shop"),
        ];
        let mut served = span(number, 3, Some(2), "GET /orders");
        if number.is_multiple_of(10) {
            served.status = Some(Status {
                code: 2,
                ..Status::default()
            });
        }
        viewer.send_spans("back", vec![served, query]).await;
    }
    let calls = viewer
        .json("/api/dependencies?endTs=4102444800000&lookback=4102444800000")
        .await;
    assert_eq!(calls["data"].as_array().unwrap().len(), 1);
    assert_eq!(calls["data"][0]["parent"], "front");
    assert_eq!(calls["data"][0]["child"], "back");
    assert_eq!(calls["data"][0]["callCount"], 300);
    let (_, map) = viewer.get("/map").await;
    for part in [
        "user calls front: 300 calls",
        "front calls back: 300 calls, 10.0 % failed",
        "back calls postgresql shop: 300 calls",
    ] {
        assert!(map.contains(part), "{part}");
    }
    let (_, overview) = viewer.get("/overview").await;
    assert!(overview.contains("GET /orders"), "{overview}");
    assert!(overview.contains("10.0 %"), "{overview}");
}

#[tokio::test]
async fn a_trace_is_seen_whole_or_not_at_all() {
    let viewer = start_with(|options| options.store.limit = 8 << 20).await;
    let sender = {
        let (client, url) = (viewer.client.clone(), format!("{}/v1/traces", viewer.http));
        tokio::spawn(async move {
            for number in 1..=300u128 {
                let mut spans = Vec::new();
                for id in 1..=20 {
                    spans.push(span(number, id, (id > 1).then_some(1), "work"));
                }
                let answer = client
                    .post(&url)
                    .header("content-type", "application/x-protobuf")
                    .body(request("shop", spans).encode_to_vec())
                    .send()
                    .await
                    .unwrap();
                assert_eq!(answer.status(), StatusCode::OK);
            }
        })
    };
    let mut seen = 0;
    while !sender.is_finished() || seen == 0 {
        let found = viewer.json("/api/v3/trace-summaries?query.startTimeMin=1970-01-01T00:00:00Z&query.startTimeMax=2200-01-01T00:00:00Z&query.searchDepth=1000").await;
        for trace in found["summaries"].as_array().unwrap() {
            assert_eq!(number(&trace["spanCount"]), 20, "{trace}");
            assert_eq!(number(&trace["orphanSpanCount"]), 0, "{trace}");
            seen += 1;
        }
    }
    sender.await.unwrap();
}

fn number(value: &Value) -> i64 {
    value
        .as_i64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap()
}

/// What filters know of a value is its beginning; what is found is the whole value.
#[tokio::test]
async fn long_values_and_names_are_found_whole() {
    let viewer = start().await;
    let value = |length: usize, end: &str| format!("{}{end}", "é".repeat(length / 2));
    let key = "k".repeat(300);
    let values = [
        value(300, "one"),
        value(300, "two"),
        value(3_000, "one"),
        value(3_000, "two"),
    ];
    for (number, value) in (1..).zip(&values) {
        // Names are told apart by their beginnings.
        let mut span = span(number, 1, None, &format!("{number}{value}"));
        span.attributes = vec![attribute("long", value), attribute(&key, "short")];
        span.events = vec![Event {
            attributes: vec![attribute("in.event", value)],
            ..Event::default()
        }];
        span.status = Some(Status {
            code: 2,
            message: value.clone(),
        });
        viewer.send_spans(&format!("s{value}"), vec![span]).await;
    }
    let found = async |query: &[(&str, &str)]| -> Vec<u128> {
        let mut path = "/?limit=100".to_owned();
        for (name, value) in query {
            let value: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
            path.push_str(&format!("&{name}={value}"));
        }
        let (status, page) = viewer.get(&path).await;
        assert_eq!(status, StatusCode::OK);
        let mut found: Vec<_> = page
            .match_indices("href=\"/trace/")
            .map(|(at, _)| u128::from_str_radix(&page[at + 13..at + 45], 16).unwrap())
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    for (number, value) in (1..).zip(&values) {
        for key in [
            "long=",
            "in.event=",
            "otel.status_description=",
            "service.name=s",
        ] {
            let tags = format!("{key}{value}");
            assert_eq!(found(&[("tags", &tags)]).await, [number], "{tags}");
        }
        let name = format!("{number}{value}");
        assert_eq!(found(&[("operation", &name)]).await, [number], "{name}");
        let service = format!("s{value}");
        let like = found(&[("service", &service)]).await;
        assert!(like.contains(&number), "{service}");
        let both = found(&[("service", &service), ("operation", &name)]).await;
        assert_eq!(both, [number], "{service}");
    }
    assert_eq!(found(&[("tags", &format!("{key}=short"))]).await.len(), 4);
    let other = format!("{}=short", "k".repeat(299));
    assert!(found(&[("tags", &other)]).await.is_empty());
}

/// Zipkin's clients and servers may share a span's id: Brave's do.
#[tokio::test]
async fn halves_of_a_shared_span_are_one_call() {
    let viewer = start().await;
    let zipkin = |trace: u64, id: u64, parent: Option<u64>, kind: &str, service: &str| {
        let mut span = serde_json::json!({
            "traceId": format!("{trace:016x}"), "id": format!("{id:016x}"), "kind": kind,
            "name": "get", "timestamp": 1_767_225_600_000_000u64 + id, "duration": 1000,
            "localEndpoint": {"serviceName": service},
        });
        if let Some(parent) = parent {
            span["parentId"] = format!("{parent:016x}").into();
        }
        if kind == "SERVER" && parent.is_some() {
            span["shared"] = true.into();
        }
        span
    };
    let spans = [
        zipkin(7, 1, None, "SERVER", "a"),
        zipkin(7, 2, Some(1), "CLIENT", "a"),
        zipkin(7, 2, Some(1), "SERVER", "b"),
        zipkin(7, 3, Some(2), "CLIENT", "b"),
        zipkin(7, 3, Some(2), "SERVER", "c"),
    ];
    let answer = viewer
        .client
        .post(format!("{}/api/v2/spans", viewer.http))
        .header("content-type", "application/json")
        .body(serde_json::to_vec(&spans).unwrap())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    let calls = viewer
        .json("/api/dependencies?endTs=4102444800000&lookback=4102444800000")
        .await;
    let links = viewer
        .json("/api/v2/dependencies?endTs=4102444800000&lookback=4102444800000")
        .await;
    for calls in [&calls["data"], &links] {
        let mut pairs: Vec<_> = calls
            .as_array()
            .unwrap()
            .iter()
            .map(|call| format!("{} {} {}", call["parent"], call["child"], call["callCount"]))
            .collect();
        pairs.sort();
        assert_eq!(pairs, ["\"a\" \"b\" 1", "\"b\" \"c\" 1"]);
    }
    let (_, map) = viewer.get("/map").await;
    for part in [
        "user calls a: 1 call",
        "a calls b: 1 call",
        "b calls c: 1 call",
    ] {
        assert!(map.contains(part), "{part}: {map}");
    }
    assert_eq!(
        map.matches(" calls ").count(),
        map.matches(": 1 call").count()
    );
    assert!(!map.contains("unknown"), "{map}");
}
