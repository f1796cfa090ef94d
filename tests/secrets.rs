//! Nothing secret leaves by default: not one planted secret is in the bytes that would go to a collector.

mod common;

use std::{convert::Infallible, io};

use axum::{Router, body::Body, extract::Request, response::Response, routing::any};
use bytes::Bytes;
use common::{
    Spans,
    net::{http1, http2, serve_axum},
};
use futures_util::stream;
use http::{StatusCode, header};
use http_body_util::{BodyExt, Full};
use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{
        common::tonic::ResourceAttributesWithSchema,
        trace::tonic::group_spans_by_resource_and_scope,
    },
};
use prost::Message;
use throughline::{ClientLayer, ServerLayer};
use tower::{ServiceBuilder, ServiceExt};

/// What every planted secret begins with. Percent-encoding and base64 leave it as it is.
const SECRET: &str = "s3cr3t";

/// Secrets where they are usual, each with a word of its own so that a failure tells which it was.
const HEADERS: [(&str, &str); 9] = [
    ("authorization", "Bearer s3cr3t-authorization"),
    ("proxy-authorization", "Basic s3cr3t-proxy"),
    ("cookie", "session=s3cr3t-cookie"),
    ("x-api-key", "s3cr3t-api-key"),
    ("x-amz-security-token", "s3cr3t-amz"),
    ("referer", "https://a/?token=s3cr3t-referer"),
    ("x-forwarded-for", "s3cr3t-forwarded"),
    ("forwarded", "for=s3cr3t-forwarded;host=s3cr3t.example"),
    ("x-csrf-token", "s3cr3t-csrf"),
];

const QUERY: &str = "X-Amz-Signature=s3cr3t-1&X-Amz-Credential=s3cr3t-2&X-Amz-Security-Token=s3cr3t-3\
    &AWSAccessKeyId=s3cr3t-4&Signature=s3cr3t-5&sig=s3cr3t-6&X-Goog-Signature=s3cr3t-7&%73ig=s3cr3t-8\
    &sig=s3cr3t-9&sig=%73%33s3cr3t-10&plain=seen";

