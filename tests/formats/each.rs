//! One format at a time.

use super::{SPAN, Service, TRACE};

/// A number of 16 digits as Datadog writes it.
fn decimal(hex: &str) -> String {
    u64::from_str_radix(hex, 16).unwrap().to_string()
}

#[tokio::test]
async fn b3_goes_on_as_one_header() {
    let service = Service::of("b3");
    let one = format!("{TRACE}-{SPAN}-1");
    for given in [
        &[("b3", &*one)][..],
        &[
            ("x-b3-traceid", TRACE),
            ("x-b3-spanid", SPAN),
            ("x-b3-sampled", "1"),
        ],
    ] {
        let outcome = service.send(given).await;
        let client = outcome.client_of(TRACE, SPAN);
        assert_eq!(outcome.header("b3").unwrap(), format!("{TRACE}-{client}-1"));
        assert!(!outcome.has("x-b3"));
        assert!(!outcome.has("trace"));
    }
}

#[tokio::test]
async fn b3_goes_on_as_many_headers() {
    let service = Service::of("B3Multi");
    let one = format!("{TRACE}-{SPAN}-1");
    let outcome = service.send(&[("b3", &one)]).await;
    let client = outcome.client_of(TRACE, SPAN);
    assert_eq!(outcome.header("x-b3-traceid"), Some(TRACE));
    assert_eq!(outcome.header("x-b3-spanid"), Some(&*client));
    assert_eq!(outcome.header("x-b3-sampled"), Some("1"));
    assert_eq!(outcome.header("x-b3-flags"), None);
    assert_eq!(outcome.header("x-b3-parentspanid"), None);
    assert_eq!(outcome.header("b3"), None);
}

#[tokio::test]
async fn jaeger_goes_on_with_its_baggage() {
    let outcome = Service::of("jaeger")
        .send(&[
            ("uber-trace-id", &format!("{TRACE}%3A{SPAN}%3A0%3A1")),
            ("uberctx-user", "al%20ice"),
            ("jaeger-baggage", "a=1"),
        ])
        .await;
    let client = outcome.client_of(TRACE, SPAN);
    let want = format!("{TRACE}:{client}:0:1");
    assert_eq!(outcome.header("uber-trace-id"), Some(&*want));
    assert_eq!(outcome.header("uberctx-user"), Some("al%20ice"));
    assert_eq!(outcome.header("uberctx-a"), Some("1"));
    assert!(!outcome.has("trace"));
    assert_eq!(outcome.header("baggage"), None);
}

#[tokio::test]
async fn ot_trace_goes_on_with_its_baggage() {
    let outcome = Service::of("ottrace")
        .send(&[
            ("ot-tracer-traceid", &TRACE[16..]),
            ("ot-tracer-spanid", SPAN),
            ("ot-tracer-sampled", "true"),
            ("ot-baggage-user", "al ice"),
        ])
        .await;
    let client = outcome.client_of(&format!("{:0>32}", &TRACE[16..]), SPAN);
    assert_eq!(outcome.header("ot-tracer-traceid"), Some(&TRACE[16..]));
    assert_eq!(outcome.header("ot-tracer-spanid"), Some(&*client));
    assert_eq!(outcome.header("ot-tracer-sampled"), Some("true"));
    assert_eq!(outcome.header("ot-baggage-user"), Some("al ice"));
}

#[tokio::test]
async fn x_ray_goes_on_with_what_is_not_ours() {
    let root = format!("Root=1-{}-{}", &TRACE[..8], &TRACE[8..]);
    let given = format!("Lineage=a87bd80c:1;Parent={SPAN};{root};Sampled=1");
    let outcome = Service::of("xray")
        .send(&[("X-Amzn-Trace-Id", &given)])
        .await;
    let client = outcome.client_of(TRACE, SPAN);
    let want = format!("{root};Parent={client};Sampled=1;Lineage=a87bd80c:1");
    assert_eq!(outcome.header("x-amzn-trace-id"), Some(&*want));
}

#[tokio::test]
async fn on_lambda_the_caller_is_in_the_environment() {
    let root = format!("Root=1-{}-{}", &TRACE[..8], &TRACE[8..]);
    let service = Service::with(&[
        ("OTEL_PROPAGATORS", "tracecontext,xray-lambda"),
        (
            "_X_AMZN_TRACE_ID",
            &format!("{root};Parent={SPAN};Sampled=1"),
        ),
    ]);
    let outcome = service.send(&[]).await;
    let client = outcome.client_of(TRACE, SPAN);
    let want = format!("{root};Parent={client};Sampled=1");
    assert_eq!(outcome.header("x-amzn-trace-id"), Some(&*want));
    // Not where a trace came.
    let other = "1".repeat(32);
    let given = format!("00-{other}-{SPAN}-01");
    let outcome = service.send(&[("traceparent", &given)]).await;
    outcome.client_of(&other, SPAN);
}

#[tokio::test]
async fn datadog_goes_on_with_origin_tags_and_priority() {
    let (trace_id, span_id) = (decimal(&TRACE[16..]), decimal(SPAN));
    let outcome = Service::of("datadog")
        .send(&[
            ("x-datadog-trace-id", &trace_id),
            ("x-datadog-parent-id", &span_id),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-origin", "rum"),
            (
                "x-datadog-tags",
                &format!("_dd.p.dm=-4,_dd.p.tid={}", &TRACE[..16]),
            ),
        ])
        .await;
    let client = decimal(&outcome.client_of(TRACE, SPAN));
    assert_eq!(outcome.header("x-datadog-trace-id"), Some(&*trace_id));
    assert_eq!(outcome.header("x-datadog-parent-id"), Some(&*client));
    assert_eq!(outcome.header("x-datadog-sampling-priority"), Some("2"));
    assert_eq!(outcome.header("x-datadog-origin"), Some("rum"));
    let want = format!("_dd.p.tid={},_dd.p.dm=-4", &TRACE[..16]);
    assert_eq!(outcome.header("x-datadog-tags"), Some(&*want));
}

#[tokio::test]
async fn none_is_none() {
    let given = format!("00-{TRACE}-{SPAN}-01");
    let outcome = Service::of("none")
        .send(&[("traceparent", &given), ("baggage", "a=1")])
        .await;
    assert_ne!(outcome.root().0, TRACE);
    assert!(!outcome.has("trace"));
    assert!(!outcome.has("baggage"));
}
