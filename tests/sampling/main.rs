//! Which requests are sampled: by probability, by rate, by force, and for what they came to.

#[path = "../common/mod.rs"]
mod common;
mod service;
mod tail;

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{Router, body::Body, routing::get};
use common::{bucket::Bucket, text};
use http::{Request, Response};
use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{Link, Span as _, SpanKind, TraceState, Tracer, TracerProvider},
};
use opentelemetry_sdk::trace::{
    Sampler, SamplingDecision, SamplingResult, SdkTracerProvider, ShouldSample,
};
use service::{Service, setup, variable};
use throughline::{
    PeerAddr, ServerLayer, current_ids,
    otel::{Forcible, Pipeline, ProbabilitySampler, SetupExt},
};
use tower::{Layer, ServiceExt, service_fn};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn request(traceparent: Option<&str>) -> http::request::Builder {
    let request = Request::get("/orders/7").header("host", "shop.example");
    match traceparent {
        Some(traceparent) => request.header("traceparent", traceparent),
        None => request,
    }
}

/// Drops all, and looks at everything.
#[derive(Clone, Debug)]
struct Never;

impl ShouldSample for Never {
    fn should_sample(
        &self,
        _: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        SamplingResult {
            decision: SamplingDecision::Drop,
            attributes: Vec::new(),
            trace_state: TraceState::default(),
        }
    }
}

#[tokio::test]
async fn force_beats_every_sampler_and_caller() {
    let refused = format!("00-{TRACE}-{CALLER}-02");
    let sampled = format!("00-{TRACE}-{CALLER}-03");
    for (name, setup) in [
        ("caller's", setup().sampler(Sampler::AlwaysOff)),
        ("everything", setup().sampler(Never)),
        ("flag", setup().sample_probability(0.0)),
        ("routes", setup().sample_at_most(0.0)),
    ] {
        let service = Service::of(setup);
        for traceparent in [None, Some(&*refused), Some(&*sampled)] {
            let layer = ServerLayer::new().force_sampling("X-Trace-Force", |_| true);
            let asked = request(traceparent).header("x-trace-force", "1");
            let seen = service.ask(layer, asked).await;
            let case = format!("{name} {traceparent:?}");
            assert!(seen.is_sampled(), "{case}");
            assert!(
                seen.traceparent().ends_with("-03"),
                "{case}: {}",
                seen.traceparent()
            );
            // Server and client.
            let spans = service.exported().await;
            assert_eq!(spans.len(), 2, "{case}");
            let server = &spans[1];
            assert_eq!(text(server, "sampling.decision").as_deref(), Some("forced"));
            assert_eq!(text(server, "url.path").as_deref(), Some("/orders/7"));
            assert_eq!(spans[0].parent_span_id, server.span_context.span_id());
            if traceparent.is_some() {
                assert_eq!(server.parent_span_id.to_string(), CALLER, "{case}");
                assert_eq!(seen.trace_id(), TRACE);
            }
            service.exported.reset();
        }
    }
}

