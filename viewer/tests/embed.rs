//! The viewer as an exporter of the service that embeds it.

mod common;

use std::net::SocketAddr;

use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use throughline_viewer::{Options, Viewer};

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
