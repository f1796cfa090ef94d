//! A trace crosses processes: in over a socket, through a server and a client layer, out over a socket.

mod common;

use std::sync::{Arc, Mutex};

use common::{
    Spans,
    hop::{self, header},
    is_child,
    mine::Mine,
    named,
    net::read,
};
use http::HeaderMap;
use http_body_util::Full;
use opentelemetry::{
    Context,
    trace::{SpanKind, TraceContextExt},
};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use throughline::{ClientLayer, RemoteParent, ServerLayer, Targets, otel::Pipeline};
use tower::{ServiceBuilder, ServiceExt};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

/// A gateway, and the spans it makes.
struct Hop {
    spans: Spans,
    inner: hop::Hop,
}

impl Hop {
    fn new(spans: Spans) -> Self {
        Self {
            inner: hop::Hop::new(&spans.telemetry),
            spans,
        }
    }

    async fn send(&self, headers: &[(&str, &str)]) -> (Vec<SpanData>, HeaderMap) {
        self.spans.reset();
        let sent = self.inner.send(headers).await;
        (self.spans.ended(), sent)
    }
}

#[track_caller]
fn sides(spans: &[SpanData]) -> (&SpanData, &SpanData) {
    assert_eq!(spans.len(), 2, "{spans:#?}");
    let of = |kind| spans.iter().find(|span| span.span_kind == kind).unwrap();
    let (server, client) = (of(SpanKind::Server), of(SpanKind::Client));
    assert!(is_child(client, server));
    (server, client)
}

#[tokio::test]
async fn adopted_a_trace_goes_on_with_state_and_baggage() {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let (spans, sent) = Hop::new(spans)
            .send(&[
                ("traceparent", &traceparent("01")),
                ("tracestate", "a=1,b=2"),
                ("tracestate", "c=3"),
                ("baggage", "user=al%20ice;p=1"),
            ])
            .await;
        let (server, client) = sides(&spans);
        assert_eq!(server.span_context.trace_id().to_string(), TRACE);
        assert_eq!(server.parent_span_id.to_string(), SPAN);
        assert!(server.parent_span_is_remote);
        assert!(!client.parent_span_is_remote);
        assert!(server.links.links.is_empty());
        let want = format!("00-{TRACE}-{}-01", client.span_context.span_id());
        assert_eq!(header(&sent, "traceparent"), Some(&*want));
        assert_eq!(header(&sent, "tracestate"), Some("a=1,b=2,c=3"));
        assert_eq!(header(&sent, "baggage"), Some("user=al%20ice;p=1"));
    }
}

#[tokio::test]
async fn a_public_edge_links_to_a_stranger_and_takes_nothing_from_it() {
    for policy in [RemoteParent::Link, RemoteParent::Ignore] {
        let mut hop = Hop::new(Spans::new());
        hop.inner.server = hop.inner.server.remote_parent(policy);
        let (spans, sent) = hop
            .send(&[
                ("traceparent", &traceparent("00")),
                ("tracestate", "a=1"),
                ("baggage", "user=alice"),
            ])
            .await;
        // Its sampling decision is not ours.
        let (server, client) = sides(&spans);
        assert_ne!(server.span_context.trace_id().to_string(), TRACE);
        assert_eq!(server.parent_span_id, opentelemetry::SpanId::INVALID);
        let links: Vec<_> = server
            .links
            .links
            .iter()
            .map(|link| link.span_context.span_id().to_string())
            .collect();
        match policy {
            RemoteParent::Link => assert_eq!(links, [SPAN]),
            _ => assert!(links.is_empty()),
        }
        let want = format!(
            "00-{}-{}-03",
            server.span_context.trace_id(),
            client.span_context.span_id()
        );
        assert_eq!(header(&sent, "traceparent"), Some(&*want));
        assert_eq!(header(&sent, "tracestate"), None);
        assert_eq!(header(&sent, "baggage"), None);
    }
}

