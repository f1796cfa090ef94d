//! What is kept, what gives way, and what survives.

mod common;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use common::{attribute, request, span, start_with};
use prost::Message;
use reqwest::{Client, StatusCode};
use serde_json::Value;

/// A trace of ten spans that weigh about 8 kB.
fn heavy(trace: u128) -> Vec<opentelemetry_proto::tonic::trace::v1::Span> {
    (1..=10)
        .map(|id| {
            let parent = (id > 1).then_some(1);
            let mut span = span(trace, id, parent, &format!("operation {}", trace % 500));
            span.attributes = vec![
                attribute("request.number", &trace.to_string()),
                attribute("padding", &"x".repeat(700)),
            ];
            span
        })
        .collect()
}

#[tokio::test]
async fn the_chatty_give_way_and_the_quiet_stay() {
    const LIMIT: u64 = 8 << 20;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let viewer = start_with(|options| {
        options.store.file = Some(file.clone());
        options.store.limit = LIMIT;
    })
    .await;
    viewer
        .send_spans("quiet", vec![span(1, 1, None, "GET /rare")])
        .await;
    // Five times what there is room for.
    for trace in 0..5_000 {
        viewer.send_spans("chatty", heavy(1_000 + trace)).await;
    }
    let trace = viewer.json(&format!("/api/traces/{:032x}", 1)).await;
    assert_eq!(trace["data"][0]["spans"][0]["operationName"], "GET /rare");
    let (status, _) = viewer.get(&format!("/api/traces/{:032x}", 1_000)).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "the oldest went");
    viewer.json(&format!("/api/traces/{:032x}", 5_999)).await;

    let size = std::fs::metadata(&file).unwrap().len();
    assert!(size < LIMIT + LIMIT / 10, "{size} bytes");
    // Words that no trace uses any more are gone with them.
    let store = rusqlite::Connection::open(&file).unwrap();
    let count = |query: &str| {
        store
            .query_row(query, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let unused = "SELECT count(*) FROM operation WHERE uses <> (SELECT count(*) FROM span WHERE operation = operation.id)
        OR uses = 0";
    assert_eq!(count(unused), 0);
    for table in ["body", "sketch", "span", "trace_service"] {
        let orphans =
            format!("SELECT count(*) FROM {table} WHERE trace NOT IN (SELECT id FROM trace)");
        assert_eq!(count(&orphans), 0, "{table}");
    }
    let sums = "SELECT count(*) FROM trace WHERE spans <> (SELECT count(*) FROM span WHERE trace = trace.id)";
    assert_eq!(count(sums), 0);
}

#[tokio::test]
async fn clear_forgets_everything() {
    let viewer = start_with(|_| {}).await;
    viewer.send_spans("shop", heavy(7)).await;
    assert_eq!(viewer.traces().await, 1);
    let answer = viewer
        .client
        .post(format!("{}/clear", viewer.page))
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    assert_eq!(viewer.traces().await, 0);
    viewer.send_spans("shop", heavy(7)).await;
    assert_eq!(viewer.traces().await, 1, "and takes new ones");
}

struct Program {
    child: Child,
    page: String,
    http: String,
}

impl Program {
    fn start(file: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_throughline-viewer"))
            .args([
                "--page",
                "127.0.0.1:0",
                "--grpc",
                "127.0.0.1:0",
                "--http",
                "127.0.0.1:0",
            ])
            .arg("--data")
            .arg(file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut after = |name: &str| {
            let line = lines.next().unwrap().unwrap();
            let (_, address) = line.split_once(name).unwrap_or_else(|| panic!("{line}"));
            address.trim().to_owned()
        };
        Self {
            page: after("traces:"),
            http: after("OTLP over HTTP:"),
            child,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let client = Client::new();
    let mut acknowledged = Vec::new();
    for round in 0..20u128 {
        let mut program = Program::start(&file);
        // All that was acknowledged in earlier rounds is there.
        if let Some(last) = acknowledged.last() {
            let url = format!("{}/api/traces/{last:032x}", program.page);
            let answer = client.get(url).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "round {round}");
        }
        let senders = (0..4u128).map(|sender| {
            let (client, http) = (client.clone(), program.http.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    let trace = (round << 40) + (sender << 32) + number + 1;
                    let sent = client
                        .post(format!("{http}/v1/traces"))
                        .header("content-type", "application/x-protobuf")
                        .body(request("shop", vec![span(trace, 1, None, "GET /")]).encode_to_vec())
                        .send()
                        .await;
                    match sent {
                        Ok(answer) if answer.status() == StatusCode::OK => acknowledged.push(trace),
                        Ok(answer) => panic!("{}", answer.status()),
                        Err(_) => break,
                    }
                }
                acknowledged
            })
        });
        let senders: Vec<_> = senders.collect();
        // Killed in the midst: when some were acknowledged and more are on the way.
        loop {
            let url = format!("{}/api/services", program.page);
            let text = client.get(url).send().await.unwrap().text().await.unwrap();
            let services: Value = serde_json::from_str(&text).unwrap();
            if services["total"] == 1 {
                break;
            }
        }
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        for sender in senders {
            acknowledged.extend(sender.await.unwrap());
        }
    }
    assert!(acknowledged.len() > 20);
    let mut program = Program::start(&file);
    for trace in acknowledged {
        let url = format!("{}/api/v3/traces/{trace:032x}", program.page);
        let answer = client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{trace:032x} was lost");
    }
    program.child.kill().unwrap();
    program.child.wait().unwrap();
}
