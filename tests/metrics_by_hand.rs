//! What a handler says of its request by `request_span` and `set_route` is measured, and the same whether it is sampled or
//! not.

mod common;

use std::{convert::Infallible, fmt, sync::mpsc};

use axum::{
    Router,
    body::Body,
    routing::{any, get},
};
use common::{Spans, meters::Point};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use opentelemetry_sdk::trace::Sampler;
use throughline::{ServerLayer, SpanMut, Telemetry, otel::Pipeline, request_span, set_route};
use tower::{Layer, ServiceExt, service_fn};

const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

type Act = for<'a, 's> fn(&'a mut SpanMut<'s>) -> &'a mut SpanMut<'s>;

#[derive(Debug)]
struct SoldOut;

impl fmt::Display for SoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no socks left")
    }
}

impl std::error::Error for SoldOut {}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Matched,
    Unmatched,
    Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sampling {
    Recorded,
    Dropped,
    /// By a caller's word, with a sampler that is known to follow it.
    DroppedByCaller,
}

impl Kind {
    fn metric(self) -> &'static str {
        match self {
            Self::Matched | Self::Unmatched => "http.server.request.duration",
            Self::Call => "rpc.server.call.duration",
        }
    }

    fn request(self) -> Request<Body> {
        let request = match self {
            Self::Matched => Request::get("/orders/7"),
            Self::Unmatched => Request::get("/nowhere"),
            Self::Call => {
                Request::post("/shop.Orders/Get").header("content-type", "application/grpc")
            }
        };
        request.body(Body::empty()).unwrap()
    }

    /// Fails by its answer, unless told otherwise.
    fn answer(self) -> Response<Body> {
        let answer = match self {
            Self::Matched | Self::Unmatched => Response::builder().status(StatusCode::BAD_GATEWAY),
            Self::Call => Response::builder().header("grpc-status", "13"),
        };
        answer.body(Body::empty()).unwrap()
    }
}

impl Sampling {
    fn pipeline(self) -> (Spans, Telemetry) {
        let spans = Spans::sampled(match self {
            Self::Recorded => Sampler::AlwaysOn,
            Self::Dropped => Sampler::AlwaysOff,
            Self::DroppedByCaller => Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
        });
        let pipeline = Pipeline::of(spans.provider())
            .meter_provider(&spans.meters.provider)
            .random_ids();
        let telemetry = match self {
            Self::Recorded | Self::Dropped => pipeline.sampler_reads_parent_only().build(),
            Self::DroppedByCaller => pipeline.sampler_follows_parent().build(),
        };
        (spans, telemetry)
    }
}

