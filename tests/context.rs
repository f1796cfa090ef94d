//! What a handler makes is the request's child, wherever its code runs.

mod common;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Path, routing::get};
use bytes::Bytes;
use common::{
    Spans, is_child, named,
    net::{get as request, http1, read, serve_axum},
};
use futures_util::{StreamExt, stream};
use http::Request;
use opentelemetry::{
    Context,
    trace::{Span as _, TraceContextExt, Tracer as _, TracerProvider as _},
};
use throughline::{ServerLayer, carry, current_ids};
use tokio::{sync::Barrier, task::yield_now};
use tower::{Service, ServiceBuilder, ServiceExt};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

/// A `tracing` subscriber for this thread, whose spans go where the layers' do.
fn subscribe(spans: &Spans) -> tracing::subscriber::DefaultGuard {
    let tracer = spans.provider().tracer("app");
    let subscriber =
        tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer));
    tracing::subscriber::set_default(subscriber)
}

fn layer(spans: &Spans) -> ServerLayer {
    ServerLayer::new().telemetry(&spans.telemetry)
}

fn start(spans: &Spans, name: &'static str) -> opentelemetry_sdk::trace::Span {
    spans.provider().tracer("app").start(name)
}

#[tokio::test]
async fn spans_of_tracing_and_of_opentelemetry_are_children_across_awaits() {
    let spans = Arc::new(Spans::new());
    let _subscriber = subscribe(&spans);
    let own = Arc::clone(&spans);
    let handler = move || async move {
        start(&own, "before").end();
        async {
            yield_now().await;
            start(&own, "inside").end();
        }
        .instrument(tracing::info_span!("instrumented"))
        .await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        tracing::info_span!("after").in_scope(|| ());
        start(&own, "last").end();
        "done"
    };
    let app = Router::new().route("/", get(handler)).layer(layer(&spans));
    let addr = serve_axum(app).await;
    read(http1().request(request(addr, "/")).await.unwrap()).await;

    let ended = spans.wait(6).await;
    let server = named(&ended, "GET /");
    for name in ["before", "instrumented", "after", "last"] {
        assert!(is_child(named(&ended, name), server), "{name}: {ended:#?}");
    }
    assert!(is_child(
        named(&ended, "inside"),
        named(&ended, "instrumented")
    ));
}

#[tokio::test]
async fn spans_of_a_streamed_body_are_children() {
    let spans = Arc::new(Spans::new());
    let _subscriber = subscribe(&spans);
    let own = Arc::clone(&spans);
    let handler = move || async move {
        let parts = stream::iter(["one", "two"]).then(move |part| {
            let own = Arc::clone(&own);
            async move {
                yield_now().await;
                start(&own, part).end();
                tracing::info_span!("traced").in_scope(|| ());
                Ok::<_, Infallible>(Bytes::from_static(b"part"))
            }
        });
        Body::from_stream(parts)
    };
    let app = Router::new().route("/", get(handler)).layer(layer(&spans));
    let addr = serve_axum(app).await;
    read(http1().request(request(addr, "/")).await.unwrap()).await;

    let ended = spans.wait(5).await;
    let server = named(&ended, "GET /");
    let children = ended.iter().filter(|span| is_child(span, server));
    assert_eq!(children.count(), 4, "{ended:#?}");
}

#[tokio::test]
async fn a_task_has_the_request_s_context_only_if_it_is_carried() {
    let spans = Arc::new(Spans::new());
    let own = Arc::clone(&spans);
    let handler = move || async move {
        let (carried, lost) = (Arc::clone(&own), Arc::clone(&own));
        let carried = tokio::spawn(carry(async move {
            yield_now().await;
            start(&carried, "carried").end();
        }));
        let lost = tokio::spawn(async move { start(&lost, "lost").end() });
        carried.await.unwrap();
        lost.await.unwrap();
    };
    let app = Router::new().route("/", get(handler)).layer(layer(&spans));
    let addr = serve_axum(app).await;
    read(http1().request(request(addr, "/")).await.unwrap()).await;

    let ended = spans.wait(3).await;
    let server = named(&ended, "GET /");
    assert!(is_child(named(&ended, "carried"), server));
    let lost = named(&ended, "lost");
    assert_ne!(lost.span_context.trace_id(), server.span_context.trace_id());
}

