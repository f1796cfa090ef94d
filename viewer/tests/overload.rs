//! More than can be written: it is said so at once, with when to come again, and nothing that was acknowledged is lost.

mod common;
#[path = "../../tests/common/vacant.rs"]
mod vacant;

use common::{Running, request, span, start_with};
use futures_util::{StreamExt, stream::FuturesUnordered};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use reqwest::{Response, StatusCode};
use rusqlite::Connection;
use serde_json::{Value, json};
use throughline_viewer::Mode;

/// More than wait and are written together.
const MANY: u128 = 360;

async fn send(viewer: &Running, trace: u128) -> (u128, Response) {
    let body = request("shop", vec![span(trace, 1, None, "a")]).encode_to_vec();
    (trace, viewer.send("application/x-protobuf", body).await)
}

#[tokio::test]
async fn what_cannot_be_written_now_may_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces");
    let sampling = vacant::address();
    let viewer = start_with(|options| {
        options.store.file = Some(file.clone());
        options.sampling = Some((sampling, Mode::Adaptive { target: 1.0 }));
    })
    .await;
    // Nobody else can write while this does.
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let mut sent: FuturesUnordered<_> = (1..=MANY).map(|trace| send(&viewer, trace)).collect();
    let mut again = Vec::new();
    let (trace, refused) = sent.next().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    again.push(trace);

    let zipkin = json!([{ "traceId": "fff1", "id": "1" }]);
    let refused = viewer
        .client
        .post(format!("{}/api/v2/spans", viewer.http))
        .body(zipkin.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");

    let mut grpc = TraceServiceClient::connect(viewer.grpc.clone())
        .await
        .unwrap();
    let refused = grpc
        .export(request("shop", vec![span(0xfff2, 1, None, "b")]))
        .await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unavailable);

    let body = serde_json::to_vec(&request("shop", vec![span(0xfff3, 1, None, "c")])).unwrap();
    let refused = viewer.send("application/json", body).await;
    let refused: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(refused["code"], tonic::Code::ResourceExhausted as i32);

    other.execute_batch("ROLLBACK").unwrap();
    let mut acknowledged = 0;
    while let Some((trace, answer)) = sent.next().await {
        match answer.status() {
            StatusCode::OK => acknowledged += 1,
            StatusCode::TOO_MANY_REQUESTS => again.push(trace),
            other => panic!("{other}"),
        }
    }
    let stored = || -> i64 {
        let count = "SELECT count(*) FROM span";
        other.query_row(count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(stored(), acknowledged);
    for trace in again {
        let (_, answer) = send(&viewer, trace).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(stored(), i64::try_from(MANY).unwrap());
    // What was refused and did not come again is not counted.
    let strategies = viewer
        .client
        .get(format!("http://{sampling}/sampling?service=shop"))
        .send()
        .await
        .unwrap();
    let strategies: Value = serde_json::from_str(&strategies.text().await.unwrap()).unwrap();
    let operations = &strategies["operationSampling"]["perOperationStrategies"];
    let names: Vec<_> = operations.as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 1, "{operations}");
    assert_eq!(names[0]["operation"], "a");
}
