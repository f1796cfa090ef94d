//! What the scripts beside this file make.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value as Any},
    logs::v1::LogRecord,
    resource::v1::Resource,
    trace::v1::{
        Span, Status,
        span::{Event, Link},
    },
};
use serde_json::{Value, json};

use crate::sdk::Sdk;

const START: u64 = 1_767_225_600_000_000_000;
const MS: u64 = 1_000_000;
/// Sampled; and whether a parent, or what is linked, is of another process: that it is known, and that it is.
const SAMPLED: u32 = 1;
const KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;

pub(crate) fn assert_resource(sdk: Sdk, resource: &Resource) {
    let has = |key: &str, value: Any| {
        let found = resource.attributes.iter().find(|found| found.key == key);
        assert_eq!(found, Some(&pair(key, value)), "{resource:?}");
    };
    has("service.name", text(sdk.service()));
    has("host.cpus", Any::IntValue(8));
    has(
        "telemetry.sdk.language",
        text(match sdk {
            Sdk::Python => "python",
            Sdk::Node => "nodejs",
        }),
    );
}

pub(crate) fn spans(sdk: Sdk, trace: u128) -> Vec<Span> {
    let child = |id: u64, name: &str, kind: i32, start: u64, end: u64| Span {
        parent_span_id: 1u64.to_be_bytes().to_vec(),
        ..span(sdk, trace, id, name, kind, start, end)
    };
    let root = Span {
        attributes: attributes(sdk),
        events: vec![Event {
            time_unix_nano: START + MS,
            name: "cache.miss".to_owned(),
            attributes: vec![pair("key", text("ключ")), pair("size", Any::IntValue(7))],
            ..Event::default()
        }],
        status: Some(Status {
            code: 1,
            ..Status::default()
        }),
        ..span(sdk, trace, 1, "GET /東京 <b>&\"'", 2, START, START + 5 * MS)
    };
    let failed = Span {
        events: vec![Event {
            time_unix_nano: START + 3 * MS,
            name: "exception".to_owned(),
            attributes: vec![
                pair(
                    "exception.type",
                    text(match sdk {
                        Sdk::Python => "ValueError",
                        Sdk::Node => "RangeError",
                    }),
                ),
                pair("exception.message", text("no <tea>")),
            ],
            ..Event::default()
        }],
        links: vec![Link {
            trace_id: 0xabc_u128.to_be_bytes().to_vec(),
            span_id: 0xdef_u64.to_be_bytes().to_vec(),
            trace_state: match sdk {
                // It does not send a link's.
                Sdk::Python => String::new(),
                Sdk::Node => "vendor=a:b".to_owned(),
            },
            attributes: vec![pair("why", text("retry"))],
            flags: sdk.sampled() | KNOWN | REMOTE,
            ..Link::default()
        }],
        status: Some(Status {
            code: 2,
            message: "it broke ☕".to_owned(),
        }),
        ..child(2, "INSERT", 3, START + 2 * MS, START + 4 * MS + 1)
    };
    vec![
        root,
        failed,
        child(3, "INTERNAL", 1, START, START),
        child(4, "PRODUCER", 4, START, START + 1),
        child(5, "CONSUMER", 5, START, START + 2),
        Span {
            parent_span_id: 0xdef_u64.to_be_bytes().to_vec(),
            trace_state: "vendor=a:b".to_owned(),
            flags: sdk.sampled() | KNOWN | REMOTE,
            ..span(sdk, trace, 6, "from afar", 2, START, START + MS)
        },
    ]
}

