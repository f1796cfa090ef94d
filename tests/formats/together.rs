//! Several formats: a service in the middle of a migration.

use throughline::Targets;

use super::{SPAN, Service, TRACE};

fn traceparent(trace: &str, flags: &str) -> String {
    format!("00-{trace}-{SPAN}-{flags}")
}

#[tokio::test]
async fn every_kind_of_caller_is_understood_and_every_kind_is_sent() {
    let service = Service::of("tracecontext,b3,baggage");
    let single = format!("{TRACE}-{SPAN}-1");
    let parent = traceparent(TRACE, "01");
    let w3c = [("traceparent", &*parent), ("tracestate", "a=1")];
    let b3 = [("b3", &*single)];
    let multi = [
        ("x-b3-traceid", TRACE),
        ("x-b3-spanid", SPAN),
        ("x-b3-sampled", "1"),
    ];
    let baggage = [("baggage", "user=alice")];
    for (given, state) in [
        (w3c.to_vec(), Some("a=1")),
        (b3.to_vec(), None),
        (multi.to_vec(), None),
        ([&w3c[..], &b3].concat(), Some("a=1")),
        ([&b3[..], &w3c].concat(), Some("a=1")),
    ] {
        let outcome = service.send(&[&given[..], &baggage].concat()).await;
        let client = outcome.client_of(TRACE, SPAN);
        let want = format!("00-{TRACE}-{client}-01");
        assert_eq!(outcome.header("traceparent"), Some(&*want), "{given:?}");
        assert_eq!(outcome.header("tracestate"), state, "{given:?}");
        let want = format!("{TRACE}-{client}-1");
        assert_eq!(outcome.header("b3"), Some(&*want), "{given:?}");
        assert_eq!(outcome.header("baggage"), Some("user=alice"), "{given:?}");
    }
    let outcome = service.send(&[]).await;
    let (trace, client) = outcome.root();
    let want = format!("00-{trace}-{client}-03");
    assert_eq!(outcome.header("traceparent"), Some(&*want));
    let want = format!("{trace}-{client}-1");
    assert_eq!(outcome.header("b3"), Some(&*want));
}

#[tokio::test]
async fn of_callers_who_differ_the_last_format_counts_and_what_is_malformed_does_not() {
    let other = "1".repeat(32);
    let parent = traceparent(TRACE, "01");
    let single = format!("{other}-{SPAN}-1");
    let given = [
        ("traceparent", &*parent),
        ("tracestate", "a=1"),
        ("b3", &*single),
    ];
    for (formats, trace, state) in [
        ("tracecontext,b3", &*other, None),
        ("b3,tracecontext", TRACE, Some("a=1")),
    ] {
        let outcome = Service::of(formats).send(&given).await;
        outcome.client_of(trace, SPAN);
        assert_eq!(outcome.header("tracestate"), state, "{formats}");
    }
    let given = [("traceparent", &*parent), ("b3", "nonsense")];
    let outcome = Service::of("tracecontext,b3").send(&given).await;
    outcome.client_of(TRACE, SPAN);
    let given = [("traceparent", "nonsense"), ("b3", &single)];
    let outcome = Service::of("b3,tracecontext").send(&given).await;
    outcome.client_of(&other, SPAN);
}

#[tokio::test]
async fn the_last_one_s_decision_counts_and_a_deferral_overrules_nobody() {
    for (formats, parent, b3, kept) in [
        ("tracecontext,b3", "00", "-1", true),
        ("tracecontext,b3", "01", "-0", false),
        ("b3,tracecontext", "01", "-0", true),
        ("b3,tracecontext", "00", "-1", false),
        ("tracecontext,b3", "01", "", true),
        ("b3,tracecontext", "01", "", true),
        // A `traceparent` cannot leave it open: its `00` may mean that.
        ("tracecontext,b3", "00", "", true),
        ("b3,tracecontext", "00", "", true),
    ] {
        let given = traceparent(TRACE, parent);
        let b3 = format!("{TRACE}-{SPAN}{b3}");
        let outcome = Service::of(formats)
            .send(&[("traceparent", &given), ("b3", &b3)])
            .await;
        assert_eq!(
            outcome.spans.len(),
            if kept { 2 } else { 0 },
            "{formats} {given} {b3}"
        );
    }
}

#[tokio::test]
async fn half_a_trace_id_does_not_replace_the_whole() {
    let low = u64::from_str_radix(&TRACE[16..], 16).unwrap().to_string();
    let span = u64::from_str_radix(SPAN, 16).unwrap().to_string();
    let ot = [
        ("ot-tracer-traceid", &TRACE[16..]),
        ("ot-tracer-spanid", SPAN),
        ("ot-tracer-sampled", "true"),
    ];
    let datadog = [
        ("x-datadog-trace-id", &*low),
        ("x-datadog-parent-id", &*span),
        ("x-datadog-sampling-priority", "1"),
    ];
    let parent = traceparent(TRACE, "03");
    let w3c = [("traceparent", &*parent), ("tracestate", "a=1")];
    for (format, half) in [("ottrace", &ot), ("datadog", &datadog)] {
        for formats in [
            format!("tracecontext,{format}"),
            format!("{format},tracecontext"),
        ] {
            let service = Service::of(&formats);
            let outcome = service.send(&[&w3c[..], half].concat()).await;
            let client = outcome.client_of(TRACE, SPAN);
            let want = format!("00-{TRACE}-{client}-03");
            assert_eq!(outcome.header("traceparent"), Some(&*want), "{formats}");
            assert_eq!(outcome.header("tracestate"), Some("a=1"), "{formats}");
        }
    }
}

