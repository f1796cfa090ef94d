//! What callers decide besides yes and no.

use super::{SPAN, Service, TRACE};

const ROOT: &str = "Root=1-0af76519-16cd43dd8448eb211c80319c";

/// Callers that leave the decision to us, in each format that can.
fn deferring() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let low = u64::from_str_radix(&TRACE[16..], 16).unwrap().to_string();
    let span = u64::from_str_radix(SPAN, 16).unwrap().to_string();
    vec![
        ("b3", vec![("b3", format!("{TRACE}-{SPAN}"))]),
        (
            "b3multi",
            vec![
                ("x-b3-traceid", TRACE.to_owned()),
                ("x-b3-spanid", SPAN.to_owned()),
            ],
        ),
        (
            "xray",
            vec![("x-amzn-trace-id", format!("{ROOT};Parent={SPAN};Sampled=?"))],
        ),
        (
            "xray",
            vec![("x-amzn-trace-id", format!("{ROOT};Parent={SPAN}"))],
        ),
        (
            "ottrace",
            vec![
                ("ot-tracer-traceid", TRACE.to_owned()),
                ("ot-tracer-spanid", SPAN.to_owned()),
            ],
        ),
        (
            "datadog",
            vec![
                ("x-datadog-trace-id", low),
                ("x-datadog-parent-id", span),
                ("x-datadog-tags", format!("_dd.p.tid={}", &TRACE[..16])),
            ],
        ),
    ]
}

fn lines<'a>(owned: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    owned
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect()
}