#[tokio::test]
async fn the_policy_can_depend_on_the_request() {
    let mut hop = Hop::new(Spans::new());
    hop.inner.server = hop
        .inner
        .server
        .remote_parent(RemoteParent::Ignore)
        .remote_parent_with(|head| {
            if head.header("x-internal").is_some() {
                RemoteParent::Adopt
            } else {
                RemoteParent::Link
            }
        });
    let parent = traceparent("01");
    let (spans, _) = hop
        .send(&[("traceparent", &parent), ("x-internal", "1")])
        .await;
    assert_eq!(sides(&spans).0.parent_span_id.to_string(), SPAN);
    let (spans, _) = hop.send(&[("traceparent", &parent)]).await;
    assert_eq!(sides(&spans).0.links.links.len(), 1);
}

#[tokio::test]
async fn a_link_without_a_valid_caller_is_none() {
    for headers in [vec![], vec![("traceparent", "00-nonsense")]] {
        let mut hop = Hop::new(Spans::new());
        hop.inner.server = hop.inner.server.remote_parent(RemoteParent::Link);
        let (spans, _) = hop.send(&headers).await;
        assert!(sides(&spans).0.links.links.is_empty());
    }
}

#[tokio::test]
async fn trace_state_that_opentelemetry_cannot_hold_goes_out_whole() {
    let state = "a@b@c=1,0@v=2,plain=3";
    for (spans, flags) in [
        (Spans::new(), "01"),
        (Spans::new(), "00"),
        (Spans::of_stranger(), "01"),
    ] {
        let (_, sent) = Hop::new(spans)
            .send(&[("traceparent", &traceparent(flags)), ("tracestate", state)])
            .await;
        assert_eq!(header(&sent, "tracestate"), Some(state));
    }
}

#[tokio::test]
async fn flags_are_kept_and_new_traces_are_random() {
    let cases = [
        (None, "03"),
        (Some("01"), "01"),
        (Some("03"), "03"),
        (Some("02"), "02"),
        (Some("00"), "00"),
        (Some("ff"), "03"),
    ];
    for (flags, want) in cases {
        let hop = Hop::new(Spans::new());
        let parent = flags.map(traceparent);
        let headers: Vec<_> = parent
            .iter()
            .map(|value| ("traceparent", &**value))
            .collect();
        let (spans, sent) = hop.send(&headers).await;
        let sent = header(&sent, "traceparent").unwrap();
        assert_eq!(&sent[53..], want, "after {flags:?}");
        let sampled = want.ends_with(['1', '3']);
        assert_eq!(spans.len(), if sampled { 2 } else { 0 });
        if flags.is_some() {
            assert_eq!(&sent[3..35], TRACE);
        }
        if !sampled {
            // Nobody made a span here: the caller's own goes on.
            assert_eq!(&sent[..36], &traceparent("00")[..36]);
        }
    }
}

#[tokio::test]
async fn a_root_that_is_not_sampled_says_so_and_that_it_is_random() {
    let (spans, sent) = Hop::new(Spans::sampled(Sampler::AlwaysOff)).send(&[]).await;
    assert!(spans.is_empty());
    let sent = header(&sent, "traceparent").unwrap();
    assert_eq!(&sent[53..], "02");
    assert_ne!(&sent[3..35], "0".repeat(32));
}

#[tokio::test]
async fn of_two_parents_none_is_believed() {
    let other = traceparent("01").replace("b7", "c7");
    let (spans, sent) = Hop::new(Spans::new())
        .send(&[
            ("traceparent", &traceparent("01")),
            ("traceparent", &other),
            ("tracestate", "a=1"),
        ])
        .await;
    let (server, _) = sides(&spans);
    assert_ne!(server.span_context.trace_id().to_string(), TRACE);
    assert_eq!(header(&sent, "tracestate"), None);
}

