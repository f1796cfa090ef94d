//! Traces whose answers are known, as their senders would send them.

mod ten;

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Link},
};

use super::{Running, attribute};

/// When the first of them begins, in nanoseconds since 1970. Each begins a minute after the one before.
pub(crate) const BEGIN: u64 = 1_767_225_600_000_000_000;
pub(crate) const MINUTE: u64 = 60_000_000_000;

pub(crate) const INTERNAL: i32 = 1;
pub(crate) const SERVER: i32 = 2;
pub(crate) const CLIENT: i32 = 3;
pub(crate) const PRODUCER: i32 = 4;
pub(crate) const CONSUMER: i32 = 5;

/// A trace, and what is sent of it.
#[derive(Clone)]
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    pub(crate) id: u128,
    pub(crate) begin: u64,
    pub(crate) sent: Vec<ResourceSpans>,
}

/// All of them, in order.
pub(crate) fn all() -> Vec<Golden> {
    let mut all = vec![
        ten::ten(),
        large(),
        cycle(),
        orphan(),
        skew(),
        short_id(),
        errors(),
        links(),
        shared_id(),
    ];
    all.extend([9, 10, 11].map(tick));
    all
}

pub(crate) async fn send(viewer: &Running, all: &[Golden]) {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message;
    for golden in all {
        let request = ExportTraceServiceRequest {
            resource_spans: golden.sent.clone(),
        };
        let body = request.encode_to_vec();
        let answer = viewer.send("application/x-protobuf", body).await;
        assert_eq!(answer.status(), 200, "{}", golden.name);
        assert_eq!(answer.bytes().await.unwrap().len(), 0, "all were taken");
    }
}

impl Golden {
    fn new(name: &'static str, minute: u64, id: u128) -> Self {
        Self {
            name,
            id,
            begin: BEGIN + minute * MINUTE,
            sent: Vec::new(),
        }
    }

    /// Spans of a service, of a scope without a name.
    fn of(mut self, service: &str, spans: Vec<Span>) -> Self {
        self.sent
            .push(resource(service, vec![(scope("", ""), spans)]));
        self
    }

    /// A span that begins and ends so many microseconds after the trace.
    fn span(&self, id: u64, parent: u64, name: &str, kind: i32, micros: [u64; 2]) -> Span {
        let [from, to] = micros.map(|micros| self.begin + micros * 1000);
        Span {
            trace_id: self.id.to_be_bytes().to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            parent_span_id: match parent {
                0 => Vec::new(),
                id => id.to_be_bytes().to_vec(),
            },
            name: name.to_owned(),
            kind,
            start_time_unix_nano: from,
            end_time_unix_nano: to,
            ..Span::default()
        }
    }

    /// Each span with the name of its service and its scope.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (String, &InstrumentationScope, &Span)> {
        self.sent.iter().flat_map(|of_resource| {
            let attributes = &of_resource.resource.as_ref().unwrap().attributes;
            let name = attributes.iter().find(|tag| tag.key == "service.name");
            let Some(Value::StringValue(service)) = name.and_then(|tag| tag.value.clone()?.value)
            else {
                panic!("each has a name")
            };
            of_resource.scope_spans.iter().flat_map(move |of_scope| {
                let service = service.clone();
                let scope = of_scope.scope.as_ref().unwrap();
                of_scope
                    .spans
                    .iter()
                    .map(move |span| (service.clone(), scope, span))
            })
        })
    }
}

pub(crate) fn value(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn scope(name: &str, version: &str) -> InstrumentationScope {
    InstrumentationScope {
        name: name.to_owned(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    }
}

fn resource(service: &str, scopes: Vec<(InstrumentationScope, Vec<Span>)>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource {
            attributes: vec![
                attribute("service.name", service),
                attribute("host.name", &format!("{service}-1")),
            ],
            ..Resource::default()
        }),
        scope_spans: scopes
            .into_iter()
            .map(|(scope, spans)| ScopeSpans {
                scope: Some(scope),
                spans,
                ..ScopeSpans::default()
            })
            .collect(),
        ..ResourceSpans::default()
    }
}

fn status(code: i32, message: &str) -> Option<Status> {
    Some(Status {
        code,
        message: message.to_owned(),
    })
}

