//! Jaeger's sampling strategies over HTTP, from a file: as its clients ask for them, and while the file changes.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use throughline_viewer::{Mode, Options, Viewer};
use tokio::time::{Instant, sleep};

fn write(file: &Path, default: f64) {
    let text = json!({
        "service_strategies": [
            { "service": "shop", "type": "ratelimiting", "param": 5 },
            { "service": "orders", "type": "probabilistic", "param": 0.5, "operation_strategies": [
                { "operation": "GET /orders", "type": "probabilistic", "param": 0.25 }
            ] }
        ],
        "default_strategy": { "type": "probabilistic", "param": default }
    });
    put(file, &text.to_string());
}

/// At once, as editors do it.
fn put(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, file).unwrap();
}

async fn viewer(file: &Path) -> (Viewer, String) {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options::default();
    options.page = free;
    options.grpc = None;
    options.http = None;
    options.sampling = Some((free, Mode::File(file.to_owned())));
    let viewer = Viewer::start(&options).await.unwrap();
    let address = viewer.sampling_addr().unwrap().unwrap();
    (viewer, format!("http://{address}/sampling"))
}

async fn ask(address: &str, query: &str) -> (u16, String) {
    let answer = reqwest::get(format!("{address}{query}")).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// What the file says of a service that it does not name.
async fn rate(address: &str) -> f64 {
    let (status, text) = ask(address, "?service=another").await;
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["strategyType"], "PROBABILISTIC");
    answer["probabilisticSampling"]["samplingRate"]
        .as_f64()
        .unwrap()
}

async fn becomes(address: &str, wanted: f64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while rate(address).await != wanted {
        assert!(Instant::now() < deadline, "it is not {wanted}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn each_service_is_told_its_strategy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("strategies.json");
    write(&file, 0.1);
    let (viewer, address) = viewer(&file).await;
    tokio::spawn(viewer.serve(std::future::pending()));
    let of = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let (status, shop) = ask(&address, "?service=shop").await;
    assert_eq!(status, 200);
    let limited = json!({ "strategyType": "RATE_LIMITING", "rateLimitingSampling": { "maxTracesPerSecond": 5 } });
    assert_eq!(of(shop), limited);
    let orders = of(ask(&address, "?service=orders").await.1);
    assert_eq!(
        orders["operationSampling"]["defaultSamplingProbability"],
        0.5
    );
    let operation =
        json!({ "operation": "GET /orders", "probabilisticSampling": { "samplingRate": 0.25 } });
    let operations = &orders["operationSampling"]["perOperationStrategies"];
    assert_eq!(operations, &json!([operation]));
    assert_eq!(rate(&address).await, 0.1);
    for query in ["", "?service=shop&service=orders", "?name=shop"] {
        let (status, said) = ask(&address, query).await;
        assert_eq!(status, 400, "{query}");
        assert_eq!(said, "'service' parameter must be provided once");
    }
    // Pages of strangers learn nothing here either.
    let stranger = reqwest::Client::new()
        .get(format!("{address}?service=shop"))
        .header("host", "evil.example");
    assert_eq!(stranger.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_change_before_it_serves_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("strategies.json");
    write(&file, 0.5);
    let (viewer, address) = viewer(&file).await;
    write(&file, 0.25);
    tokio::spawn(viewer.serve(std::future::pending()));
    becomes(&address, 0.25).await;
}

#[tokio::test]
async fn half_a_file_is_told_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("strategies.json");
    write(&file, 0.5);
    let doors = ["--page", "--grpc", "--http", "--sampling-at"];
    let mut program = Command::new(env!("CARGO_BIN_EXE_throughline-viewer"))
        .args(doors.iter().flat_map(|door| [door, "127.0.0.1:0"]))
        .arg("--sampling")
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| {
            let line = line.unwrap();
            line.strip_prefix("sampling strategies: ")
                .map(str::to_owned)
        })
        .unwrap();
    let mut said = BufReader::new(program.stderr.take().unwrap()).lines();
    put(&file, "{ \"default_strategy\"");
    let line = said.next().unwrap().unwrap();
    assert!(
        line.ends_with("; what it said before still holds"),
        "{line}"
    );
    assert_eq!(rate(&address).await, 0.5);
    write(&file, 0.125);
    let line = said.next().unwrap().unwrap();
    assert!(line.ends_with("is read again"), "{line}");
    assert_eq!(rate(&address).await, 0.125);
    program.kill().unwrap();
    program.wait().unwrap();
}
