//! OpenTelemetry's own SDKs for Python and Node send by each of their transports; what is read back is what was made.
//! `tests/interop/install` installs them. rotel, a collector that `.ci/receivers` installs, stands between in one test.

#[path = "../common/mod.rs"]
mod common;
mod expected;
mod sdk;
#[path = "../../../tests/common/vacant.rs"]
mod vacant;

use common::{Running, start_with};
use opentelemetry_proto::tonic::{logs::v1::LogRecord, trace::v1::TracesData};
use prost::Message;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::sdk::{Made, Relay, Sdk};

/// A viewer, and the file that it keeps.
async fn start() -> (Running, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces");
    let viewer = start_with(|options| options.store.file = Some(file)).await;
    (viewer, folder)
}

/// As OTLP, in the order of their ids.
async fn spans(viewer: &Running, made: &Made) -> TracesData {
    let path = format!("/api/v3/traces/{}", made.trace_id());
    let mut answer = viewer.json(&path).await;
    let mut data: TracesData = serde_json::from_value(answer["result"].take()).unwrap();
    for scope in data
        .resource_spans
        .iter_mut()
        .flat_map(|of| &mut of.scope_spans)
    {
        scope.spans.sort_by(|a, b| a.span_id.cmp(&b.span_id));
    }
    data
}

fn logs(folder: &TempDir, made: &Made) -> Vec<LogRecord> {
    let file = Connection::open(folder.path().join("traces")).unwrap();
    let mut read = file
        .prepare("SELECT body FROM log WHERE trace_id = ?1 ORDER BY severity")
        .unwrap();
    let found = read.query_map([made.trace.to_be_bytes()], |row| row.get::<_, Vec<u8>>(0));
    let found = found
        .unwrap()
        .map(|body| LogRecord::decode(&*body.unwrap()).unwrap());
    found.collect()
}

async fn assert_exact(sdk: Sdk, viewer: &Running, folder: &TempDir, made: &Made) {
    let data = spans(viewer, made).await;
    let name = format!("{sdk:?} {made:?}");
    let [of_resource] = &*data.resource_spans else {
        panic!("{name}: {data:?}");
    };
    expected::assert_resource(sdk, of_resource.resource.as_ref().unwrap());
    let [of_scope] = &*of_resource.scope_spans else {
        panic!("{name}: {data:?}");
    };
    let scope = of_scope.scope.as_ref().unwrap();
    assert_eq!((&*scope.name, &*scope.version), ("shop.checkout", "1.2.3"));
    let expected = expected::spans(sdk, made.trace);
    assert_eq!(of_scope.spans.len(), expected.len(), "{name}");
    for (mut span, expected) in of_scope.spans.clone().into_iter().zip(expected) {
        expected::without_stacks(&mut span);
        assert_eq!(span, expected, "{name}");
    }
    assert_eq!(logs(folder, made), expected::logs(made.trace), "{name}");
    // Logs are shown with their span.
    let (_, page) = viewer
        .get(&format!("/trace/{}/span/{:016x}", made.trace_id(), 1))
        .await;
    assert!(
        page.contains("no &#60;tea&#62;") && page.contains("ERROR"),
        "{name}: {page}"
    );
}

async fn each_transport(sdk: Sdk, transports: &[&'static str]) {
    if !sdk.is_installed() {
        return;
    }
    let (viewer, folder) = start().await;
    let mut number = 0;
    for transport in transports {
        for packed in [false, true] {
            number += 1;
            let made = Made::new(number, transport, packed);
            sdk.send(&viewer, &made).await;
            assert_exact(sdk, &viewer, &folder, &made).await;
        }
    }
    // A batch that is sent again is stored once, whatever brings it.
    let first = Made::new(1, transports[0], false);
    sdk.send(&viewer, &first).await;
    assert_exact(sdk, &viewer, &folder, &first).await;
    assert_eq!(viewer.traces().await, number as usize);
    assert_eq!(
        viewer.json("/api/services").await["data"],
        json!([sdk.service()])
    );
}

#[tokio::test]
async fn python() {
    each_transport(Sdk::Python, &["grpc", "http/protobuf"]).await;
}

#[tokio::test]
async fn node() {
    each_transport(Sdk::Node, &["grpc", "http/protobuf", "http/json"]).await;
}

/// What Zipkin's spans can say of them.
#[tokio::test]
async fn zipkin() {
    for sdk in [Sdk::Python, Sdk::Node] {
        if !sdk.is_installed() {
            return;
        }
        let (viewer, _folder) = start().await;
        let made = Made::new(1, "zipkin", false);
        sdk.send(&viewer, &made).await;
        let path = format!("/api/v2/trace/{}", made.trace_id());
        let mut read = viewer.json(&path).await;
        let read = read.as_array_mut().unwrap();
        read.sort_by_key(|span| span["id"].as_str().unwrap().to_owned());
        let summary: Vec<Value> = read.iter().map(expected::summary).collect();
        assert_eq!(summary, expected::zipkin(), "{sdk:?}");
        let root = &read[0];
        assert_eq!(root["traceId"], made.trace_id());
        assert_eq!(root["localEndpoint"]["serviceName"], sdk.service());
        assert_eq!(root["tags"]["text"], "naïve \"quoted\" <b>\n\u{2028}🦀");
        assert_eq!(root["tags"]["long"], sdk.long().to_string());
        assert_eq!(root["tags"]["otel.status_code"], "OK");
        // Its tags of a scope and of a status are theirs again.
        let data = spans(&viewer, &made).await;
        let of_root = data.resource_spans.iter().flat_map(|of| &of.scope_spans);
        let of_root = of_root.filter(|of| {
            of.spans
                .iter()
                .any(|span| span.span_id == [0, 0, 0, 0, 0, 0, 0, 1])
        });
        let of_root = of_root.collect::<Vec<_>>();
        assert_eq!(of_root[0].spans[0].status.as_ref().unwrap().code, 1);
        if sdk == Sdk::Python {
            assert_eq!(of_root[0].scope.as_ref().unwrap().version, "1.2.3");
        }
    }
}

/// A collector that sends on what it takes changes nothing.
#[tokio::test]
async fn through_a_collector() {
    let Some(program) = sdk::collector() else {
        return;
    };
    for (sdk, transport) in [(Sdk::Python, "grpc"), (Sdk::Node, "http/json")] {
        if !sdk.is_installed() {
            return;
        }
        for onwards in ["grpc", "http"] {
            let (viewer, folder) = start().await;
            let made = Made::new(1, transport, true);
            let collector = Relay::start(&program, &viewer, onwards).await;
            let mut changes = viewer.changes.clone();
            sdk.send_to(&collector.url(transport), "", &made).await;
            // Spans and logs come in batches of their own.
            let all = expected::spans(sdk, made.trace).len() + expected::logs(made.trace).len();
            while stored(&folder) < i64::try_from(all).unwrap() {
                changes.changed().await.unwrap();
            }
            assert_exact(sdk, &viewer, &folder, &made).await;
        }
    }
}

fn stored(folder: &TempDir) -> i64 {
    let file = Connection::open(folder.path().join("traces")).unwrap();
    let count = "SELECT (SELECT count(*) FROM span) + (SELECT count(*) FROM log)";
    file.query_row(count, [], |row| row.get(0)).unwrap()
}