#[tokio::test]
async fn who_is_not_trusted_forces_nothing() {
    let service = Service::from_env("parentbased_always_off");
    let trusting = || ServerLayer::new().force_sampling("x-trace-force", |_| true);
    let by_token = || ServerLayer::new().force_sampling_by_token("x-trace-force", "s3cret");
    let loopback = ServerLayer::new().force_sampling("x-trace-force", |head| {
        let peer = head.extension::<PeerAddr>();
        peer.is_some_and(|peer| peer.remote().ip().is_loopback())
    });
    let forcing = |value: &str| request(None).header("x-trace-force", value);
    let peer = |address: &str| PeerAddr::new(address.parse().unwrap());
    for (case, layer, asked, is_forced) in [
        ("no header", trusting(), request(None), false),
        (
            "another header",
            trusting(),
            request(None).header("x-force", "1"),
            false,
        ),
        ("off by default", ServerLayer::new(), forcing("1"), false),
        ("trusted", trusting(), forcing(""), true),
        (
            "not trusted",
            ServerLayer::new().force_sampling("x-trace-force", |_| false),
            forcing("1"),
            false,
        ),
        (
            "who panics trusts nobody",
            ServerLayer::new().force_sampling("x-trace-force", |_| panic!("on purpose")),
            forcing("1"),
            false,
        ),
        (
            "no header's name",
            ServerLayer::new().force_sampling("x trace", |_| true),
            forcing("1").header("x-trace", "1"),
            false,
        ),
        ("the token", by_token(), forcing("s3cret"), true),
        ("a wrong token", by_token(), forcing("s3creT"), false),
        ("a part of it", by_token(), forcing("s3cre"), false),
        ("more than it", by_token(), forcing("s3cret1"), false),
        ("nothing", by_token(), forcing(""), false),
        (
            "an empty token",
            ServerLayer::new().force_sampling_by_token("x-trace-force", ""),
            forcing(""),
            false,
        ),
        (
            "a peer",
            loopback.clone(),
            forcing("1").extension(peer("127.0.0.1:9")),
            true,
        ),
        (
            "a stranger",
            loopback,
            forcing("1").extension(peer("203.0.113.9:9")),
            false,
        ),
    ] {
        let seen = service.ask(layer, asked).await;
        assert_eq!(seen.is_sampled(), is_forced, "{case}");
        assert_eq!(seen.traceparent().ends_with("-03"), is_forced, "{case}");
        let spans = service.exported().await;
        assert_eq!(spans.len(), if is_forced { 2 } else { 0 }, "{case}");
        service.exported.reset();
    }
}

#[tokio::test]
async fn the_forcing_header_is_never_recorded() {
    let service = Service::of(setup());
    let lists = ["x-trace-force", "x-tenant"];
    let before = ServerLayer::new().record_request_headers(lists);
    let after = ServerLayer::new().force_sampling_by_token("x-trace-force", "s3cret");
    for layer in [
        before.force_sampling_by_token("x-trace-force", "s3cret"),
        after.record_request_headers(lists),
    ] {
        let asked = request(None).header("x-trace-force", "s3cret");
        let seen = service.ask(layer, asked.header("x-tenant", "blue")).await;
        assert!(!format!("{:?}", seen.sent).contains("s3cret"));
        let spans = service.exported().await;
        assert!(!format!("{spans:?}").contains("s3cret"));
        assert!(format!("{spans:?}").contains("blue"));
        service.exported.reset();
    }
}

#[tokio::test]
async fn all_that_a_forced_request_starts_is_sampled() {
    let provider = SdkTracerProvider::builder()
        .with_sampler(Forcible::new(Sampler::AlwaysOff))
        .build();
    let telemetry = Pipeline::of(&provider).build();
    let tracer = provider.tracer("handler");
    let handler = service_fn(move |_: Request<Body>| {
        let child = tracer.start("child").span_context().is_sampled();
        async move { Ok::<_, Infallible>(Response::new(Body::from(child.to_string()))) }
    });
    let layer = ServerLayer::new().telemetry(&telemetry);
    let layer = layer.force_sampling("x-trace-force", |_| true);
    for (asked, want) in [
        (request(None).header("x-trace-force", "1"), "true"),
        (request(None), "false"),
    ] {
        let asked = asked.body(Body::empty()).unwrap();
        let response = layer.layer(handler.clone()).oneshot(asked).await.unwrap();
        let said = axum::body::to_bytes(Body::new(response.into_body()), 9).await;
        assert_eq!(said.unwrap(), want);
    }
}

#[tokio::test]
async fn what_the_filter_leaves_out_cannot_be_forced() {
    let service = Service::of(setup());
    let layer = ServerLayer::new().filter(|_| false);
    let layer = layer.force_sampling("x-trace-force", |_| true);
    let asked = request(None).header("x-trace-force", "1");
    // Only what the handler sends on is traced, as a trace of its own.
    service.ask(layer, asked).await;
    let spans = service.exported().await;
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].span_kind, SpanKind::Client);
}