#[tokio::test]
async fn what_a_caller_left_open_is_decided_here() {
    for (format, given) in deferring() {
        let given = lines(&given);
        // To say so in one way.
        let formats = format!("{format},tracecontext");
        for watched in [false, true] {
            let service = |sampler| {
                let service = Service::sampling(&formats, sampler);
                if watched { service.watched() } else { service }
            };
            let outcome = service("parentbased_always_on").send(&given).await;
            let client = outcome.client_of(TRACE, SPAN);
            let want = format!("00-{TRACE}-{client}-01");
            assert_eq!(outcome.header("traceparent"), Some(&*want), "{format}");

            let outcome = service("parentbased_always_off").send(&given).await;
            assert!(outcome.spans.is_empty(), "{format}");
            let sent = outcome.header("traceparent").unwrap();
            assert_eq!(&sent[..36], format!("00-{TRACE}-"), "{format}");
            assert!(!sent.contains(SPAN) && sent.ends_with("-00"), "{sent}");
            // The decision is made, and told.
            for (name, no) in [
                ("b3", "-0"),
                ("x-b3-sampled", "0"),
                ("x-amzn-trace-id", ";Sampled=0"),
                ("ot-tracer-sampled", "false"),
                ("x-datadog-sampling-priority", "0"),
            ] {
                assert!(
                    outcome.header(name).is_none_or(|value| value.ends_with(no)),
                    "{name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_ratio_decides_the_rest() {
    // By the low half of the trace id, as the SDK does.
    for (low, kept) in [("0000000000000001", true), ("ffffffffffffffff", false)] {
        let trace = format!("{}{low}", &TRACE[..16]);
        let service = Service::with(&[
            ("OTEL_PROPAGATORS", "b3"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
        ]);
        let outcome = service.send(&[("b3", &format!("{trace}-{SPAN}"))]).await;
        assert_eq!(outcome.spans.len(), if kept { 2 } else { 0 });
        let tail = if kept { "-1" } else { "-0" };
        assert!(outcome.header("b3").unwrap().ends_with(tail));
    }
}

#[tokio::test]
async fn a_refusal_alone_begins_a_trace_that_is_not_sampled() {
    for watched in [false, true] {
        for given in [("b3", "0"), ("x-b3-sampled", "0")] {
            let service = Service::of("b3");
            let service = if watched { service.watched() } else { service };
            let outcome = service.send(&[given]).await;
            assert!(outcome.spans.is_empty());
            let sent = outcome.header("b3").unwrap();
            assert!(sent.len() == 51 && sent.ends_with("-0"), "{sent}");
            assert!(!sent.starts_with(&"0".repeat(32)), "{sent}");
        }
    }
    // A sampler that asks no caller does not ask this one.
    let outcome = Service::sampling("b3", "always_on")
        .send(&[("b3", "0")])
        .await;
    outcome.root();
    assert!(outcome.header("b3").unwrap().ends_with("-1"));
}

#[tokio::test]
async fn consent_alone_begins_one_that_is() {
    for (formats, given, header, tail) in [
        ("b3", ("b3", "1"), "b3", "-1"),
        ("b3", ("b3", "d"), "b3", "-d"),
        ("b3", ("x-b3-flags", "1"), "b3", "-d"),
        ("b3multi", ("b3", "d"), "x-b3-flags", "1"),
        ("jaeger", ("jaeger-debug-id", "why"), "uber-trace-id", ":3"),
        ("b3,jaeger", ("b3", "d"), "uber-trace-id", ":3"),
    ] {
        let outcome = Service::sampling(formats, "parentbased_always_off")
            .send(&[given])
            .await;
        let (_, client) = outcome.root();
        let sent = outcome.header(header).unwrap();
        assert!(sent.ends_with(tail), "{formats} {given:?}: {sent}");
        assert!(header == "x-b3-flags" || sent.contains(&client), "{sent}");
    }
}

#[tokio::test]
async fn debug_goes_through() {
    let outcome = Service::sampling("b3", "parentbased_always_off")
        .send(&[("b3", &format!("{TRACE}-{SPAN}-d"))])
        .await;
    let client = outcome.client_of(TRACE, SPAN);
    assert_eq!(outcome.header("b3").unwrap(), format!("{TRACE}-{client}-d"));

    let outcome = Service::of("jaeger,datadog,b3multi")
        .send(&[("uber-trace-id", &format!("{TRACE}:{SPAN}:0:3"))])
        .await;
    let client = outcome.client_of(TRACE, SPAN);
    let want = format!("{TRACE}:{client}:0:3");
    assert_eq!(outcome.header("uber-trace-id"), Some(&*want));
    assert_eq!(outcome.header("x-b3-flags"), Some("1"));
    assert_eq!(outcome.header("x-b3-sampled"), None);
    assert_eq!(outcome.header("x-datadog-sampling-priority"), Some("2"));
}

#[tokio::test]
async fn a_trace_id_without_a_parent_is_that_of_the_trace_begun_here() {
    let low = u64::from_str_radix(&TRACE[16..], 16).unwrap().to_string();
    let tags = format!("_dd.p.tid={}", &TRACE[..16]);
    let datadog = [("x-datadog-trace-id", &*low), ("x-datadog-tags", &tags)];
    let given = format!("Self=1-2-3;{ROOT}");
    for given in [&[("x-amzn-trace-id", &*given)][..], &datadog] {
        let service = Service::of("xray,datadog,tracecontext");
        let outcome = service.send(given).await;
        let (trace, client) = outcome.root();
        assert_eq!(trace, TRACE);
        // Whether the id is random is not known.
        let want = format!("00-{TRACE}-{client}-01");
        assert_eq!(outcome.header("traceparent"), Some(&*want));
        // The next trace has an id of its own again.
        let outcome = service.send(&[]).await;
        assert_ne!(outcome.root().0, TRACE);
        assert!(outcome.header("traceparent").unwrap().ends_with("-03"));
    }
}

#[tokio::test]
async fn and_with_a_refusal_it_is_not_sampled() {
    for sampled in ["0", "1"] {
        let outcome = Service::sampling("xray", "parentbased_always_on")
            .send(&[("x-amzn-trace-id", &format!("{ROOT};Sampled={sampled}"))])
            .await;
        let sent = outcome.header("x-amzn-trace-id").unwrap();
        assert!(sent.starts_with(&format!("{ROOT};Parent=")), "{sent}");
        assert!(sent.ends_with(&format!(";Sampled={sampled}")), "{sent}");
        assert_eq!(outcome.spans.len(), if sampled == "1" { 2 } else { 0 });
    }
}

#[tokio::test]
async fn a_request_that_is_forced_is_kept_whatever_its_caller_left_open_or_refused() {
    for given in [
        "0".to_owned(),
        format!("{TRACE}-{SPAN}"),
        format!("{TRACE}-{SPAN}-0"),
    ] {
        let mut service = Service::sampling("b3", "parentbased_always_off");
        service.hop.server = service.hop.server.force_sampling("x-force", |_| true);
        let outcome = service.send(&[("b3", &given), ("x-force", "1")]).await;
        outcome.sides();
        assert!(outcome.header("b3").unwrap().ends_with("-1"), "{given}");
    }
}