#[tokio::test]
async fn a_handler_knows_the_ids_and_so_does_the_caller_that_is_told() {
    let spans = Spans::new();
    assert!(current_ids().is_none());
    let app = Router::new()
        .route("/", get(async || current_ids().unwrap().to_string()))
        .layer(layer(&spans).server_timing(true));
    let addr = serve_axum(app).await;
    let response = http1().request(request(addr, "/")).await.unwrap();
    let timing = response.headers()["server-timing"]
        .to_str()
        .unwrap()
        .to_owned();
    let seen = read(response).await;
    let span = spans.wait_only().await;
    let want = format!(
        "00-{}-{}-03",
        span.span_context.trace_id(),
        span.span_context.span_id()
    );
    assert_eq!(seen, want);
    assert_eq!(timing, format!("trace;desc={want}"));
    assert!(current_ids().is_none());
}

#[tokio::test]
async fn server_timing_comes_besides_the_service_s_own() {
    let spans = Spans::new();
    let app = Router::new()
        .route("/", get(async || [("server-timing", "db;dur=53")]))
        .layer(layer(&spans).server_timing(true));
    let response = app
        .oneshot(Request::get("/").body(Body::empty()).unwrap())
        .await
        .unwrap();
    let lines: Vec<_> = response.headers().get_all("server-timing").iter().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0], "db;dur=53");
}

#[tokio::test]
async fn requests_that_take_turns_on_one_thread_do_not_mix() {
    const REQUESTS: usize = 8;
    const TURNS: usize = 5;
    let spans = Arc::new(Spans::new());
    let _subscriber = subscribe(&spans);
    let barrier = Arc::new(Barrier::new(REQUESTS));
    let own = Arc::clone(&spans);
    let handler = move |Path(id): Path<String>| async move {
        for _ in 0..TURNS {
            // Every request has been polled between two turns of this one.
            barrier.wait().await;
            let mut span = start(&own, "turn");
            span.set_attribute(opentelemetry::KeyValue::new("id", id.clone()));
            tracing::info_span!("traced", id = id.as_str()).in_scope(|| ());
        }
    };
    let app = Router::new()
        .route("/{id}", get(handler))
        .layer(layer(&spans));
    let addr = serve_axum(app).await;
    let client = http1();
    let calls = (0..REQUESTS).map(|id| client.request(request(addr, &format!("/{id}"))));
    for response in futures_util::future::join_all(calls).await {
        read(response.unwrap()).await;
    }

    let ended = spans.wait(REQUESTS * (1 + 2 * TURNS)).await;
    let servers: Vec<_> = ended
        .iter()
        .filter(|span| span.name == "GET /{id}")
        .collect();
    assert_eq!(servers.len(), REQUESTS);
    for server in servers {
        let path = common::text(server, "url.path").unwrap();
        let children: Vec<_> = ended.iter().filter(|span| is_child(span, server)).collect();
        assert_eq!(children.len(), 2 * TURNS);
        for child in children {
            assert_eq!(format!("/{}", common::text(child, "id").unwrap()), path);
        }
    }
}

#[tokio::test]
async fn nothing_is_left_on_the_thread_between_polls() {
    let spans = Spans::new();
    let mut service =
        ServiceBuilder::new()
            .layer(layer(&spans))
            .service_fn(async |_: Request<()>| {
                yield_now().await;
                Ok::<_, Infallible>(http::Response::new(String::new()))
            });
    let mut future = Box::pin(service.call(Request::new(())));
    assert!(current_ids().is_none());
    assert!(futures_util::poll!(&mut future).is_pending());
    assert!(current_ids().is_none());
    let _response = future.await.unwrap();
    assert!(current_ids().is_none());
}

#[tokio::test]
async fn what_a_caller_has_current_is_the_parent_of_a_request_without_one() {
    let spans = Spans::new();
    let outer = Context::current_with_span(start(&spans, "accept"));
    let mut service = ServiceBuilder::new()
        .layer(layer(&spans))
        .service_fn(async |_: Request<()>| Ok::<_, Infallible>(http::Response::new(String::new())));
    let response = {
        let _entered = outer.clone().attach();
        service.call(Request::new(()))
    }
    .await;
    drop(response);
    outer.span().end();
    let ended = spans.ended();
    assert!(is_child(named(&ended, "GET"), named(&ended, "accept")));
}