#[tokio::test]
async fn a_disabled_pipeline_cannot_be_forced() {
    let service = Service::of(setup().lookup(|name| variable(name, "OTEL_SDK_DISABLED", "true")));
    let layer = ServerLayer::new().force_sampling("x-trace-force", |_| true);
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let asked = request(Some(&traceparent)).header("x-trace-force", "1");
    let seen = service.ask(layer, asked).await;
    assert_eq!(seen.traceparent(), traceparent);
    assert_eq!(service.exported().await.len(), 0);
}

#[tokio::test]
async fn a_share_of_the_traces_is_kept_and_told() {
    const TRACES: usize = 10_000;
    let service = Service::of(setup().sample_probability(0.25));
    let mut kept = 0;
    for _ in 0..TRACES {
        let seen = service.ask(ServerLayer::new(), request(None)).await;
        let trace_id = u128::from_str_radix(&seen.trace_id(), 16).unwrap();
        let is_above = trace_id & ((1 << 56) - 1) >= 3 << 54;
        assert_eq!(seen.is_sampled(), is_above);
        assert_eq!(seen.tracestate(), is_above.then_some("ot=th:c"));
        kept += usize::from(is_above);
    }
    // Ten times the standard deviation.
    assert!(kept.abs_diff(TRACES / 4) < 433, "{kept}");
    for span in service.exported().await {
        assert_eq!(span.span_context.trace_state().get("ot"), Some("th:c"));
    }
}

/// Of samplers that ask no caller.
#[tokio::test]
async fn a_threshold_goes_no_further_than_the_decision_it_fits() {
    let high = "0af7651916cd43dd84ffffffffffffff";
    let low = "0af7651916cd43dd8400000000000000";
    for (sampler, trace_id, tracestate, want) in [
        ("always_on", high, "ot=th:c", Some("ot=th:c")),
        ("always_on", low, "ot=th:c;x:y", Some("ot=x:y")),
        ("always_on", high, "a=1,ot=th:zz", Some("a=1")),
        ("always_off", high, "ot=th:c", None),
        ("always_off", low, "ot=th:c", Some("ot=th:c")),
        // Which share it keeps is not the one that the caller tells.
        ("traceidratio", high, "ot=th:c;x:y", Some("ot=x:y")),
    ] {
        let service = Service::from_env(sampler);
        for flags in ["00", "01"] {
            let traceparent = format!("00-{trace_id}-{CALLER}-{flags}");
            let asked = request(Some(&traceparent)).header("tracestate", tracestate);
            let seen = service.ask(ServerLayer::new(), asked).await;
            let case = format!("{sampler} {traceparent} {tracestate}");
            assert_eq!(seen.tracestate(), want, "{case}");
            assert_eq!(seen.is_sampled(), sampler != "always_off", "{case}");
        }
    }
}

#[tokio::test]
async fn a_callers_decision_stands_and_its_threshold_if_it_fits() {
    let high = "0af7651916cd43dd84ffffffffffffff";
    let low = "0af7651916cd43dd8400000000000000";
    for setup in [
        setup().sample_probability(0.5),
        // The default is no worse.
        setup(),
    ] {
        let service = Service::of(setup);
        for (trace_id, flags, tracestate, want) in [
            (high, "01", "ot=th:c", Some("ot=th:c")),
            (
                high,
                "01",
                "a=1,ot=th:c;rv:00000000000000,b=2",
                Some("ot=rv:00000000000000,a=1,b=2"),
            ),
            (low, "01", "ot=th:c", None),
            (low, "00", "a=1,ot=th:c", Some("a=1,ot=th:c")),
            (high, "00", "a=1,ot=th:c", Some("a=1")),
            (high, "01", "a=1", Some("a=1")),
            // A list that OpenTelemetry's type cannot hold.
            (high, "00", "a@b@c=1,ot=th:c,d=2", Some("a@b@c=1,d=2")),
            (
                low,
                "01",
                "a@b@c=1,ot=th:c;x:y,d=2",
                Some("ot=x:y,a@b@c=1,d=2"),
            ),
        ] {
            let traceparent = format!("00-{trace_id}-{CALLER}-{flags}");
            let asked = request(Some(&traceparent)).header("tracestate", tracestate);
            let seen = service.ask(ServerLayer::new(), asked).await;
            let case = format!("{traceparent} {tracestate}");
            assert_eq!(seen.tracestate(), want, "{case}");
            assert_eq!(seen.is_sampled(), flags == "01", "{case}");
            assert!(seen.traceparent().ends_with(flags), "{case}");
        }
    }
}