pub(crate) fn logs(trace: u128) -> Vec<LogRecord> {
    let body = Any::KvlistValue(KeyValueList {
        values: vec![
            pair("text", text("no <tea>")),
            pair("list", list([Any::IntValue(1), text("zwei")])),
            pair(
                "inner",
                Any::KvlistValue(KeyValueList {
                    values: vec![pair("deep", Any::BoolValue(true))],
                }),
            ),
            pair("bytes", Any::BytesValue(vec![0, 255])),
        ],
    });
    let record = |(severity_number, severity_text): (i32, &str)| LogRecord {
        time_unix_nano: START + MS,
        observed_time_unix_nano: START + 2 * MS,
        severity_number,
        severity_text: severity_text.to_owned(),
        body: Some(AnyValue {
            value: Some(body.clone()),
        }),
        attributes: vec![
            pair("cups", Any::IntValue(0)),
            pair("ключ", list([text("ß")])),
        ],
        flags: SAMPLED,
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: 1u64.to_be_bytes().to_vec(),
        event_name: "tea.gone".to_owned(),
        ..LogRecord::default()
    };
    [(9, "INFO"), (17, "ERROR")].map(record).into()
}

/// Where in a program it failed differs from one machine to the next.
pub(crate) fn without_stacks(span: &mut Span) {
    for event in &mut span.events {
        event.attributes.retain(|attribute| {
            !["exception.stacktrace", "exception.escaped"].contains(&&*attribute.key)
        });
    }
}

pub(crate) fn zipkin() -> Vec<Value> {
    let start = START / 1000;
    vec![
        json!([1, null, "GET /東京 <b>&\"'", "SERVER", start, 5000, null, 1]),
        json!([
            2,
            1,
            "INSERT",
            "CLIENT",
            start + 2000,
            2000,
            "it broke ☕",
            1
        ]),
        json!([3, 1, "INTERNAL", null, start, 1, null, 0]),
        json!([4, 1, "PRODUCER", "PRODUCER", start, 1, null, 0]),
        json!([5, 1, "CONSUMER", "CONSUMER", start, 1, null, 0]),
        json!([6, 0xdef, "from afar", "SERVER", start, 1000, null, 0]),
    ]
}

/// Id, parent, name, kind, start, duration, error, and how many annotations.
pub(crate) fn summary(span: &Value) -> Value {
    let id = |name: &str| {
        let id = span[name].as_str()?;
        u64::from_str_radix(id, 16).ok()
    };
    json!([
        id("id"),
        id("parentId"),
        span["name"],
        span["kind"],
        span["timestamp"],
        span["duration"],
        span["tags"]["error"],
        span["annotations"].as_array().map_or(0, Vec::len),
    ])
}

impl Sdk {
    /// Python's says so of logs alone.
    fn sampled(self) -> u32 {
        match self {
            Self::Python => 0,
            Self::Node => SAMPLED,
        }
    }

    /// Beyond what a double holds, where there are such numbers.
    pub(crate) fn long(self) -> i64 {
        match self {
            Self::Python => -(1 << 53) - 1,
            Self::Node => -(1 << 53) + 1,
        }
    }
}

fn attributes(sdk: Sdk) -> Vec<KeyValue> {
    let whole = match sdk {
        Sdk::Python => Any::DoubleValue(3.0),
        // Its numbers are of one kind.
        Sdk::Node => Any::IntValue(3),
    };
    vec![
        pair("text", text("naïve \"quoted\" <b>\n\u{2028}🦀")),
        pair("empty", text("")),
        pair("yes", Any::BoolValue(true)),
        pair("long", Any::IntValue(sdk.long())),
        pair("double", Any::DoubleValue(0.1)),
        pair("whole", whole),
        pair("texts", list([text("a"), text("ö")])),
        pair("flags", list([true, false].map(Any::BoolValue))),
        pair("longs", list([1, -2].map(Any::IntValue))),
        pair("doubles", list([0.5, -0.25].map(Any::DoubleValue))),
        pair("none", list([])),
    ]
}

fn span(sdk: Sdk, trace: u128, id: u64, name: &str, kind: i32, start: u64, end: u64) -> Span {
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        name: name.to_owned(),
        kind,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        flags: sdk.sampled() | KNOWN,
        status: Some(Status::default()),
        ..Span::default()
    }
}

fn pair(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(text: &str) -> Any {
    Any::StringValue(text.to_owned())
}

fn list<const N: usize>(values: [Any; N]) -> Any {
    let values = values.map(|value| AnyValue { value: Some(value) });
    Any::ArrayValue(ArrayValue {
        values: values.into(),
    })
}
