//! From the environment to a collector and to the end, without globals.

mod collector;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Body, routing::get};
use collector::{Answer, Collector, PATIENCE, nobody};
use http::{Request, StatusCode};
use throughline::{ServerLayer, Setup, Telemetry};
use tower::ServiceExt;

type Vars<'a> = &'a [(&'a str, &'a str)];

/// What was warned of.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A setup that sees these variables and no others.
fn setup(vars: Vars<'_>) -> (Setup, Warnings) {
    let vars: HashMap<String, String> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let warnings = Warnings::default();
    let kept = warnings.clone();
    let setup = Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(move |text| kept.0.lock().unwrap().push(text.to_owned()));
    (setup, warnings)
}

/// Serves one request, whose span is called `GET /{path}`.
async fn serve(telemetry: &Telemetry, path: &str) {
    let app = Router::new()
        .route(path, get(|| async { "" }))
        .layer(ServerLayer::new().telemetry(telemetry));
    let request = Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn shutdown_delivers_with_resource_and_scope() {
    let collector = Collector::start();
    let (setup, warnings) = setup(&[
        ("OTEL_SERVICE_NAME", "shop"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=wrong,deployment.environment.name=a%20b",
        ),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "x-key=s%20t,authorization=Bearer t",
        ),
    ]);
    let telemetry = setup
        .endpoint(collector.url())
        .resource_attribute("service.version", "1.2")
        .build()
        .unwrap();
    serve(&telemetry, "/a").await;
    serve(&telemetry, "/b").await;
    telemetry.shutdown().await.unwrap();

    assert_eq!(collector.names(), ["GET /a", "GET /b"]);
    let calls = collector.calls();
    let call = &calls[0];
    assert_eq!(call.path, "/v1/traces");
    assert_eq!(call.headers["content-type"], "application/x-protobuf");
    assert_eq!(call.headers["x-key"], "s t");
    assert_eq!(call.headers["authorization"], "Bearer t");
    for (key, want) in [
        ("service.name", "shop"),
        ("service.version", "1.2"),
        ("deployment.environment.name", "a b"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.name", "opentelemetry"),
    ] {
        assert_eq!(call.resource(key).as_deref(), Some(want), "{key}");
    }
    assert!(call.resource("service.instance.id").is_some());
    let scope = call.spans[0].scope_spans[0].scope.as_ref().unwrap();
    assert_eq!(scope.name, "throughline");
    assert_eq!(scope.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(
        call.spans[0].scope_spans[0].schema_url,
        "https://opentelemetry.io/schemas/1.45.0"
    );
    assert_eq!(warnings.all(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_delivers_in_a_runtime() {
    let collector = Collector::start();
    let telemetry = setup(&[]).0.endpoint(collector.url()).build().unwrap();
    serve(&telemetry, "/a").await;
    drop(telemetry);
    assert_eq!(collector.names(), ["GET /a"]);
}

#[test]
fn everything_works_without_a_runtime() {
    let collector = Collector::start();
    let telemetry = setup(&[]).0.endpoint(collector.url()).build().unwrap();
    // Tower's services need no runtime either.
    futures_util::FutureExt::now_or_never(serve(&telemetry, "/a")).unwrap();
    tokio_test_block_on(telemetry.flush()).unwrap();
    assert_eq!(collector.names(), ["GET /a"]);
    futures_util::FutureExt::now_or_never(serve(&telemetry, "/b")).unwrap();
    tokio_test_block_on(telemetry.shutdown()).unwrap();
    assert_eq!(collector.names(), ["GET /a", "GET /b"]);
}

/// Polls without any runtime.
fn tokio_test_block_on<F: Future>(future: F) -> F::Output {
    use std::task::{Context, Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[tokio::test]
async fn a_collector_that_refuses_is_told_of_once() {
    let (setup, warnings) = setup(&[]);
    let url = nobody();
    let telemetry = setup.endpoint(url.clone()).build().unwrap();
    serve(&telemetry, "/a").await;
    let error = telemetry.flush().await.unwrap_err();
    assert_eq!(error.spans_lost(), 1);
    serve(&telemetry, "/b").await;
    serve(&telemetry, "/c").await;
    let error = telemetry.shutdown().await.unwrap_err();
    assert_eq!(error.spans_lost(), 3);
    assert!(!error.is_timeout());
    assert!(
        error
            .to_string()
            .starts_with("3 spans were not delivered: Connection refused"),
        "{error}"
    );
    let warnings = warnings.all();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with(&format!(
            "spans do not reach {url}/v1/traces: Connection refused"
        )),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_collector_that_hangs_holds_nobody_up() {
    let collector = Collector::answering(Answer::Never);
    let (setup, _) = setup(&[]);
    let telemetry = setup
        .endpoint(collector.url())
        .shutdown_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    serve(&telemetry, "/a").await;
    let begun = Instant::now();
    let error = telemetry.shutdown().await.unwrap_err();
    // The exporter itself would wait for 10 s.
    assert!(begun.elapsed() < Duration::from_secs(8));
    assert!(error.is_timeout());
    assert_eq!(error.spans_lost(), 1);
    assert_eq!(collector.wait_for_calls(1).len(), 1);
    assert!(begun.elapsed() < PATIENCE);
}
