//! OpenTelemetry's globals, which belong to the process: one test, in the order of a program's life.

mod common;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use common::{Spans, mine::Mine};
use http::{HeaderMap, HeaderValue, Request, Response};
use opentelemetry::global;
use throughline::{ClientLayer, ServerLayer};
use tower::{Layer, ServiceExt, service_fn};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// One request with these headers through both layers; gives back what goes out.
async fn send(
    layers: &(ServerLayer, ClientLayer),
    headers: &[(&'static str, &'static str)],
) -> HeaderMap {
    let sent = Arc::new(Mutex::new(HeaderMap::new()));
    let keep = Arc::clone(&sent);
    let client = layers.1.layer(service_fn(move |request: Request<String>| {
        *keep.lock().unwrap() = request.headers().clone();
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    }));
    let server = layers.0.layer(service_fn(async |_: Request<String>| {
        let request = Request::get("http://a.example/").body(String::new());
        client.clone().oneshot(request.unwrap()).await
    }));
    let mut request = Request::new(String::new());
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(*name, HeaderValue::from_static(value));
    }
    drop(server.oneshot(request).await.unwrap());
    sent.lock().unwrap().clone()
}

#[tokio::test]
async fn layers_follow_the_globals_as_they_come() {
    // Built before anything is installed.
    let layers = (ServerLayer::new(), ClientLayer::new());

    // No provider at all: the caller's trace passes through, with its state and baggage, and nobody invents one.
    let sent = send(
        &layers,
        &[
            ("traceparent", PARENT),
            ("tracestate", "a@b@c=1"),
            ("baggage", "user=alice"),
        ],
    )
    .await;
    assert_eq!(sent["traceparent"], PARENT);
    assert_eq!(sent["tracestate"], "a@b@c=1");
    assert_eq!(sent["baggage"], "user=alice");
    let sent = send(&layers, &[]).await;
    assert!(sent.is_empty(), "{sent:?}");
    // Nor is a caller told of a trace that there is not.
    let timed = ServerLayer::new().server_timing(true);
    let service = timed.layer(service_fn(async |_: Request<String>| {
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    let response = service.oneshot(Request::new(String::new())).await.unwrap();
    assert!(response.headers().is_empty(), "{response:?}");

    // A provider, and still W3C while nobody has named another format.
    let foreign = Spans::of_stranger();
    global::set_tracer_provider(foreign.provider().clone());
    let sent = send(&layers, &[("traceparent", PARENT)]).await;
    let ended = foreign.ended();
    assert_eq!(ended.len(), 2);
    assert_eq!(&sent["traceparent"].to_str().unwrap()[3..35], TRACE);
    assert_ne!(sent["traceparent"], PARENT);

    // The user's own format is used instead, both ways.
    global::set_text_map_propagator(Mine::default());
    foreign.reset();
    let sent = send(
        &layers,
        &[
            (
                "x-mine",
                "0af7651916cd43dd8448eb211c80319c/b7ad6b7169203331",
            ),
            (
                "traceparent",
                "00-11111111111111111111111111111111-1111111111111111-01",
            ),
        ],
    )
    .await;
    assert!(!sent.contains_key("traceparent"));
    let client = &foreign.ended()[0];
    assert_eq!(
        sent["x-mine"],
        format!("{TRACE}/{}", client.span_context.span_id())
    );

    // A pipeline that is installed wins over the globals, and W3C is its format.
    let installed = Spans::new();
    installed.telemetry.install();
    foreign.reset();
    let sent = send(&layers, &[("traceparent", PARENT)]).await;
    assert_eq!(&sent["traceparent"].to_str().unwrap()[3..35], TRACE);
    assert!(!sent.contains_key("x-mine"));
    assert_eq!((installed.ended().len(), foreign.ended().len()), (2, 0));

    // A pipeline that a layer is given wins over both.
    let given = Spans::new();
    let own = (
        ServerLayer::new().telemetry(&given.telemetry),
        ClientLayer::new().telemetry(&given.telemetry),
    );
    send(&own, &[]).await;
    assert_eq!((installed.ended().len(), given.ended().len()), (2, 2));
}
