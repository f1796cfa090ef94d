//! Headers that the environment lists, as the layers record them.

use std::convert::Infallible;

use http::{Request, Response};
use opentelemetry_sdk::trace::InMemorySpanExporter;
use throughline::{ClientLayer, ServerLayer, otel::SetupExt};
use tower::{Layer, ServiceExt, service_fn};

use crate::{Vars, setup};

/// What both sides record of headers, by these variables and what the layers list themselves.
async fn recorded(vars: Vars<'_>, layers: (ServerLayer, ClientLayer)) -> Vec<String> {
    let exporter = InMemorySpanExporter::default();
    let vars: Vec<_> = [("OTEL_METRICS_EXPORTER", "none")]
        .iter()
        .chain(vars)
        .copied()
        .collect();
    let telemetry = setup(&vars).0.exporter(exporter.clone()).build().unwrap();
    let client = layers
        .1
        .telemetry(&telemetry)
        .layer(service_fn(async |_: Request<String>| {
            Ok::<_, Infallible>(
                Response::builder()
                    .header("b", "of the callee")
                    .body(String::new())
                    .unwrap(),
            )
        }));
    let server = layers
        .0
        .telemetry(&telemetry)
        .layer(service_fn(async |_: Request<String>| {
            let request = Request::get("http://within.example/").header("a", "of the call");
            client
                .clone()
                .oneshot(request.body(String::new()).unwrap())
                .await
        }));
    let request = Request::get("/")
        .header("a", "of the caller")
        .body(String::new());
    drop(server.oneshot(request.unwrap()).await.unwrap());
    telemetry.flush().await.unwrap();
    let mut recorded: Vec<_> = exporter
        .get_finished_spans()
        .unwrap()
        .iter()
        .flat_map(|span| {
            let listed = span
                .attributes
                .iter()
                .filter(|attribute| attribute.key.as_str().contains(".header."));
            listed.map(|attribute| {
                format!("{:?} {}={}", span.span_kind, attribute.key, attribute.value)
            })
        })
        .collect();
    recorded.sort();
    recorded
}

#[tokio::test]
async fn headers_that_are_listed_are_recorded() {
    const SERVER_REQUEST: &str = "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS";
    const SERVER_RESPONSE: &str = "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS";
    const CLIENT_REQUEST: &str = "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS";
    const CLIENT_RESPONSE: &str = "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS";
    let none = || (ServerLayer::new(), ClientLayer::new());
    for (name, want) in [
        (
            SERVER_REQUEST,
            r#"Server http.request.header.a=["of the caller"]"#,
        ),
        (
            SERVER_RESPONSE,
            r#"Server http.response.header.b=["of the callee"]"#,
        ),
        (
            CLIENT_REQUEST,
            r#"Client http.request.header.a=["of the call"]"#,
        ),
        (
            CLIENT_RESPONSE,
            r#"Client http.response.header.b=["of the callee"]"#,
        ),
    ] {
        assert_eq!(recorded(&[(name, "A, b")], none()).await, [want], "{name}");
    }
    assert!(recorded(&[], none()).await.is_empty());
    // What a layer lists stands instead.
    let own = (
        ServerLayer::new().record_request_headers(["other"]),
        ClientLayer::new().record_response_headers(["other"]),
    );
    let vars = [(SERVER_REQUEST, "a"), (CLIENT_RESPONSE, "b")];
    assert!(recorded(&vars, own).await.is_empty());
}
