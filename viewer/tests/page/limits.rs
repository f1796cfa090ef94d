//! However much there is, a page has an end, and says what it leaves out.

use std::{net::SocketAddr, time::Duration};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use reqwest::{Client, StatusCode};
use throughline_viewer::{Options, Viewer};
use tokio::sync::oneshot;

use crate::common::{Running, request, span, start};

/// A span of each of as many services; each has the parent that is said.
async fn services(count: u64, parent: fn(u64) -> Option<u64>) -> Running {
    let viewer = start().await;
    let all = (1..=count).flat_map(|id| {
        let one = span(1, id, parent(id), "GET /");
        request(&format!("service-{id:05}"), vec![one]).resource_spans
    });
    let all = ExportTraceServiceRequest {
        resource_spans: all.collect(),
    };
    let answer = viewer
        .send("application/x-protobuf", all.encode_to_vec())
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    viewer
}

async fn is_capped(viewer: &Running) {
    let (status, page) = viewer.get("/map").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page.matches("<g class=\"node ").count(), 200);
    assert!(page.contains("the 200 busiest of 5001"), "{page:.4000}");
    assert_eq!(page.matches("<th scope=\"row\"").count(), 1000);
    assert!(page.contains("the 1000 busiest of 5000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_very_many_services_is_drawn_in_part() {
    let viewer = services(5000, |id| id.checked_sub(1).filter(|parent| *parent > 0)).await;
    is_capped(&viewer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_calls_very_many_is_drawn_in_part() {
    let viewer = services(5000, |id| (id > 1).then_some(1)).await;
    is_capped(&viewer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn serving_ends_while_pages_are_open() {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options::default();
    (options.page, options.grpc, options.http) = (free, None, None);
    let viewer = Viewer::start(&options).await.unwrap();
    let page = format!("http://{}", viewer.page_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(viewer.serve(async {
        stopped.await.ok();
    }));
    let client = Client::new();
    let mut open = Vec::new();
    for path in ["/live".to_owned(), format!("/trace/{:032x}/live", 1)] {
        let answer = client.get(format!("{page}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        open.push(answer);
    }
    stop.send(()).unwrap();
    let end = tokio::time::timeout(Duration::from_secs(60), served).await;
    end.expect("serving ends").unwrap().unwrap();
    drop(open);
}