#[tokio::test]
async fn baggage_of_all_formats_is_one() {
    let given = [
        ("traceparent", &*traceparent(TRACE, "01")),
        ("baggage", "Tenant=b;p=1,w3c=1"),
        ("uber-trace-id", &format!("{TRACE}:{SPAN}:0:1")),
        ("uberctx-tenant", "b"),
        ("uberctx-jaeger", "2"),
    ];
    for formats in ["tracecontext,baggage,jaeger", "jaeger,tracecontext,baggage"] {
        let outcome = Service::of(formats).send(&given).await;
        outcome.client_of(TRACE, SPAN);
        let sent = outcome.header("baggage").unwrap();
        let mut members: Vec<_> = sent.split(',').collect();
        members.sort_unstable();
        assert_eq!(members, ["Tenant=b;p=1", "jaeger=2", "w3c=1"], "{formats}");
        for (name, value) in [("tenant", "b"), ("w3c", "1"), ("jaeger", "2")] {
            let name = format!("uberctx-{name}");
            assert_eq!(outcome.header(&name), Some(value), "{formats}");
        }
    }
}

/// Something of every format.
fn everything() -> Vec<(&'static str, String)> {
    let owned = [
        ("traceparent", &*traceparent(TRACE, "01")),
        ("tracestate", "a=1"),
        ("baggage", "user=alice"),
        ("b3", &format!("{TRACE}-{SPAN}-1")),
        ("x-b3-traceid", TRACE),
        ("x-b3-spanid", SPAN),
        ("x-b3-parentspanid", SPAN),
        ("x-b3-sampled", "1"),
        ("x-b3-flags", "1"),
        ("uber-trace-id", &format!("{TRACE}:{SPAN}:0:1")),
        ("uberctx-user", "alice"),
        ("jaeger-baggage", "a=1"),
        ("jaeger-debug-id", "why"),
        ("ot-tracer-traceid", TRACE),
        ("ot-tracer-spanid", SPAN),
        ("ot-tracer-sampled", "true"),
        ("ot-baggage-user", "alice"),
        (
            "x-amzn-trace-id",
            "Root=1-0af76519-16cd43dd8448eb211c80319c",
        ),
        ("x-datadog-trace-id", "1"),
        ("x-datadog-parent-id", "1"),
        ("x-datadog-sampling-priority", "1"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.dm=-4"),
    ];
    owned.map(|(name, value)| (name, value.to_owned())).to_vec()
}

const ALL: &str = "tracecontext,baggage,b3,b3multi,jaeger,ottrace,xray,datadog";

#[tokio::test]
async fn nothing_of_any_format_goes_where_it_may_not() {
    let owned = everything();
    let mut given: Vec<_> = owned
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    given.push(("x-own", "kept"));
    let mut service = Service::of(ALL);
    service.hop.copies = true;
    service.hop.client = service.hop.client.propagate_to(Targets::none());
    let outcome = service.send(&given).await;
    outcome.sides();
    let left: Vec<_> = outcome.sent.keys().filter(|name| *name != "host").collect();
    assert_eq!(left, ["x-own"]);
}

#[tokio::test]
async fn baggage_of_any_format_stays_where_it_may_not_go() {
    let owned = everything();
    let given: Vec<_> = owned
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    for copies in [false, true] {
        let mut service = Service::of(ALL);
        service.hop.copies = copies;
        service.hop.client = service.hop.client.baggage_to(Targets::none());
        let outcome = service.send(&given).await;
        outcome.sides();
        for name in ["traceparent", "b3", "uber-trace-id", "ot-tracer-traceid"] {
            assert!(outcome.header(name).is_some(), "{name}");
        }
        for prefix in ["baggage", "jaeger-baggage", "uberctx-", "ot-baggage-"] {
            assert!(!outcome.has(prefix), "{prefix} {copies}");
        }
    }
}

#[tokio::test]
async fn what_a_proxy_copies_does_not_stand_beside_what_is_sent() {
    let owned = everything();
    let given: Vec<_> = owned
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let mut service = Service::of("b3multi");
    service.hop.copies = true;
    let outcome = service.send(&given).await;
    let client = outcome.client_of(TRACE, SPAN);
    assert_eq!(outcome.header("x-b3-spanid"), Some(&*client));
    for name in ["b3", "x-b3-parentspanid", "x-b3-flags"] {
        assert_eq!(outcome.header(name), None);
    }
    let mut service = Service::of("jaeger");
    service.hop.copies = true;
    let outcome = service.send(&given).await;
    assert_eq!(outcome.header("jaeger-debug-id"), None);
}
