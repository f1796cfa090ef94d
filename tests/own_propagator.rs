//! `init()` beside a global propagator that the user has set. One test, for there is one set of globals in a process.

use std::convert::Infallible;

use http::{HeaderMap, Request, Response};
use http_body_util::Empty;
use opentelemetry::global;
use throughline::{
    ClientLayer, Context, Setup,
    otel::{GrpcTraceBinPropagator, TraceContextPropagator},
};
use tower::{Layer, ServiceExt, service_fn};

/// The headers that a request goes out with.
async fn sent() -> HeaderMap {
    let (send, receive) = std::sync::mpsc::channel();
    let server = service_fn(move |request: Request<Empty<&'static [u8]>>| {
        send.send(request.headers().clone()).unwrap();
        async { Ok::<_, Infallible>(Response::new(Empty::<&[u8]>::new())) }
    });
    let request = Request::get("http://orders.example/")
        .body(Empty::new())
        .unwrap();
    ClientLayer::new()
        .layer(server)
        .oneshot(request)
        .await
        .unwrap();
    receive.recv().unwrap()
}

#[tokio::test]
async fn a_propagator_that_was_set_by_hand_stays() {
    global::set_text_map_propagator(GrpcTraceBinPropagator::new());
    let none = |name: &str| (name == "OTEL_TRACES_EXPORTER").then(|| "none".to_owned());
    let telemetry = Setup::new().lookup(none).init().unwrap();
    let headers = sent().await;
    assert!(headers.contains_key("grpc-trace-bin"), "{headers:?}");
    assert!(!headers.contains_key("traceparent"), "{headers:?}");
    // And what a handler carries by hand goes the same way, there and back.
    let sender = Context::extract(&headers);
    let names: Vec<_> = sender.inject().map(|(name, _)| name).collect();
    assert_eq!(names, ["grpc-trace-bin"]);
    assert!(sender.ids().is_some());

    // It is looked up at each request.
    global::set_text_map_propagator(TraceContextPropagator::new());
    let headers = sent().await;
    assert!(headers.contains_key("traceparent"), "{headers:?}");
    drop(telemetry);
}