/// The attributes of the one measurement of a request whose handler acts so.
async fn measured(
    kind: Kind,
    sampling: Sampling,
    layer: ServerLayer,
    act: Act,
) -> Vec<(String, String)> {
    let (spans, telemetry) = sampling.pipeline();
    let handle = async move |request: Request<Body>| {
        let shown = request_span(request.extensions(), |span| {
            assert_eq!(span.is_recording(), sampling == Sampling::Recorded);
            act(span);
        });
        assert!(shown.is_some(), "{kind:?} {sampling:?}");
        kind.answer()
    };
    let app = Router::new()
        .route("/orders/{id}", any(handle))
        .fallback(handle)
        .layer(layer.telemetry(&telemetry));
    let mut request = kind.request();
    if sampling == Sampling::DroppedByCaller {
        let headers = request.headers_mut();
        headers.insert("traceparent", UNSAMPLED.parse().unwrap());
    }
    let response = app.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
    let recorded = usize::from(sampling == Sampling::Recorded);
    assert_eq!(spans.ended().len(), recorded, "{kind:?} {sampling:?}");
    let point = spans.meters.only(kind.metric());
    let attributes = point.attributes().into_iter();
    attributes
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

#[tokio::test]
async fn what_a_handler_says_is_measured_whatever_the_sampler() {
    let acts: [(Act, &str, Option<&str>); 4] = [
        (|span| span.label("tier", "gold"), "tier", Some("gold")),
        (
            |span| span.set_error("sold_out"),
            "error.type",
            Some("sold_out"),
        ),
        (
            |span| span.record_error(&SoldOut),
            "error.type",
            Some("metrics_by_hand::SoldOut"),
        ),
        (|span| span.clear_error(), "error.type", None),
    ];
    for kind in [Kind::Matched, Kind::Unmatched, Kind::Call] {
        for (act, key, value) in acts {
            for hooked in [false, true] {
                let layer = || match hooked {
                    false => ServerLayer::new(),
                    true => ServerLayer::new().on_end(|_, _| ()),
                };
                let sampled = measured(kind, Sampling::Recorded, layer(), act).await;
                let said = sampled.iter().find(|(name, _)| name == key);
                assert_eq!(said.map(|(_, value)| &**value), value, "{kind:?}");
                for sampling in [Sampling::Dropped, Sampling::DroppedByCaller] {
                    let unsampled = measured(kind, sampling, layer(), act).await;
                    assert_eq!(unsampled, sampled, "{kind:?} {sampling:?} {hooked}");
                }
            }
        }
    }
}

/// A hook learns of it without a span and without metrics.
#[tokio::test]
async fn a_hook_hears_of_a_handler_s_error_where_nothing_else_is_told() {
    for kind in [Kind::Matched, Kind::Unmatched, Kind::Call] {
        let (spans, telemetry) = Sampling::Dropped.pipeline();
        let (told, heard) = mpsc::channel();
        let layer = ServerLayer::new()
            .telemetry(&telemetry)
            .metrics(false)
            .on_end(move |outcome, _| {
                let error_type = outcome.error_type().map(str::to_owned);
                told.send(error_type).unwrap();
            });
        let handle = async move |request: Request<Body>| {
            let extensions = request.extensions();
            let shown = request_span(extensions, |span| {
                span.set_error("sold_out");
            });
            assert!(shown.is_some(), "{kind:?}");
            kind.answer()
        };
        let app = Router::new()
            .route("/orders/{id}", any(handle))
            .fallback(handle)
            .layer(layer);
        drop(app.oneshot(kind.request()).await.unwrap());
        let heard = heard.try_recv().unwrap();
        assert_eq!(heard.as_deref(), Some("sold_out"), "{kind:?}");
        assert!(spans.meters.points().is_empty());
    }
}

/// One request is served while another is: what is said of the inner one, of which nobody learns, is not said of the outer.
#[tokio::test]
async fn an_inner_request_does_not_speak_for_the_outer_one() {
    for sampling in [Sampling::Dropped, Sampling::DroppedByCaller] {
        for timing in [false, true] {
            let (spans, telemetry) = sampling.pipeline();
            let inner = ServerLayer::new()
                .telemetry(&telemetry)
                .server_timing(timing)
                .metrics(false)
                .layer(service_fn(async |request: Request<Body>| {
                    let shown = request_span(request.extensions(), |span| {
                        span.label("tier", "inner").set_error("inner");
                    });
                    assert!(shown.is_none());
                    set_route(request.extensions(), "/inner");
                    Ok::<_, Infallible>(Response::new(Body::empty()))
                }));
            let outer = async move || {
                let request = Request::get("/").header("traceparent", UNSAMPLED);
                let request = request.body(Body::empty()).unwrap();
                drop(inner.oneshot(request).await.unwrap());
            };
            let app = Router::new()
                .route("/orders/{id}", get(outer))
                .layer(ServerLayer::new().telemetry(&telemetry));
            let mut request = Kind::Matched.request();
            let headers = request.headers_mut();
            headers.insert("traceparent", UNSAMPLED.parse().unwrap());
            drop(app.oneshot(request).await.unwrap());
            let point = spans.meters.only(Kind::Matched.metric());
            assert_eq!(point.text("http.route").as_deref(), Some("/orders/{id}"));
            assert_eq!(point.text("error.type"), None);
            assert_eq!(point.text("tier"), None);
        }
    }
}

/// The memory of one exchange is that of the next.
#[tokio::test]
async fn what_is_said_of_one_request_is_not_said_of_the_next() {
    for kind in [Kind::Matched, Kind::Unmatched, Kind::Call] {
        for sampling in [
            Sampling::Recorded,
            Sampling::Dropped,
            Sampling::DroppedByCaller,
        ] {
            let (spans, telemetry) = sampling.pipeline();
            let handle = async move |request: Request<Body>| {
                if request.headers().contains_key("x-talks") {
                    let extensions = request.extensions();
                    set_route(extensions, "/said");
                    request_span(extensions, |span| {
                        span.label("tier", "gold").set_error("sold_out");
                    });
                    // A call of this status is over with its head.
                    return kind.answer();
                }
                let answer = Response::builder().header("content-type", "application/grpc");
                answer.body(Body::empty()).unwrap()
            };
            let app = Router::new()
                .route("/orders/{id}", any(handle))
                .fallback(handle)
                .layer(ServerLayer::new().telemetry(&telemetry));
            for talks in [true, false, true, false] {
                let mut request = kind.request();
                let headers = request.headers_mut();
                if talks {
                    headers.insert("x-talks", "1".parse().unwrap());
                }
                if sampling == Sampling::DroppedByCaller {
                    headers.insert("traceparent", UNSAMPLED.parse().unwrap());
                }
                let response = app.clone().oneshot(request).await.unwrap();
                response.into_body().collect().await.unwrap();
            }
            let points = spans.meters.of(kind.metric());
            let [said, silent] = &*points else {
                panic!("{kind:?} {sampling:?}: {points:?}");
            };
            let (said, silent) = match said.text("tier") {
                Some(_) => (said, silent),
                None => (silent, said),
            };
            let brief = |point: &Point| {
                let [tier, error, route, code] =
                    ["tier", "error.type", "http.route", "rpc.status_code"]
                        .map(|key| point.text(key));
                (point.count(), tier, error, route, code)
            };
            let text = |text: &str| Some(text.to_owned());
            let (gold, sold_out, named) = (text("gold"), text("sold_out"), text("/said"));
            let (want_said, want_silent) = match kind {
                Kind::Matched => (
                    (2, gold, sold_out, named, None),
                    (2, None, None, text("/orders/{id}"), None),
                ),
                Kind::Unmatched => (
                    (2, gold, sold_out, named, None),
                    (2, None, None, None, None),
                ),
                Kind::Call => (
                    (2, gold, sold_out, None, text("INTERNAL")),
                    (2, None, text("UNKNOWN"), None, text("UNKNOWN")),
                ),
            };
            assert_eq!(brief(said), want_said, "{kind:?} {sampling:?}");
            assert_eq!(brief(silent), want_silent, "{kind:?} {sampling:?}");
        }
    }
}
