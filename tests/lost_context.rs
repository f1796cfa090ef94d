//! A call that lost its request's context is told of, to whom asks for it.

mod common;

use std::sync::{Arc, Mutex};

use axum::{Router, extract::Path, routing::get};
use common::{
    Spans, attribute,
    net::{Never, Plain, get as request, http1, read, serve_axum},
};
use http::{Request, Response};
use opentelemetry_sdk::trace::{Sampler, SpanData};
use throughline::{
    ClientLayer, ClientService, Context, ServerLayer, Setup, Telemetry, otel::Pipeline, spawn,
};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

type Told = Arc<Mutex<Vec<String>>>;

/// A pipeline that looks out, and what it told.
fn watching(spans: &Spans) -> (Telemetry, Told) {
    let told = Told::default();
    let sink = Arc::clone(&told);
    let pipeline = Pipeline::of(spans.provider()).sampler_follows_parent();
    let telemetry = pipeline
        .on_lost_context(move |text| sink.lock().unwrap().push(text.to_owned()))
        .build();
    (telemetry, told)
}

fn client(telemetry: &Telemetry) -> ClientService<Plain> {
    let layer = ClientLayer::new().telemetry(telemetry);
    ServiceBuilder::new().layer(layer).service(http1())
}

/// A server whose handlers call another one, each in a way of its own.
async fn caller(telemetry: &Telemetry, callee: std::net::SocketAddr) -> std::net::SocketAddr {
    let client = client(telemetry);
    let handler = move |Path(way): Path<String>| async move {
        let call = async move {
            let response = client.oneshot(request(callee, "/")).await.unwrap();
            read(response).await;
        };
        match &*way {
            "lost" => tokio::spawn(call).await.unwrap(),
            "carried" => spawn(call).await.unwrap(),
            "root" => tokio::spawn(Context::root().carry(call)).await.unwrap(),
            _ => call.await,
        }
    };
    let app = Router::new()
        .route("/{way}", get(handler))
        .layer(ServerLayer::new().telemetry(telemetry));
    serve_axum(app).await
}

fn is_marked(span: &SpanData) -> bool {
    attribute(span, "throughline.context_lost") == Some(true.into())
}

#[tokio::test]
async fn a_call_of_a_bare_task_is_told_once_a_host_and_always_marked() {
    let spans = Spans::new();
    let (telemetry, told) = watching(&spans);
    let callee = serve_axum(Router::new().route("/", get(async || "ok"))).await;
    // While nothing is served, a call without a parent is a call as any other.
    read(
        client(&telemetry)
            .oneshot(request(callee, "/"))
            .await
            .unwrap(),
    )
    .await;
    assert!(!is_marked(&spans.wait_only().await));

    let caller = caller(&telemetry, callee).await;
    for (way, is_lost) in [
        ("direct", false),
        ("carried", false),
        ("root", false),
        ("lost", true),
        ("lost", true),
    ] {
        let before = spans.ended_count();
        read(
            http1()
                .request(request(caller, &format!("/{way}")))
                .await
                .unwrap(),
        )
        .await;
        let ended = spans.wait(before + 2).await;
        let marked: Vec<_> = ended[before..].iter().map(is_marked).collect();
        assert_eq!(marked.contains(&true), is_lost, "{way}: {ended:#?}");
    }
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 1, "{told:#?}");
    let text = format!("context lost here: a call to {callee} began");
    assert!(told[0].starts_with(&text), "{told:#?}");
}

#[tokio::test]
async fn requests_that_are_not_sampled_are_requests_too() {
    let spans = Spans::sampled(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)));
    let (telemetry, told) = watching(&spans);
    let callee = serve_axum(Router::new().route("/", get(async || "ok"))).await;
    let caller = caller(&telemetry, callee).await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    for way in ["/carried", "/direct", "/root", "/lost"] {
        assert!(told.lock().unwrap().is_empty(), "before {way}");
        let mut request = request(caller, way);
        let headers = request.headers_mut();
        headers.insert("traceparent", traceparent.parse().unwrap());
        read(http1().request(request).await.unwrap()).await;
    }
    assert_eq!(told.lock().unwrap().len(), 1);
}

/// A server that calls out of a thread, by a client that answers itself.
async fn served_by(telemetry: &Telemetry, uri: &'static str) {
    let callee = service_fn(async |_: Request<String>| Ok::<_, Never>(Response::new(Vec::new())));
    let callee = callee.map_response(|response: Response<Vec<u8>>| {
        response.map(|_| http_body_util::Empty::<bytes::Bytes>::new())
    });
    let mut client = ServiceBuilder::new()
        .layer(ClientLayer::new().telemetry(telemetry))
        .service(callee);
    let mut server = ServiceBuilder::new()
        .layer(ServerLayer::new().telemetry(telemetry))
        .service_fn(move |_: Request<()>| {
            let call = client.call(Request::get(uri).body(String::new()).unwrap());
            drop(call);
            // The context is that of the request; elsewhere it is not.
            let lost = opentelemetry::Context::new().attach();
            let call = client.call(Request::get(uri).body(String::new()).unwrap());
            drop(lost);
            async { Ok::<_, Never>(Response::new(call.await.unwrap().into_body())) }
        });
    server.call(Request::new(())).await.unwrap();
}

#[tokio::test]
async fn set_up_warns_if_it_is_asked_to_and_keeps_secrets() {
    for asked in [false, true] {
        let told = Told::default();
        let sink = Arc::clone(&told);
        let telemetry = Setup::new()
            .lookup(|name| (name == "OTEL_TRACES_EXPORTER").then(|| "none".to_owned()))
            .on_warning(move |text| sink.lock().unwrap().push(text.to_owned()))
            .warn_lost_context(asked)
            .build()
            .unwrap();
        served_by(&telemetry, "http://ann:pass@stock:8080/items?sig=abc").await;
        served_by(&telemetry, "/items").await;
        let told = told.lock().unwrap();
        let hosts = ["a call to stock:8080 began", "its URI does not name began"];
        assert_eq!(told.len(), if asked { hosts.len() } else { 0 }, "{told:#?}");
        for (text, host) in told.iter().zip(hosts) {
            // A backtrace may follow.
            let text = text.lines().next().unwrap();
            assert!(text.contains(host), "{text}");
            for secret in ["ann", "pass", "sig", "items"] {
                assert!(
                    !text.split_whitespace().any(|word| word.contains(secret)),
                    "{text}"
                );
            }
        }
    }
}
