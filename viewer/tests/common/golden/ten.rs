//! The trace that has a bit of everything.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value},
    trace::v1::span::Event,
};

use super::{
    CLIENT, CONSUMER, Golden, INTERNAL, PRODUCER, SERVER, attribute, resource, scope, status, value,
};

/// Ten spans of three services: each kind, each type of attribute, events, two scopes of one resource.
pub(super) fn ten() -> Golden {
    let mut golden = Golden::new("ten", 0, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
    let span = |id, parent, name: &str, kind, from: u64, to: u64| {
        golden.span(id, parent, name, kind, [from * 1000, to * 1000])
    };
    let mut root = span(1, 0, "GET /checkout", SERVER, 0, 100);
    root.flags = 0x101;
    root.trace_state = "shop=1".to_owned();
    root.status = status(1, "");
    let any = |text: &str| AnyValue {
        value: Some(Value::StringValue(text.to_owned())),
    };
    root.attributes = vec![
        attribute("http.route", "/checkout"),
        value("cart.full", Value::BoolValue(true)),
        value("http.response.status_code", Value::IntValue(200)),
        value("cart.number", Value::IntValue(-9_007_199_254_740_993)),
        value("cart.price", Value::DoubleValue(12.5)),
        value("cart.hash", Value::BytesValue(vec![0xfb, 0xff])),
        value(
            "cart.items",
            Value::ArrayValue(ArrayValue {
                values: vec![any("tea"), any("pot")],
            }),
        ),
        value(
            "cart.owner",
            Value::KvlistValue(KeyValueList {
                values: vec![attribute("name", "Ada")],
            }),
        ),
    ];
    root.attributes.push(KeyValue {
        key: "cart.note".to_owned(),
        value: Some(AnyValue { value: None }),
        ..KeyValue::default()
    });
    root.events = vec![
        Event {
            time_unix_nano: golden.begin + 2_500_000,
            name: "retried".to_owned(),
            ..Event::default()
        },
        Event {
            time_unix_nano: golden.begin + 1_500_000,
            name: "cache".to_owned(),
            attributes: vec![value("hit", Value::BoolValue(false))],
            ..Event::default()
        },
    ];
    let mut query = span(5, 4, "SELECT orders", CLIENT, 30, 40);
    query.attributes = vec![
        attribute("server.address", "db"),
        attribute("network.peer.address", "10.0.0.5"),
        value("network.peer.port", Value::IntValue(5432)),
    ];
    let mut mail = span(8, 7, "smtp", CLIENT, 52, 58);
    mail.attributes = vec![
        attribute("service.peer.name", "relay"),
        attribute("network.peer.address", "2001:db8::1"),
    ];
    let mut price = span(9, 4, "price", INTERNAL, 60, 60);
    price.start_time_unix_nano += 1_500;
    price.end_time_unix_nano = price.start_time_unix_nano + 999;
    let web = vec![
        (
            scope("http", "1.0"),
            vec![
                root,
                span(3, 1, "POST /orders", CLIENT, 20, 80),
                span(10, 1, "render", 0, 85, 95),
            ],
        ),
        (
            scope("carts", ""),
            vec![span(2, 1, "load cart", INTERNAL, 5, 15)],
        ),
    ];
    let shop = vec![
        span(4, 3, "POST /orders", SERVER, 25, 75),
        query,
        span(6, 4, "send mail", PRODUCER, 45, 46),
        price,
    ];
    let mut receive = span(7, 6, "receive mail", CONSUMER, 50, 60);
    receive.attributes = vec![attribute("server.address", "here")];
    let post = vec![receive, mail];
    golden.sent.push(resource("web", web));
    golden.of("shop", shop).of("post", post)
}
