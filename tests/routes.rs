//! The route of a request names its span, however late it is known.

mod common;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    response::Response,
    routing::get,
};
use bytes::Bytes;
use common::{
    Spans, assert_ending, assert_texts,
    net::{get as request, http1, listen, read, serve, serve_axum},
};
use http_body_util::Full;
use hyper::body::Incoming;
use opentelemetry_sdk::trace::SpanData;
use throughline::{
    ServerLayer,
    axum::{AxumBodyLayer, route_layer},
    set_route,
};
use tokio::sync::Notify;
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_http::normalize_path::NormalizePathLayer;

fn layer(spans: &Spans) -> ServerLayer {
    ServerLayer::new().telemetry(&spans.telemetry)
}

async fn call(app: &Router, uri: &str) {
    let request = Request::get(uri).body(Body::empty()).unwrap();
    read(app.clone().oneshot(request).await.unwrap()).await;
}

#[track_caller]
fn assert_route(span: &SpanData, method: &str, route: Option<&str>) {
    let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    assert_eq!(span.name, name);
    assert_texts(span, &[("http.route", route)]);
}

fn shop() -> Router {
    let items = Router::new()
        .route("/{item}", get(async || "item"))
        .route("/", get(async || "items"));
    Router::new()
        .route("/orders/{id}", get(async || "order"))
        .nest("/orders/{id}/items", items)
        .nest(
            "/v1",
            Router::new().nest("/api", Router::new().route("/x/{*rest}", get(async || "x"))),
        )
}

/// A path and the route it has in [`shop`].
const ROUTES: [(&str, Option<&str>); 5] = [
    ("/orders/7", Some("/orders/{id}")),
    ("/orders/7/items/9", Some("/orders/{id}/items/{item}")),
    ("/orders/7/items", Some("/orders/{id}/items")),
    ("/v1/api/x/y/z", Some("/v1/api/x/{*rest}")),
    ("/nowhere/7", None),
];

#[tokio::test]
async fn a_layer_in_the_router_sees_nested_routes() {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let app = shop().layer(layer(&spans));
        for (path, route) in ROUTES {
            spans.reset();
            call(&app, path).await;
            assert_route(&spans.only(), "GET", route);
        }
    }
}

#[tokio::test]
async fn a_layer_around_the_router_is_told_by_a_route_layer_or_by_a_layer_inside() {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let told: [Router; 3] = [
            shop().layer(route_layer()),
            shop().route_layer(route_layer()),
            shop().layer(layer(&spans)),
        ];
        for app in told {
            let app = Router::new().fallback_service(
                ServiceBuilder::new()
                    .layer(AxumBodyLayer)
                    .layer(layer(&spans))
                    .service(app),
            );
            for (path, route) in ROUTES {
                spans.reset();
                call(&app, path).await;
                assert_route(&spans.only(), "GET", route);
            }
        }
    }
}

#[tokio::test]
async fn around_a_path_normalizer_given_to_axum_serve() {
    let spans = Spans::new();
    let app = NormalizePathLayer::trim_trailing_slash().layer(shop().layer(route_layer()));
    let app = ServiceBuilder::new()
        .layer(AxumBodyLayer)
        .layer(layer(&spans))
        .service(app);
    let (listener, addr) = listen().await;
    tokio::spawn(async move {
        axum::serve(
            listener,
            axum::ServiceExt::<Request>::into_make_service(app),
        )
        .await
    });
    let response = http1().request(request(addr, "/orders/7/")).await.unwrap();
    assert_eq!(read(response).await, "order");
    let span = spans.wait_only().await;
    assert_route(&span, "GET", Some("/orders/{id}"));
    // What was asked for, not what it was made into.
    assert_texts(&span, &[("url.path", Some("/orders/7/"))]);
}

#[tokio::test]
async fn a_handler_names_the_route_and_wins() {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let handler = async |request: Request| {
            set_route(request.extensions(), "/stock/{sku}");
            set_route(request.extensions(), "/second");
        };
        let app = Router::new()
            .route("/{*all}", get(handler))
            .layer(layer(&spans));
        call(&app, "/stock/4711").await;
        assert_route(&spans.only(), "GET", Some("/stock/{sku}"));
    }
}