/// Each decides by itself: what the service of the smaller probability keeps, the other keeps.
#[tokio::test]
async fn services_of_two_probabilities_keep_consistent_subsets() {
    const TRACES: usize = 4000;
    let edge = Service::of(setup().sampler(ProbabilitySampler::new(0.5)));
    let inner = Service::of(setup().sampler(ProbabilitySampler::new(0.1)));
    let mut kept = [0_usize; 4];
    for _ in 0..TRACES {
        let outside = edge.ask(ServerLayer::new(), request(None)).await;
        let asked = request(Some(outside.traceparent()));
        let asked = match outside.tracestate() {
            Some(state) => asked.header("tracestate", state),
            None => asked,
        };
        let inside = inner.ask(ServerLayer::new(), asked).await;
        assert_eq!(inside.trace_id(), outside.trace_id());
        let is_kept = (outside.is_sampled(), inside.is_sampled());
        assert_eq!(outside.tracestate(), is_kept.0.then_some("ot=th:8"));
        assert_eq!(inside.tracestate(), is_kept.1.then_some("ot=th:e666"));
        kept[usize::from(is_kept.0) * 2 + usize::from(is_kept.1)] += 1;
    }
    let [neither, inner_alone, edge_alone, both] = kept;
    assert_eq!(inner_alone, 0, "{kept:?}");
    assert!(neither.abs_diff(TRACES / 2) < 320, "{kept:?}");
    assert!(both.abs_diff(TRACES / 10) < 190, "{kept:?}");
    assert!(edge_alone > 0, "{kept:?}");
}

#[tokio::test]
async fn each_route_has_its_rate() {
    const LIMIT: f64 = 50.0;
    let service = Service::of(setup().sample_at_most(LIMIT));
    let counts = Arc::new(Mutex::new(HashMap::<&str, u32>::new()));
    let count = |route: &'static str| {
        let counts = Arc::clone(&counts);
        get(move || async move {
            let ids = current_ids().unwrap();
            *counts.lock().unwrap().entry(route).or_default() += u32::from(ids.is_sampled());
        })
    };
    let app = Router::new()
        .route("/a/{id}", count("a"))
        .route("/b/{id}", count("b"))
        .layer(ServerLayer::new().telemetry(&service.telemetry));
    let ask = |path: String, traceparent: Option<&str>| {
        let mut request = Request::get(path);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        app.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    let (start, mut model) = (Instant::now(), Bucket::full(LIMIT));
    for turn in 0.. {
        ask(format!("/a/{turn}"), None).await.unwrap();
        ask(format!("/b/{turn}"), None).await.unwrap();
        model.asked();
        if start.elapsed().as_secs_f64() > 2.0 {
            break;
        }
    }
    let most = LIMIT * (start.elapsed().as_secs_f64() + 1.0);
    for route in ["a", "b"] {
        let taken = f64::from(counts.lock().unwrap()[route]);
        assert!(taken <= most, "{route}: {taken} of {most}");
        model.is_near(taken);
    }

    // Callers decide for themselves, and use nothing up.
    counts.lock().unwrap().clear();
    for flags in ["01", "00"] {
        let traceparent = format!("00-{TRACE}-{CALLER}-{flags}");
        for _ in 0..200 {
            ask("/a/1".to_owned(), Some(&traceparent)).await.unwrap();
        }
    }
    assert_eq!(counts.lock().unwrap()["a"], 200);
}

#[test]
fn numbers_that_mean_nothing_are_errors() {
    for (setup, want) in [
        (
            setup().sample_probability(1.5),
            "sample_probability(1.5) is not from 0 to 1",
        ),
        (
            setup().sample_probability(f64::NAN),
            "sample_probability(NaN)",
        ),
        (
            setup().sample_at_most(-1.0),
            "sample_at_most(-1) is no number",
        ),
        (setup().sample_at_most(f64::INFINITY), "sample_at_most(inf)"),
    ] {
        let error = setup.build().unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
}