/// The bytes that OTLP would carry.
fn otlp(spans: &Spans) -> Vec<u8> {
    let resource_spans =
        group_spans_by_resource_and_scope(spans.ended(), &ResourceAttributesWithSchema::default());
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

#[track_caller]
fn assert_silent(spans: &Spans, what: &str) {
    let bytes = otlp(spans);
    let text = String::from_utf8_lossy(&bytes);
    assert!(
        text.contains("url.") && text.contains("GET"),
        "{what}: {text}"
    );
    if let Some(at) = text.find(SECRET) {
        let around: String = text[at..].chars().take(40).collect();
        panic!("{what}: {around:?} leaves in {:#?}", spans.ended());
    }
}

/// Answers with secrets in headers and body, in each way that an answer can end.
async fn answer(request: Request) -> Response {
    let mut response = Response::new(Body::from("s3cr3t-body"));
    let headers = response.headers_mut();
    headers.insert(
        header::SET_COOKIE,
        "session=s3cr3t-set-cookie".parse().unwrap(),
    );
    headers.insert(
        header::LOCATION,
        "https://a/?code=s3cr3t-location".parse().unwrap(),
    );
    match request.uri().path() {
        "/401" => *response.status_mut() = StatusCode::UNAUTHORIZED,
        "/500" => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        "/broken" => {
            let frames = [
                Ok(Bytes::from_static(b"s3cr3t-half")),
                Err(io::Error::from(io::ErrorKind::ConnectionReset)),
            ];
            *response.body_mut() = Body::from_stream(stream::iter(frames));
        }
        "/panic" => panic!("s3cr3t-panic"),
        _ => {}
    }
    response
}

#[tokio::test]
async fn no_planted_secret_is_exported_by_either_side() {
    let (server, client) = (Spans::new(), Spans::new());
    let app = Router::new()
        .route("/{*all}", any(answer))
        .layer(ServerLayer::new().telemetry(&server.telemetry));
    let addr = serve_axum(app).await;
    let mut count = 0;
    for path in ["/ok", "/401", "/500", "/broken", "/panic"] {
        for inner in [http1(), http2()] {
            client.reset();
            server.reset();
            count += 1;
            let uri = format!("http://s3cr3t-user:s3cr3t-pass@{addr}{path}?{QUERY}");
            let mut request = http::Request::get(uri);
            for (name, value) in HEADERS {
                request = request.header(name, value);
            }
            let request = request.body(Full::<Bytes>::default()).unwrap();
            let layered = ServiceBuilder::new()
                .layer(ClientLayer::new().telemetry(&client.telemetry))
                .service(inner);
            if let Ok(response) = layered.oneshot(request).await {
                let _read = response.into_body().collect().await;
            }
            server.wait(count).await;
            let (of_server, of_client) = (server.ended(), client.ended());
            let counts = (of_server.len(), of_client.len());
            assert_eq!(counts, (1, 1), "{path}: {of_server:#?}");
            assert_silent(&server, path);
            assert_silent(&client, path);
            // What is no secret is there.
            assert!(String::from_utf8_lossy(&otlp(&server)).contains("plain=seen"));
            assert!(String::from_utf8_lossy(&otlp(&client)).contains("plain=seen"));
        }
    }
}

#[tokio::test]
async fn no_planted_secret_is_exported_where_nobody_answers() {
    let spans = Spans::of_stranger();
    let addr = common::vacant::address();
    let client = ServiceBuilder::new()
        .layer(ClientLayer::new().telemetry(&spans.telemetry))
        .service(http1());
    let request = http::Request::get(format!("http://s3cr3t-user:s3cr3t-pass@{addr}/?{QUERY}"))
        .header("authorization", "s3cr3t")
        .body(Full::<Bytes>::default())
        .unwrap();
    assert!(client.oneshot(request).await.is_err());
    assert_silent(&spans, "refused");
}

#[tokio::test]
async fn a_long_query_hides_no_secret_behind_its_cut() {
    for length in [4_000, 4_080, 4_090, 4_096, 65_000] {
        let spans = Spans::new();
        let uri = format!("http://u:s3cr3t@a/?pad={}&sig=s3cr3t", "x".repeat(length));
        let service = || {
            tower::service_fn(async |_: http::Request<()>| {
                Ok::<_, Infallible>(http::Response::new(String::new()))
            })
        };
        let request = || {
            let uri = if uri.len() < 65_534 {
                &uri
            } else {
                "http://a/?sig=s3cr3t"
            };
            http::Request::get(uri).body(()).unwrap()
        };
        let client = ClientLayer::new().telemetry(&spans.telemetry);
        let server = ServerLayer::new().telemetry(&spans.telemetry);
        drop(
            ServiceBuilder::new()
                .layer(client)
                .service(service())
                .oneshot(request())
                .await,
        );
        drop(
            ServiceBuilder::new()
                .layer(server)
                .service(service())
                .oneshot(request())
                .await,
        );
        assert_silent(&spans, &length.to_string());
    }
}

#[tokio::test]
async fn an_error_that_quotes_a_url_is_cut_short() {
    let texts = [
        "error sending request for url (http://u:s3cr3t@a.example/x?sig=s3cr3t)",
        "error sending request for url (http://s3cr3t@a.example/x#s3cr3t): refused",
        "GET https://a.example?sig=s3cr3t failed; tried \"https://u:s3cr3t)'@b.example/\" too",
    ];
    for text in texts {
        let spans = Spans::new();
        let failing = || {
            tower::service_fn(move |_: http::Request<()>| async move {
                let error = io::Error::new(io::ErrorKind::TimedOut, text);
                Err::<http::Response<String>, axum::BoxError>(error.into())
            })
        };
        let request = || http::Request::get("http://a/").body(()).unwrap();
        let client = ClientLayer::new().telemetry(&spans.telemetry);
        let server = ServerLayer::new().telemetry(&spans.telemetry);
        for error in [
            ServiceBuilder::new()
                .layer(client)
                .service(failing())
                .oneshot(request())
                .await
                .err(),
            ServiceBuilder::new()
                .layer(server)
                .service(failing())
                .oneshot(request())
                .await
                .err(),
        ] {
            assert_eq!(error.unwrap().to_string(), text, "the caller gets it all");
        }
        assert_silent(&spans, text);
        // The rest of it is worth having.
        assert!(String::from_utf8_lossy(&otlp(&spans)).contains("a.example"));
    }
}