#[tokio::test]
async fn a_raw_service_names_the_route() {
    let spans = Spans::new();
    let service = ServiceBuilder::new().layer(layer(&spans)).service_fn(
        async |request: http::Request<Incoming>| {
            let sku = String::from("{sku}");
            set_route(request.extensions(), format!("/stock/{sku}"));
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("stock")))
        },
    );
    let server = serve(service).await;
    read(
        http1()
            .request(request(server.addr, "/stock/1"))
            .await
            .unwrap(),
    )
    .await;
    assert_route(&spans.wait_only().await, "GET", Some("/stock/{sku}"));

    // Without a layer outside it does nothing.
    set_route(&http::Extensions::new(), "/nobody");
}

#[tokio::test]
async fn a_route_is_kept_though_the_request_is_cancelled() {
    let spans = Spans::new();
    let named = Arc::new(Notify::new());
    let signal = Arc::clone(&named);
    let handler = move |request: Request| async move {
        set_route(request.extensions(), "/stock/{sku}");
        signal.notify_one();
        std::future::pending::<()>().await;
    };
    let app = Router::new().fallback(handler).layer(layer(&spans));
    let addr = serve_axum(app).await;
    let call = tokio::spawn(http1().request(request(addr, "/stock/1")));
    named.notified().await;
    call.abort();
    let span = spans.wait_only().await;
    assert_ending(&span, Some("cancelled"));
    assert_route(&span, "GET", Some("/stock/{sku}"));
}

#[tokio::test]
async fn an_empty_route_is_none() {
    let spans = Spans::new();
    let app = Router::new()
        .fallback(async |request: Request| set_route(request.extensions(), ""))
        .layer(layer(&spans));
    call(&app, "/").await;
    assert_route(&spans.only(), "GET", None);
}

#[tokio::test]
async fn a_second_layer_opens_no_second_span() {
    let spans = Spans::new();
    let inner = ServerLayer::new()
        .telemetry(&spans.telemetry)
        .on_request(|_, _| panic!("the inner layer has nothing to do"));
    let app = shop().layer(inner).layer(layer(&spans));
    call(&app, "/orders/7").await;
    assert_route(&spans.only(), "GET", Some("/orders/{id}"));
    assert_eq!(spans.started(), 1);
}

#[tokio::test]
async fn what_is_filtered_out_leaves_nothing() {
    let spans = Spans::new();
    let app = Router::new()
        .route(
            "/healthz",
            get(async || throughline::current_ids().is_none().to_string()),
        )
        .route("/orders", get(async || "orders"))
        .layer(
            layer(&spans)
                .filter(|head| head.uri().path() != "/healthz")
                .server_timing(true),
        );
    let addr = serve_axum(app).await;
    let response = http1().request(request(addr, "/healthz")).await.unwrap();
    assert_eq!(response.headers().get("server-timing"), None);
    assert_eq!(read(response).await, "true");
    assert_eq!(spans.started(), 0);
    read(http1().request(request(addr, "/orders")).await.unwrap()).await;
    spans.wait(1).await;
    assert_eq!(spans.started(), 1);
}

#[tokio::test]
async fn a_proxy_does_not_hand_on_whose_request_it_was() {
    let (front, back) = (Spans::new(), Spans::new());
    // A service inside the same process, behind a client layer: a request of its own.
    let inner = Router::new()
        .route("/inner/{id}", get(async || "inner"))
        .layer(layer(&back));
    let client = ServiceBuilder::new()
        .layer(throughline::ClientLayer::new().telemetry(&front.telemetry))
        .service(inner);
    let app = Router::new()
        .route(
            "/outer/{id}",
            get(move |mut request: Request| {
                // axum itself would go on with the route it has matched.
                request.extensions_mut().remove::<MatchedPath>();
                *request.uri_mut() = "http://inner.example/inner/7".parse().unwrap();
                let client = client.clone();
                async move { read(client.oneshot(request).await.unwrap()).await }
            }),
        )
        .layer(layer(&front));
    call(&app, "/outer/7").await;
    let ended = front.ended();
    assert_eq!(ended.len(), 2);
    let outer = common::named(&ended, "GET /outer/{id}");
    let sent = common::named(&ended, "GET");
    let received = back.only();
    assert!(common::is_child(sent, outer));
    assert!(common::is_child(&received, sent));
    assert_eq!(received.name, "GET /inner/{id}");
}