#[tokio::test]
async fn hosts_that_may_not_have_the_trace_get_none_not_even_a_copy() {
    let headers = [
        ("traceparent", &*traceparent("01")),
        ("tracestate", "a=1"),
        ("baggage", "user=alice"),
        ("x-own", "kept"),
    ];
    let own = || Targets::hosts(["127.0.0.1"]);
    let cases = [
        (Targets::all(), Targets::all(), true, true),
        (own(), Targets::all(), true, true),
        (Targets::all(), Targets::none(), true, false),
        (own(), Targets::hosts(["other"]), true, false),
        (Targets::none(), Targets::all(), false, false),
        (Targets::hosts(["other"]), own(), false, false),
        (
            Targets::matching(|host, port| host == "127.0.0.1" && port.is_some()),
            own(),
            true,
            true,
        ),
    ];
    for copies in [false, true] {
        for (trace_to, baggage_to, trace, baggage) in cases.clone() {
            let mut hop = Hop::new(Spans::new());
            hop.inner.copies = copies;
            hop.inner.client = hop
                .inner
                .client
                .propagate_to(trace_to)
                .baggage_to(baggage_to);
            let (spans, sent) = hop.send(&headers).await;
            let (_, client) = sides(&spans);
            let parent = format!("00-{TRACE}-{}-01", client.span_context.span_id());
            assert_eq!(header(&sent, "traceparent"), trace.then_some(&*parent));
            assert_eq!(header(&sent, "tracestate"), trace.then_some("a=1"));
            assert_eq!(header(&sent, "baggage"), baggage.then_some("user=alice"));
            assert_eq!(header(&sent, "x-own"), copies.then_some("kept"));
        }
    }
}

#[tokio::test]
async fn a_request_that_the_filter_leaves_out_hands_nothing_to_a_stranger_either() {
    let headers = [
        ("traceparent", &*traceparent("01")),
        ("baggage", "user=alice"),
    ];
    for (targets, goes) in [(Targets::all(), true), (Targets::none(), false)] {
        let mut hop = Hop::new(Spans::new());
        hop.inner.copies = true;
        hop.inner.client = hop.inner.client.filter(|_| false).propagate_to(targets);
        let (_, sent) = hop.send(&headers).await;
        // What the handler copied stays as it is, or goes.
        assert_eq!(
            header(&sent, "traceparent"),
            goes.then_some(&*traceparent("01"))
        );
        assert_eq!(header(&sent, "baggage"), goes.then_some("user=alice"));
    }
}

#[tokio::test]
async fn a_format_of_one_s_own_is_used_both_ways_and_taken_out_too() {
    let mine = format!("{TRACE}/{SPAN}");
    let headers = [
        ("x-mine", &*mine),
        ("traceparent", &traceparent("00")),
        ("baggage", "user=alice"),
    ];
    for (targets, goes) in [(Targets::all(), true), (Targets::none(), false)] {
        let spans = Spans::new();
        let telemetry = Pipeline::of(spans.provider())
            .propagator(Mine::default())
            .build();
        let mut hop = Hop::new(spans);
        hop.inner.server = hop.inner.server.telemetry(&telemetry);
        hop.inner.client = hop.inner.client.telemetry(&telemetry).propagate_to(targets);
        hop.inner.copies = true;
        let (spans, sent) = hop.send(&headers).await;
        let (server, client) = sides(&spans);
        assert_eq!(server.parent_span_id.to_string(), SPAN);
        let want = format!("{TRACE}/{}", client.span_context.span_id());
        assert_eq!(header(&sent, "x-mine"), goes.then_some(&*want));
        if !goes {
            assert_eq!(header(&sent, "traceparent"), None);
            assert_eq!(header(&sent, "baggage"), None);
        }
    }
}

