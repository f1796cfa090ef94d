//! What is kept, what gives way, and what survives.

mod common;
#[path = "common/program.rs"]
mod program;

use std::sync::Arc;

use common::{attribute, request, span, start_with};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, logs::v1::LogRecord,
};
use program::Program;
use prost::Message;
use reqwest::{Client, StatusCode};
use tokio::sync::Semaphore;

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
    const LIMIT: u64 = 2 << 20;
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
    for trace in 0..1_000 {
        viewer.send_spans("chatty", heavy(1_000 + trace)).await;
    }
    let trace = viewer.json(&format!("/api/traces/{:032x}", 1)).await;
    assert_eq!(trace["data"][0]["spans"][0]["operationName"], "GET /rare");
    let (status, _) = viewer.get(&format!("/api/traces/{:032x}", 1_000)).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "the oldest went");
    viewer.json(&format!("/api/traces/{:032x}", 1_999)).await;

    // And of logs.
    for part in 0..125 {
        let logs = (0..100u64).map(|number| LogRecord {
            time_unix_nano: part * 100 + number,
            attributes: vec![attribute("padding", &"x".repeat(800))],
            ..LogRecord::default()
        });
        viewer.send_logs("logger", logs.collect()).await;
    }

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
    // What went is no longer charged to its service: 200 bytes a row, a part or a name, and its text.
    assert!(count("SELECT count(*) FROM log") > 0);
    let parts = "SELECT (SELECT sum(bytes) FROM trace_service)
        - (SELECT sum(200 + coalesce(octet_length(peer), 0)) FROM span)
        - (SELECT sum(200 + length(spans)) FROM body) - (SELECT sum(length(bits)) FROM sketch)";
    assert_eq!(count(parts), 0);
    let logs =
        "(SELECT coalesce(sum(length(body) + 200), 0) FROM log WHERE log.service = service.id)";
    let spans = "(SELECT coalesce(sum(part.bytes), 0) FROM trace_service AS part WHERE part.service = service.id)";
    let operations = "(SELECT coalesce(sum(octet_length(name) + 200), 0) FROM operation AS part WHERE part.service = service.id)";
    let origins = "(SELECT coalesce(sum(length(resource) + length(scope) + 200), 0) FROM origin AS part WHERE part.service = service.id)";
    for wrong in [
        format!("log_bytes <> {logs}"),
        format!("name_bytes <> {operations} + {origins}"),
        format!("bytes <> {spans} + {logs} + name_bytes"),
    ] {
        let services = format!("SELECT count(*) FROM service WHERE {wrong}");
        assert_eq!(count(&services), 0, "{wrong}");
    }
}

/// As many services each keep their share, whole: who uses less than that loses nothing.
#[tokio::test]
async fn whoever_uses_less_than_a_share_loses_nothing() {
    const LIMIT: u64 = 3 << 20;
    let viewer = start_with(|options| options.store.limit = LIMIT).await;
    let log = |number: u128, padding: usize| LogRecord {
        time_unix_nano: number as u64,
        trace_id: if padding == 0 {
            number.to_be_bytes().to_vec()
        } else {
            Vec::new()
        },
        attributes: vec![
            attribute("n", &number.to_string()),
            attribute("padding", &"x".repeat(padding)),
        ],
        ..LogRecord::default()
    };
    // Three quiet services with 10 traces of 8 kB each, and logs.
    for quiet in 0..3u128 {
        for trace in 0..10 {
            let number = 1 + quiet * 10 + trace;
            viewer
                .send_spans(&format!("quiet {quiet}"), heavy(number))
                .await;
            viewer
                .send_logs(&format!("quiet {quiet}"), vec![log(number, 0)])
                .await;
        }
    }
    // Three times what there is room for, of spans; and then of logs that belong to no trace.
    for trace in 0..700 {
        viewer.send_spans("chatty", heavy(1_000 + trace)).await;
    }
    for part in 0..8 {
        let logs = (0..50).map(|number| log(100_000 + part * 50 + number, 8_000));
        viewer.send_logs("logger", logs.collect()).await;
    }
    for number in 1..=30 {
        let trace = viewer.json(&format!("/api/traces/{number:032x}")).await;
        assert_eq!(
            trace["data"][0]["spans"].as_array().unwrap().len(),
            10,
            "{number}"
        );
        let (_, page) = viewer.get(&format!("/trace/{number:032x}")).await;
        assert!(page.contains("log"), "{number}");
    }
    // Of the chatty the newest are kept, without a gap.
    let mut kept = Vec::new();
    for number in 1_000..1_700u128 {
        let (status, _) = viewer.get(&format!("/api/traces/{number:032x}")).await;
        if status == StatusCode::OK {
            kept.push(number);
        }
    }
    let first = 1_700 - kept.len() as u128;
    assert_eq!(kept, (first..1_700).collect::<Vec<_>>());
    // It has no less than the logger may take: a share is a share.
    assert!(kept.len() > 50 && kept.len() < 300, "{}", kept.len());
}

