//! What is measured of a request: the metrics of the conventions, by the span's own duration and error.

mod common;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, routing::get};
use common::{
    Meters, Spans,
    meters::{Data, Point, check_against},
};
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use opentelemetry_sdk::{metrics::ManualReader, trace::Sampler};
use throughline::{ClientLayer, ServerLayer, Setup, otel::SetupExt};
use tower::{Layer, ServiceExt, service_fn};

const DURATION: &str = "http.server.request.duration";

fn app() -> Router {
    Router::new()
        .route("/orders/{id}", get(|| async { "order" }))
        .route("/fails", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/panics", get(panics))
        .route(
            "/gold",
            get(|| async {
                throughline::label("tenant.tier", "gold");
                "gold"
            }),
        )
}

async fn panics() -> StatusCode {
    panic!("on purpose")
}

async fn call(app: &Router, path: &str) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
}

fn server(spans: &Spans) -> ServerLayer {
    ServerLayer::new()
        .telemetry(&spans.telemetry)
        .measure_active_requests(true)
}

#[tokio::test]
async fn a_request_is_measured_by_the_duration_of_its_span() {
    let spans = Spans::new();
    let app = app().layer(server(&spans));
    call(&app, "/orders/7").await;
    let point = spans.meters.only(DURATION);
    assert_eq!(point.unit, "s");
    let Data::Histogram { count, bounds, .. } = &point.data else {
        panic!("{point:#?}")
    };
    assert_eq!(*count, 1);
    assert_eq!(
        bounds,
        &[
            0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0
        ]
    );
    let wanted = [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/orders/{id}"),
        ("network.protocol.version", "1.1"),
        ("url.scheme", "http"),
    ];
    assert_eq!(
        point.attributes(),
        wanted.map(|(key, value)| (key, value.to_owned()))
    );
    check_against(&spans.meters.points(), &spans.ended());
}

#[tokio::test]
async fn errors_panics_and_lost_requests_are_measured_as_their_spans() {
    let spans = Spans::new();
    let app = app().layer(server(&spans));
    call(&app, "/fails").await;
    call(&app, "/nowhere").await;
    let request = || Request::get("/panics").body(Body::empty()).unwrap();
    let panicked = std::panic::AssertUnwindSafe(app.clone().oneshot(request())).catch_unwind();
    assert!(panicked.await.is_err());
    drop(app.clone().oneshot(request()));
    let request = Request::get("/orders/7").body(Body::empty()).unwrap();
    drop(app.clone().oneshot(request).await.unwrap());
    let points = spans.meters.of(DURATION);
    let mut errors: Vec<_> = points
        .iter()
        .filter_map(|point| point.text("error.type"))
        .collect();
    errors.sort();
    assert_eq!(errors, ["502", "cancelled", "panic"]);
    let active = spans.meters.of("http.server.active_requests");
    assert!(!active.is_empty() && active.iter().all(|point| point.sum() == 0.0));
    check_against(&spans.meters.points(), &spans.ended());
}

#[tokio::test]
async fn requests_that_nobody_samples_are_measured_with_their_labels() {
    let spans = Spans::sampled(Sampler::AlwaysOff);
    let app = app().layer(server(&spans));
    call(&app, "/gold").await;
    call(&app, "/orders/7").await;
    assert_eq!(spans.ended().len(), 0);
    let points = spans.meters.of(DURATION);
    let tiers: Vec<_> = points
        .iter()
        .map(|point| (point.text("http.route"), point.text("tenant.tier")))
        .collect();
    assert!(tiers.contains(&(Some("/gold".to_owned()), Some("gold".to_owned()))));
    assert!(tiers.contains(&(Some("/orders/{id}".to_owned()), None)));
    assert_eq!(tiers.len(), 2);
}

#[tokio::test]
async fn unmatched_paths_are_one_series() {
    let spans = Spans::new();
    let app = app().layer(server(&spans));
    for number in 0..10_000 {
        call(&app, &format!("/stranger/{}", number % 400)).await;
    }
    let point = spans.meters.only(DURATION);
    assert_eq!(point.count(), 10_000);
    assert_eq!(point.text("http.route"), None);
}