/// 5,000 spans of five services, four below each, of which each tenth failed.
fn large() -> Golden {
    let golden = Golden::new("large", 1, u128::MAX << 64 | 0x1a46e);
    let mut services = vec![Vec::new(); 5];
    for id in 1..=5000_u64 {
        let parent = if id == 1 { 0 } else { (id + 2) / 4 };
        let name = format!("step {}", id % 7);
        let mut span = golden.span(id, parent, &name, INTERNAL, [id, 20_000 - id]);
        if id % 10 == 0 {
            span.status = status(2, "");
        }
        services[(id % 5) as usize].push(span);
    }
    services
        .into_iter()
        .enumerate()
        .fold(golden, |golden, (number, spans)| {
            golden.of(&format!("part{number}"), spans)
        })
}

/// Two spans that are each other's parent, and a child of one of them.
fn cycle() -> Golden {
    let golden = Golden::new("cycle", 2, 3 << 64);
    let spans = vec![
        golden.span(1, 2, "hen", INTERNAL, [0, 10]),
        golden.span(2, 1, "egg", INTERNAL, [1, 9]),
        golden.span(3, 1, "chick", INTERNAL, [2, 3]),
    ];
    golden.of("ring", spans)
}

/// A root, and a span whose parent did not come.
fn orphan() -> Golden {
    let golden = Golden::new("orphan", 3, 4 << 64);
    let spans = vec![
        golden.span(1, 0, "root", SERVER, [0, 10]),
        golden.span(3, 2, "lost", INTERNAL, [4, 5]),
    ];
    golden.of("lost", spans)
}

/// A callee whose clock is two seconds behind the caller's.
fn skew() -> Golden {
    let mut golden = Golden::new("skew", 4, 5 << 64);
    golden.begin += 2_000_000_000;
    let caller = golden.span(1, 0, "call", CLIENT, [0, 1000]);
    golden.begin -= 2_000_000_000;
    let callee = golden.span(2, 1, "serve", SERVER, [100, 900]);
    golden.of("left", vec![caller]).of("right", vec![callee])
}

/// An id of 64 bits.
fn short_id() -> Golden {
    let golden = Golden::new("short id", 5, 0x5af7_183f_b1d4_cf5f);
    let spans = vec![golden.span(0x6b22_1d5b_c9e6_496c, 0, "get /api", SERVER, [0, 1431])];
    golden.of("old", spans)
}

/// A failure with a reason, one that names it as an attribute, and one without.
fn errors() -> Golden {
    let golden = Golden::new("errors", 6, 7 << 64);
    let mut root = golden.span(1, 0, "POST /pay", SERVER, [0, 100]);
    root.status = status(2, "no money");
    let mut child = golden.span(2, 1, "charge", CLIENT, [10, 90]);
    child.status = status(2, "");
    child.attributes = vec![attribute("error", "declined")];
    let mut other = golden.span(3, 1, "refund", INTERNAL, [91, 95]);
    other.status = status(2, "");
    golden.of("till", vec![root, child, other])
}

/// A span that follows from one of another trace, and is the child of a second.
fn links() -> Golden {
    let golden = Golden::new("links", 7, 8 << 64);
    let mut span = golden.span(1, 0, "batch", CONSUMER, [0, 10]);
    let link = |id: u128, span: u64, attributes| Link {
        trace_id: id.to_be_bytes().to_vec(),
        span_id: span.to_be_bytes().to_vec(),
        attributes,
        ..Link::default()
    };
    span.links = vec![
        link(7 << 64, 2, Vec::new()),
        link(
            4 << 64,
            1,
            vec![attribute("opentracing.ref_type", "child_of")],
        ),
    ];
    golden.of("worker", vec![span])
}

/// Both halves of a call with one id, as Zipkin's senders have them.
fn shared_id() -> Golden {
    let golden = Golden::new("shared id", 8, 9 << 64);
    let client = golden.span(1, 0, "call", CLIENT, [0, 10]);
    let server = golden.span(1, 0, "call", SERVER, [2, 8]);
    golden.of("caller", vec![client]).of("callee", vec![server])
}

/// One of several traces of the same service, of as many milliseconds as its minute has.
fn tick(minute: u64) -> Golden {
    let golden = Golden::new("tick", minute, u128::from(minute + 1) << 64);
    let spans = vec![golden.span(1, 0, "tick", INTERNAL, [0, minute * 1000])];
    golden.of("clock", spans)
}
