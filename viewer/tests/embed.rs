//! The viewer as an exporter of the service that embeds it.

mod common;

use std::net::SocketAddr;

use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    trace::v1::ScopeSpans,
};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use throughline_viewer::{Options, Place, Store, StoreError, Viewer};

#[tokio::test]
async fn spans_of_the_same_process_need_no_network() {
    let mut options = Options::default();
    options.page = SocketAddr::from(([127, 0, 0, 1], 0));
    options.grpc = None;
    options.http = None;
    let viewer = Viewer::start(&options).await.unwrap();
    let page = format!("http://{}", viewer.page_addr().unwrap());
    let exporter = viewer.store().exporter();
    let served = tokio::spawn(viewer.serve(std::future::pending()));

    // Nobody is told to send to a place that does not listen.
    let empty = reqwest::get(&page).await.unwrap().text().await.unwrap();
    assert!(empty.contains("No traces yet") && !empty.contains("OTEL_EXPORTER"));

    // The batch processor's thread belongs to no runtime.
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(Resource::builder().with_service_name("embedding").build())
        .build();
    provider.tracer("test").start("work").end();
    tokio::task::spawn_blocking(move || provider.shutdown())
        .await
        .unwrap()
        .unwrap();

    let names = reqwest::get(format!("{page}/api/services/embedding/operations"))
        .await
        .unwrap();
    let text = names.text().await.unwrap();
    assert!(text.contains("\"data\":[\"work\"]"), "{text}");
    served.abort();
}

/// The store would have the resource once for each scope.
#[tokio::test]
async fn a_large_resource_of_many_scopes_is_refused() {
    let store = Store::open(&Place::default()).unwrap();
    let mut traces = common::request(&"a".repeat(1 << 20), Vec::new());
    let of_resource = &mut traces.resource_spans[0];
    let resource = of_resource.resource.clone();
    let spans = vec![common::span(1, 1, None, "a")];
    let of_scope = ScopeSpans {
        spans,
        ..ScopeSpans::default()
    };
    of_resource.scope_spans = vec![of_scope; 70];
    let refused = store.accept(traces).await;
    assert!(matches!(refused, Err(StoreError::TooLarge)), "{refused:?}");

    let of_scope = ScopeLogs {
        log_records: vec![LogRecord::default()],
        ..ScopeLogs::default()
    };
    let logs = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource,
            scope_logs: vec![of_scope; 70],
            ..ResourceLogs::default()
        }],
    };
    let refused = store.accept_logs(logs).await;
    assert!(matches!(refused, Err(StoreError::TooLarge)), "{refused:?}");
}
