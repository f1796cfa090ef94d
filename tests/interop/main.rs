//! Services of other languages, with OpenTelemetry's own SDKs, call and are called by services of ours: one trace, in each
//! format that they know.

#[path = "../collector/mod.rs"]
mod collector;
#[path = "../common/mod.rs"]
mod common;
mod foreign;
mod ours;

use serde_json::json;

use self::{foreign::Foreign, ours::Ours};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// A caller of this format: its headers, the trace and its baggage. What it sampled ends in `1`.
struct Caller {
    formats: &'static str,
    trace: String,
    headers: Vec<(&'static str, String)>,
}

impl Caller {
    fn of(format: &str, sampled: bool) -> Self {
        let bit = u8::from(sampled);
        let baggage = ("baggage", "user=al%2Cice".to_owned());
        let (formats, headers) = match format {
            "tracecontext" => {
                let parent = format!("00-{TRACE}-{SPAN}-0{bit}");
                let state = ("tracestate", "vendor=value".to_owned());
                (
                    "tracecontext,baggage",
                    vec![("traceparent", parent), state, baggage],
                )
            }
            "b3" => (
                "b3,baggage",
                vec![("b3", format!("{TRACE}-{SPAN}-{bit}")), baggage],
            ),
            "b3multi" => (
                "b3multi,baggage",
                vec![
                    ("x-b3-traceid", TRACE.to_owned()),
                    ("x-b3-spanid", SPAN.to_owned()),
                    ("x-b3-sampled", bit.to_string()),
                    baggage,
                ],
            ),
            "jaeger" => {
                let ids = format!("{TRACE}:{SPAN}:0:{bit}");
                let baggage = ("uberctx-user", "al%2Cice".to_owned());
                ("jaeger", vec![("uber-trace-id", ids), baggage])
            }
            "xray" => {
                let (time, unique) = TRACE.split_at(8);
                let ids = format!("Root=1-{time}-{unique};Parent={SPAN};Sampled={bit}");
                ("xray,baggage", vec![("x-amzn-trace-id", ids), baggage])
            }
            "ottrace" => (
                "ottrace",
                vec![
                    // Its trace ids have no more.
                    ("ot-tracer-traceid", TRACE[16..].to_owned()),
                    ("ot-tracer-spanid", SPAN.to_owned()),
                    ("ot-tracer-sampled", sampled.to_string()),
                    ("ot-baggage-user", "al,ice".to_owned()),
                ],
            ),
            other => panic!("{other}"),
        };
        let is_short = format == "ottrace";
        Self {
            formats,
            trace: format!("{:0>32}", if is_short { &TRACE[16..] } else { TRACE }),
            headers,
        }
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect()
    }
}

/// Caller → ours → theirs → ours.
async fn they_are_called_and_call(foreign: &Foreign, format: &str) {
    let caller = Caller::of(format, true);
    let ours = Ours::of(caller.formats).await;
    let (answer, spans) = ours.ask(&caller.headers(), &foreign.url).await;

    let theirs = foreign.spans(&caller.trace, 2);
    let (server, client) = (theirs.of_kind("server"), theirs.of_kind("client"));
    assert_eq!(spans.len(), 3, "{format}: {spans:#?}");
    let parents = [
        ("server", "front", SPAN),
        ("client", "front", &spans.id("server", "front")),
        ("server", "back", &client.id),
    ];
    for (kind, service, parent) in parents {
        let span = spans.find(kind, service);
        assert_eq!(span.trace, caller.trace, "{format} {kind} {service}");
        assert_eq!(span.parent, parent, "{format} {kind} {service}");
    }
    assert_eq!(server.parent, spans.id("client", "front"), "{format}");
    assert_eq!(client.parent, server.id, "{format}");

    // And what each end saw while it served.
    let baggage = json!({"user": "al,ice"});
    for (end, span) in [
        (&answer, &server.id),
        (&answer["next"], &spans.id("server", "back")),
    ] {
        assert_eq!(end["trace"], *caller.trace, "{format}: {answer:#}");
        assert_eq!(end["span"], **span, "{format}: {answer:#}");
        assert_eq!(end["sampled"], true, "{format}: {answer:#}");
        assert_eq!(end["baggage"], baggage, "{format}: {answer:#}");
    }
}

/// The same with a caller that did not sample.
async fn a_refusal_reaches_all_ends(foreign: &Foreign, format: &str) {
    let caller = Caller::of(format, false);
    let ours = Ours::of(caller.formats).await;
    let (answer, spans) = ours.ask(&caller.headers(), &foreign.url).await;
    assert!(spans.is_empty(), "{format}: {spans:#?}");
    for end in [&answer, &answer["next"]] {
        assert_eq!(end["trace"], *caller.trace, "{format}: {answer:#}");
        assert_eq!(end["sampled"], false, "{format}: {answer:#}");
        assert_eq!(
            end["baggage"],
            json!({"user": "al,ice"}),
            "{format}: {answer:#}"
        );
    }
}

/// Ours → theirs → ours, of which the first begins the trace; and theirs → ours → theirs.
async fn a_trace_of_either_s_is_one(foreign: &Foreign, format: &str) {
    let formats = Caller::of(format, true).formats;
    // What both ends can tell of a trace.
    let common = |trace: &str| trace[if format == "ottrace" { 16 } else { 0 }..].to_owned();
    let ours = Ours::of(formats).await;
    let (answer, spans) = ours.ask(&[], &foreign.url).await;
    let root = spans.find("server", "front");
    assert_eq!(root.parent, "0000000000000000", "{format}");
    let theirs = foreign.spans(answer["trace"].as_str().unwrap(), 2);
    assert_eq!(
        theirs.of_kind("server").parent,
        spans.id("client", "front"),
        "{format}"
    );
    assert_eq!(
        spans.find("server", "back").parent,
        theirs.of_kind("client").id,
        "{format}"
    );
    for end in [&answer, &answer["next"]] {
        assert_eq!(
            common(end["trace"].as_str().unwrap()),
            common(&root.trace),
            "{format}"
        );
        assert_eq!(end["sampled"], true, "{format}");
    }

    let (answer, spans) = ours.ask_by(&foreign.url).await;
    if format == "ottrace" && foreign.language == "python" {
        // Its propagator says `false` of a trace that is sampled and random, and a refusal is followed.
        assert!(spans.is_empty(), "{spans:#?}");
        return;
    }
    let trace = answer["trace"].as_str().unwrap();
    let server = spans.find("server", "front");
    assert_eq!(common(&server.trace), common(trace), "{format}");
    let first = foreign.spans(trace, 2).of_kind("client");
    assert_eq!(server.parent, first.id, "{format}");
    // The second time they are called, by ours.
    let theirs = foreign.spans(&server.trace, 1);
    let last = theirs.children(&spans.id("client", "front"));
    assert_eq!(last.len(), 1, "{format}: {last:#?}");
    assert_eq!(answer["next"]["next"], serde_json::Value::Null);
}

async fn all(foreign: Option<Foreign>, format: &str) {
    let Some(foreign) = foreign else { return };
    they_are_called_and_call(&foreign, format).await;
    a_refusal_reaches_all_ends(&foreign, format).await;
    a_trace_of_either_s_is_one(&foreign, format).await;
}

macro_rules! formats {
    ($($format:ident)*) => {
        mod python {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $format() {
                let formats = super::Caller::of(stringify!($format), true).formats;
                super::all(super::Foreign::python(formats), stringify!($format)).await;
            })*
        }

        mod node {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $format() {
                let formats = super::Caller::of(stringify!($format), true).formats;
                super::all(super::Foreign::node(formats), stringify!($format)).await;
            })*
        }
    };
}

formats!(tracecontext b3 b3multi jaeger xray ottrace);

/// Node's propagators pass it on, as ours do; Python's do not know it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn debug_goes_through_node() {
    for (formats, header, value) in [
        ("b3", "b3", format!("{TRACE}-{SPAN}-d")),
        ("b3multi", "x-b3-flags", "1".to_owned()),
    ] {
        let Some(foreign) = Foreign::node(formats) else {
            return;
        };
        let ours = Ours::of(formats).await;
        let mut headers = vec![("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
        headers.push((header, &value));
        let (answer, _) = ours.ask(&headers, &foreign.url).await;
        let got = answer["next"]["headers"][header].as_str().unwrap();
        let ends_in = if header == "b3" { "-d" } else { "1" };
        assert!(got.ends_with(ends_in), "{answer:#}");
    }
}