#[tokio::test]
async fn what_is_filtered_out_passes_untouched() {
    let mut hop = Hop::new(Spans::new());
    hop.inner.client = hop.inner.client.filter(|_| false);
    let (spans, sent) = hop.send(&[("traceparent", &traceparent("01"))]).await;
    assert_eq!(spans.len(), 1);
    assert_eq!(header(&sent, "traceparent"), None);

    // A server that does not trace a request is no parent, and hands nothing on.
    let mut hop = Hop::new(Spans::new());
    hop.inner.server = hop.inner.server.filter(|_| false);
    let (spans, _) = hop
        .send(&[("traceparent", &traceparent("01")), ("baggage", "a=b")])
        .await;
    let client = named(&spans, "GET");
    assert_ne!(client.span_context.trace_id().to_string(), TRACE);
    assert_eq!(spans.len(), 1);
}

#[tokio::test]
async fn suppressed_telemetry_passes_untouched() {
    let spans = Spans::new();
    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let keep = Arc::clone(&seen);
    let service = ServiceBuilder::new()
        .layer(ClientLayer::new().telemetry(&spans.telemetry))
        .layer(ServerLayer::new().telemetry(&spans.telemetry))
        .service_fn(async |request: http::Request<String>| {
            *keep.lock().unwrap() = request.headers().clone();
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        });
    let suppressed = {
        let _guard = Context::enter_telemetry_suppressed_scope();
        throughline::carry(async { service.oneshot(http::Request::new(String::new())).await })
    };
    suppressed.await.unwrap();
    assert_eq!(spans.started(), 0);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_span_of_the_handler_s_own_keeps_state_and_baggage_on_their_way() {
    use tracing::Instrument;
    use tracing_subscriber::layer::SubscriberExt;
    let spans = Spans::new();
    let tracer = opentelemetry::trace::TracerProvider::tracer(spans.provider(), "app");
    let subscriber =
        tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let client = ServiceBuilder::new()
        .layer(ClientLayer::new().telemetry(&spans.telemetry))
        .service_fn(async |request: http::Request<String>| {
            let headers = request.headers();
            let state = header(headers, "tracestate").unwrap_or_default();
            let baggage = header(headers, "baggage").unwrap_or_default();
            Ok::<_, std::convert::Infallible>(http::Response::new(format!("{state}|{baggage}")))
        });
    let server = ServiceBuilder::new()
        .layer(ServerLayer::new().telemetry(&spans.telemetry))
        .service_fn(|_: http::Request<String>| {
            let client = client.clone();
            async move {
                let request = http::Request::get("http://a/").body(String::new()).unwrap();
                let response = client
                    .oneshot(request)
                    .instrument(tracing::info_span!("work"))
                    .await?;
                Ok::<_, std::convert::Infallible>(http::Response::new(Full::new(
                    read(response).await,
                )))
            }
        });
    let request = http::Request::get("/")
        .header("traceparent", traceparent("01"))
        .header("tracestate", "a@b@c=1")
        .header("baggage", "user=alice")
        .body(String::new())
        .unwrap();
    let said = read(server.oneshot(request).await.unwrap()).await;
    assert_eq!(said, "a@b@c=1|user=alice");
    let ended = spans.ended();
    let of = |kind| ended.iter().find(|span| span.span_kind == kind).unwrap();
    let work = named(&ended, "work");
    assert!(is_child(work, of(SpanKind::Server)));
    assert!(is_child(of(SpanKind::Client), work));
}

#[tokio::test]
async fn the_context_of_a_caller_that_is_not_sampled_is_current_in_the_handler() {
    let spans = Spans::new();
    let service = ServiceBuilder::new()
        .layer(ServerLayer::new().telemetry(&spans.telemetry))
        .service_fn(async |_: http::Request<String>| {
            let ids = throughline::current_ids().unwrap();
            assert_eq!(ids.trace_id_hex(), TRACE);
            assert!(!ids.is_sampled());
            assert!(!Context::current().span().is_recording());
            Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
        });
    let request = http::Request::get("/")
        .header("traceparent", traceparent("00"))
        .body(String::new())
        .unwrap();
    service.oneshot(request).await.unwrap();
    assert_eq!(spans.started(), 0);
}