/// The layers' defaults.
#[tokio::test]
async fn without_a_word_durations_are_measured_and_200_values_told_apart() {
    let spans = Spans::new();
    let layer = ServerLayer::new().telemetry(&spans.telemetry);
    let server = layer.layer(service_fn(async |request: Request<Body>| {
        throughline::set_route(request.extensions(), request.uri().path().to_owned());
        Ok::<_, Infallible>(Response::new(Body::from("12345")))
    }));
    let client = ClientLayer::new().telemetry(&spans.telemetry);
    let client =
        client
            .url_template(|_| Some("/".into()))
            .layer(service_fn(async |_: Request<Body>| {
                Ok::<_, Infallible>(Response::new(Body::from("12345")))
            }));
    for number in 0..210 {
        let uri = format!("http://shop{number}.example/{number}");
        let request = || Request::post(&uri).header("content-length", "3");
        let request = || request().body(Body::from("abc")).unwrap();
        let response = server.clone().oneshot(request()).await.unwrap();
        response.into_body().collect().await.unwrap();
        let response = client.clone().oneshot(request()).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    for (metric, key, absent) in [
        (DURATION, "http.route", "server.address"),
        (
            "http.client.request.duration",
            "server.address",
            "url.template",
        ),
    ] {
        let points = spans.meters.of(metric);
        assert_eq!(points.len(), 201, "{metric}");
        let is_other = |point: &&Point| point.text(key).as_deref() == Some("_OTHER");
        assert_eq!(points.iter().find(is_other).unwrap().count(), 10);
        assert!(points.iter().all(|point| point.text(absent).is_none()));
    }
    let mut metrics: Vec<_> = spans.meters.points();
    metrics.retain(|point| !point.metric.ends_with(".request.duration"));
    assert!(
        metrics
            .iter()
            .all(|point| point.metric == "throughline.metrics.folded"),
        "{metrics:#?}"
    );
}

#[tokio::test]
async fn values_beyond_the_limit_are_other_and_counted() {
    let spans = Spans::new();
    let layer = server(&spans).cardinality_limit(3);
    let service = layer.layer(service_fn(async |request: Request<Body>| {
        throughline::set_route(request.extensions(), request.uri().path().to_owned());
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    for number in 0..10 {
        let request = Request::get(format!("/{number}"))
            .body(Body::empty())
            .unwrap();
        drop(service.clone().oneshot(request).await.unwrap());
    }
    let points = spans.meters.of(DURATION);
    assert_eq!(points.len(), 4);
    let other = points
        .iter()
        .find(|point| point.text("http.route").as_deref() == Some("_OTHER"))
        .unwrap();
    assert_eq!(other.count(), 7);
    assert_eq!(spans.telemetry.folded_measurements(), 7);
    let folded = spans.meters.only("throughline.metrics.folded");
    assert_eq!(folded.sum(), 7.0);
    assert_eq!(
        folded.text("throughline.attribute").as_deref(),
        Some("http.route")
    );
}

/// Whichever metric and whichever of the new values it is.
#[tokio::test]
async fn an_attribute_with_too_many_values_is_warned_of_once() {
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&warnings);
    let telemetry = Setup::new()
        .lookup(|name| match name {
            "OTEL_TRACES_EXPORTER" => Some("none".to_owned()),
            _ => None,
        })
        .reader(ManualReader::builder().build())
        .on_warning(move |text| told.lock().unwrap().push(text.to_owned()))
        .build()
        .unwrap();
    let layer = ServerLayer::new()
        .telemetry(&telemetry)
        .measure_body_sizes(true)
        .cardinality_limit(2);
    let service = layer.layer(service_fn(async |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        throughline::label("tenant", path.clone());
        throughline::set_route(request.extensions(), path);
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    for number in 0..10 {
        let request = Request::get(format!("/{number}"));
        let request = request.body(Body::empty()).unwrap();
        drop(service.clone().oneshot(request).await.unwrap());
    }
    // Two metrics each.
    assert_eq!(telemetry.folded_measurements(), 16);
    telemetry.shutdown().await.unwrap();
    let warnings = warnings.lock().unwrap();
    let [route, tenant] = &warnings[..] else {
        panic!("{warnings:#?}");
    };
    for (warning, attribute) in [(route, "http.route"), (tenant, "tenant")] {
        let told = format!("{attribute} has more than 2 values");
        assert!(warning.contains(&told), "{warning}");
        assert!(warning.contains("cardinality_limit"), "{warning}");
    }
}

#[tokio::test]
async fn two_layers_measure_once_and_a_layer_can_be_told_not_to() {
    let spans = Spans::new();
    let app = app()
        .layer(server(&spans))
        .layer(ServerLayer::new().telemetry(&spans.telemetry));
    call(&app, "/orders/7").await;
    assert_eq!(spans.meters.only(DURATION).count(), 1);

    let spans = Spans::new();
    let app = Router::new()
        .route("/", get(|| async {}))
        .layer(server(&spans).metrics(false));
    call(&app, "/").await;
    assert_eq!(spans.ended().len(), 1);
    assert_eq!(spans.meters.points(), []);
}

#[tokio::test]
async fn a_client_is_measured_with_its_host_and_its_sizes() {
    let spans = Spans::new();
    let client = ClientLayer::new()
        .telemetry(&spans.telemetry)
        .measure_active_requests(true)
        .measure_body_sizes(true)
        .url_template(|_| Some("/orders/{id}".into()))
        .layer(service_fn(async |_: Request<Body>| {
            Ok::<_, Infallible>(Response::new(Body::from("12345")))
        }));
    let request = Request::post("http://shop.example/orders/7")
        .header("content-length", "3")
        .body(Body::from("abc"))
        .unwrap();
    let response = client.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
    let point = spans.meters.only("http.client.request.duration");
    let wanted = [
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
        ("server.address", "shop.example"),
        ("server.port", "80"),
    ];
    assert_eq!(
        point.attributes(),
        wanted.map(|(key, value)| (key, value.to_owned()))
    );
    let size = spans.meters.only("http.client.request.body.size");
    assert_eq!((size.sum(), &*size.unit), (3.0, "By"));
    assert_eq!(size.text("url.template").as_deref(), Some("/orders/{id}"));
    let size = spans.meters.only("http.client.response.body.size");
    assert_eq!(size.sum(), 5.0);
    check_against(&spans.meters.points(), &spans.ended());
}

/// Series are found again by the little that tells requests of one route apart. Here they begin alike and end otherwise.
#[tokio::test]
async fn requests_that_begin_alike_are_told_apart_by_their_ends() {
    let spans = Spans::new();
    let app = Router::new()
        .route(
            "/orders/{id}",
            get(async |request: Request<Body>| match request.uri().path() {
                "/orders/late" => {
                    throughline::set_route(request.extensions(), "/late");
                    StatusCode::OK
                }
                "/orders/gold" => {
                    throughline::label("tier", "gold");
                    StatusCode::OK
                }
                "/orders/bad" => StatusCode::BAD_GATEWAY,
                "/orders/none" => StatusCode::NOT_FOUND,
                _ => StatusCode::OK,
            }),
        )
        .layer(ServerLayer::new().telemetry(&spans.telemetry));
    for _ in 0..3 {
        for path in ["plain", "late", "gold", "bad", "none", "plain"] {
            call(&app, &format!("/orders/{path}")).await;
        }
    }
    let mut seen: Vec<_> = spans.meters.of(DURATION).iter().map(brief).collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            "/late 200 3",
            "/orders/{id} 200 6",
            "/orders/{id} 200 gold 3",
            "/orders/{id} 404 3",
            "/orders/{id} 502 502 3",
        ]
    );
}

/// The route, status, error and label of a series, and how many it has.
fn brief(point: &Point) -> String {
    let texts = [
        "http.route",
        "http.response.status_code",
        "error.type",
        "tier",
    ];
    let mut words: Vec<_> = texts.iter().filter_map(|key| point.text(key)).collect();
    words.push(point.count().to_string());
    words.join(" ")
}

/// The same requests by layers that measure different things of them, on one pipeline.
#[tokio::test]
async fn a_client_has_a_template_in_its_durations_where_its_layer_says_so() {
    let spans = Spans::new();
    let layer = || {
        let layer = ClientLayer::new().telemetry(&spans.telemetry);
        layer.url_template(|_| Some("/orders/{id}".into()))
    };
    let layers = [
        layer(),
        layer().measure_url_template(true),
        layer().measure_body_sizes(true),
    ];
    for layer in layers.iter().cycle().take(9) {
        let client = layer.layer(service_fn(async |_: Request<Body>| {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        let request = Request::get("http://shop.example/orders/7");
        let request = request.body(Body::empty()).unwrap();
        client.oneshot(request).await.unwrap();
    }
    let points = spans.meters.of("http.client.request.duration");
    let mut seen: Vec<_> = points
        .iter()
        .map(|point| (point.text("url.template"), point.count()))
        .collect();
    seen.sort();
    assert_eq!(seen, [(None, 6), (Some("/orders/{id}".to_owned()), 3)]);
}

#[tokio::test]
async fn a_client_s_metrics_have_the_scheme_where_its_layer_says_so() {
    let spans = Spans::new();
    for measures in [true, false] {
        let layer = ClientLayer::new()
            .telemetry(&spans.telemetry)
            .measure_url_scheme(measures)
            .measure_active_requests(true)
            .measure_body_sizes(true);
        for scheme in ["http", "https", "gopher"] {
            let client = layer.layer(service_fn(async |_: Request<Body>| {
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }));
            let request = Request::get(format!("{scheme}://shop.example:70/"));
            let request = request.header("content-length", "0");
            client
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
        }
    }
    for metric in [
        "http.client.request.duration",
        "http.client.active_requests",
        "http.client.request.body.size",
        "http.client.response.body.size",
    ] {
        let points = spans.meters.of(metric);
        let mut schemes: Vec<_> = points
            .iter()
            .map(|point| point.text("url.scheme"))
            .collect();
        schemes.sort();
        let wanted = [None, Some("_OTHER"), Some("http"), Some("https")];
        assert_eq!(
            schemes,
            wanted.map(|scheme| scheme.map(str::to_owned)),
            "{metric}"
        );
    }
}

/// No pipeline of ours: OpenTelemetry's global providers, as they are at each request.
#[tokio::test]
async fn the_global_provider_is_looked_up_at_each_request() {
    let app = app().layer(ServerLayer::new());
    call(&app, "/orders/7").await;
    let meters = Meters::new();
    opentelemetry::global::set_meter_provider(meters.provider.clone());
    call(&app, "/orders/7").await;
    assert_eq!(meters.only(DURATION).count(), 1);
}
