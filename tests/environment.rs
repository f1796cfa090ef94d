//! What each variable of the environment does.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use opentelemetry_sdk::trace::InMemorySpanExporter;
use throughline::{ClientLayer, ServerLayer, Setup, otel::SetupExt};
use tower::{Layer, ServiceExt, service_fn};

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

#[tokio::test]
async fn each_variable_set_empty_and_wrong() {
    let wrong: &[(&str, &str, &str)] = &[
        (
            "OTEL_SDK_DISABLED",
            "yes",
            r#"OTEL_SDK_DISABLED="yes" is neither true nor false; taken as false"#,
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "a=b,c=%zz",
            r#"OTEL_RESOURCE_ATTRIBUTES="a=b,c=%zz" cannot be read: member 2 is wrongly percent-encoded; all of it is ignored"#,
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "a",
            r#"OTEL_RESOURCE_ATTRIBUTES="a" cannot be read: member 1 has no =; all of it is ignored"#,
        ),
        (
            "OTEL_TRACES_EXPORTER",
            "otlpp",
            r#"OTEL_TRACES_EXPORTER="otlpp" is no known exporter; otlp is used instead"#,
        ),
        (
            "OTEL_TRACES_EXPORTER",
            "logging,otlp",
            r#"OTEL_TRACES_EXPORTER="logging" is not supported; the others are used"#,
        ),
        (
            "OTEL_PROPAGATORS",
            "b4",
            r#"OTEL_PROPAGATORS="b4" is no known propagator; tracecontext,baggage is used instead"#,
        ),
        (
            "OTEL_PROPAGATORS",
            "tracecontext,w3c",
            r#"OTEL_PROPAGATORS="w3c" is no known propagator; the others are used"#,
        ),
        (
            "OTEL_PROPAGATORS",
            "none,baggage",
            r#"OTEL_PROPAGATORS="none,baggage" has none among others; none is ignored"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "10s",
            r#"OTEL_EXPORTER_OTLP_TIMEOUT="10s" is not a whole number of milliseconds; 10000 is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            "-1",
            r#"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="-1" is not a whole number of milliseconds; 10000 is used instead"#,
        ),
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "many",
            r#"OTEL_BSP_MAX_QUEUE_SIZE="many" is not a whole number above 0; 2048 is used instead"#,
        ),
        (
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            "-1",
            r#"OTEL_SPAN_LINK_COUNT_LIMIT="-1" is not a whole number; 128 is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_COMPRESSION",
            "brotli",
            r#"OTEL_EXPORTER_OTLP_COMPRESSION="brotli" is no known compression; none is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http",
            r#"OTEL_EXPORTER_OTLP_PROTOCOL="http" is no known protocol; http/protobuf is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "json",
            r#"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="json" is no known protocol; http/protobuf is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "localhost:4318",
            r#"OTEL_EXPORTER_OTLP_ENDPOINT="localhost:4318" does not begin with http:// or https://; http://localhost:4318 is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://u:hush@",
            r#"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://" is no URL; http://localhost:4318 is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "Bearer hush",
            "OTEL_EXPORTER_OTLP_HEADERS: member 1 has no =; it is ignored",
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "good=1,a b=hush",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS: member 2 has a key that no header can have; it is ignored",
        ),
        (
            "OTEL_TRACES_SAMPLER",
            "alwayson",
            r#"OTEL_TRACES_SAMPLER="alwayson" is no known sampler; parentbased_always_on is used instead"#,
        ),
        (
            "OTEL_TRACES_SAMPLER",
            "xray",
            r#"OTEL_TRACES_SAMPLER="xray" is not supported; parentbased_always_on is used instead"#,
        ),
        (
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
            "GET,P ST",
            r#"OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS="P ST" is no HTTP method; the others are known"#,
        ),
    ];
    for (name, value, warning) in wrong {
        let (wrong, warnings) = setup(&[(name, value)]);
        drop(wrong.build().unwrap());
        assert_eq!(warnings.all(), [*warning], "{name}={value}");
        let (empty, warnings) = setup(&[(name, " ")]);
        drop(empty.build().unwrap());
        assert_eq!(warnings.all(), [""; 0], "{name} empty");
    }
    for value in ["1.5", "-0.1", "NaN", "half"] {
        let (setup, warnings) = setup(&[
            ("OTEL_TRACES_SAMPLER", "TraceIdRatio"),
            ("OTEL_TRACES_SAMPLER_ARG", value),
        ]);
        drop(setup.build().unwrap());
        let want = format!(
            r#"OTEL_TRACES_SAMPLER_ARG="{value}" is not a number from 0 to 1; 1 is used instead"#
        );
        assert_eq!(warnings.all(), [want]);
    }
}

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