/// Whose spans are small, and whose resources are large, uses as much as it takes.
#[tokio::test]
async fn what_is_kept_once_is_charged_as_well() {
    let viewer = start_with(|options| options.store.limit = 4 << 20).await;
    for trace in 1..=20 {
        viewer.send_spans("plain", heavy(trace)).await;
    }
    // Four times what there is room for.
    for part in 0..40u128 {
        let all = (0..50).map(|number| {
            let trace = 1_000 + part * 50 + number;
            let mut one = request("sly", vec![span(trace, 1, None, "GET /")]).resource_spans;
            let resource = one[0].resource.get_or_insert_default();
            resource
                .attributes
                .push(attribute("id", &trace.to_string()));
            let padding = attribute("padding", &"x".repeat(8_000));
            resource.attributes.push(padding);
            one.remove(0)
        });
        let all = ExportTraceServiceRequest {
            resource_spans: all.collect(),
        };
        let answer = viewer.send("application/x-protobuf", all.encode_to_vec());
        assert_eq!(answer.await.status(), StatusCode::OK);
    }
    for trace in 1..=20 {
        viewer.json(&format!("/api/traces/{trace:032x}")).await;
    }
    let (status, _) = viewer.get(&format!("/api/traces/{:032x}", 1_000)).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "the oldest went");
    viewer.json(&format!("/api/traces/{:032x}", 2_999)).await;
}

#[tokio::test]
async fn a_batch_sent_again_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let viewer = start_with(|options| options.store.file = Some(file.clone())).await;
    viewer.send_spans("shop", heavy(7)).await;
    let store = rusqlite::Connection::open(&file).unwrap();
    let sizes = || {
        let query = "SELECT (SELECT count(*) FROM span), (SELECT sum(length(spans)) FROM body),
            (SELECT sum(length(bits)) FROM sketch), (SELECT sum(bytes) FROM service),
            (SELECT sum(spans) FROM trace), (SELECT sum(spans) FROM trace_service),
            (SELECT sum(uses) FROM operation), (SELECT sum(uses) FROM origin)";
        store
            .query_row(query, [], |row| {
                (0..8)
                    .map(|at| row.get::<_, i64>(at))
                    .collect::<Result<Vec<_>, _>>()
            })
            .unwrap()
    };
    let before = sizes();
    viewer.send_spans("shop", heavy(7)).await;
    assert_eq!(sizes(), before);
    // Names that come with what is there already are not kept.
    viewer.send_spans("another", heavy(7)).await;
    assert_eq!(sizes(), before);
    for table in ["service", "origin"] {
        let query = format!("SELECT count(*) FROM {table}");
        let count: i64 = store.query_row(&query, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1, "{table}");
    }
    // Half of it is new.
    let mut more = heavy(7);
    more.push(span(7, 11, Some(1), "late"));
    viewer.send_spans("shop", more).await;
    assert_eq!(sizes()[0], 11);
    assert_eq!(sizes()[4..7], [11, 11, 11]);
    let found = viewer.get("/?operation=late").await.1;
    assert!(found.contains(&format!("/trace/{:032x}", 7)));
}

/// What a part of a trace adds does not grow with what is there.
#[tokio::test]
async fn a_part_of_a_trace_leaves_the_others_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let viewer = start_with(|options| options.store.file = Some(file.clone())).await;
    let store = rusqlite::Connection::open(&file).unwrap();
    for id in 1..=300 {
        let mut span = span(7, id, None, &format!("part {id}"));
        span.attributes = vec![attribute("number", &format!("n{id}"))];
        viewer.send_spans("shop", vec![span]).await;
    }
    let longest = "SELECT max(length(bits)), count(*) FROM sketch";
    let (longest, parts): (i64, i64) = store
        .query_row(longest, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert!(longest < 200, "{longest} bytes are written again");
    assert_eq!(parts, 300);
    // What is wanted may be in different parts.
    let found = async |query: &str| viewer.get(query).await.1.contains("href=\"/trace/");
    assert!(found("/?tags=number%3Dn1+number%3Dn300").await);
    assert!(!found("/?tags=number%3Dn1+number%3Dn301").await);
    // More traces than are looked at one by one.
    for first in [10_000u128, 11_500] {
        let others = (first..first + 1_500).map(|trace| span(trace, 1, None, "other"));
        viewer.send_spans("others", others.collect()).await;
    }
    assert!(found("/?tags=number%3Dn1+number%3Dn300").await);
    assert!(found("/?operation=part+150&tags=number%3Dn7").await);
    assert!(!found("/?tags=number%3Dn1+number%3Dn301").await);
}

#[tokio::test]
async fn whom_a_span_calls_is_no_longer_than_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let viewer = start_with(|options| options.store.file = Some(file.clone())).await;
    let mut call = span(7, 1, None, "call");
    call.kind = 3;
    call.attributes = vec![attribute("peer.service", &"é".repeat(5_000))];
    viewer.send_spans("shop", vec![call]).await;
    let store = rusqlite::Connection::open(&file).unwrap();
    let query = "SELECT length(CAST(peer AS BLOB)) FROM span";
    let bytes: i64 = store.query_row(query, [], |row| row.get(0)).unwrap();
    assert!(bytes <= 1024, "{bytes} bytes");
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
        let taken = Arc::new(Semaphore::new(0));
        let senders = (0..4u128).map(|sender| {
            let (client, http) = (client.clone(), program.http.clone());
            let taken = Arc::clone(&taken);
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
                        Ok(answer) if answer.status() == StatusCode::OK => {
                            acknowledged.push(trace);
                            taken.add_permits(1);
                        }
                        Ok(answer) => panic!("{}", answer.status()),
                        Err(_) => break,
                    }
                }
                acknowledged
            })
        });
        let senders: Vec<_> = senders.collect();
        // Killed in the midst: when some were acknowledged and more are on the way.
        drop(taken.acquire_many(50).await.unwrap());
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        for sender in senders {
            acknowledged.extend(sender.await.unwrap());
        }
    }
    assert!(acknowledged.len() >= 20 * 50);
    let mut program = Program::start(&file);
    for trace in acknowledged {
        let url = format!("{}/api/v3/traces/{trace:032x}", program.page);
        let answer = client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{trace:032x} was lost");
    }
    program.child.kill().unwrap();
    program.child.wait().unwrap();
}
