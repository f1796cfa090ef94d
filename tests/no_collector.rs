//! `init()` with nothing set, and nobody at the default endpoint: in a process of its own, for its globals and its environment.

#![allow(
    clippy::disallowed_methods,
    reason = "what a test is asked for stands in the environment"
)]

use std::{env, net::TcpStream, process::Command};

use axum::{Router, routing::get};
use throughline::ServerLayer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Set in the service's process, and no other variable.
const CHILD: &str = "NO_COLLECTOR_TEST_CHILD";
const REQUESTS: usize = 20;

/// The service. By itself it is no test.
#[tokio::test]
async fn child() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let telemetry = throughline::init().unwrap();
    let app = Router::new()
        .route("/", get(|| async { "served" }))
        .layer(ServerLayer::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    for _ in 0..REQUESTS {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("served"));
        // Each is tried, and in vain.
        telemetry.flush().await.unwrap_err();
    }
    let counts = telemetry.counts_reader();
    telemetry.shutdown().await.unwrap_err();
    let (counts, all) = (counts(), REQUESTS as u64);
    assert_eq!(
        (counts.made, counts.dropped, counts.queued),
        (all, all, 0),
        "{counts:?}"
    );
}

#[test]
fn the_service_runs_and_one_line_is_logged() {
    for host in ["127.0.0.1", "::1"] {
        if TcpStream::connect((host, 4318)).is_ok() {
            let says = "something listens on port 4318, the default endpoint";
            assert!(env::var_os("THROUGHLINE_REQUIRE").is_none(), "{says}");
            return println!("skipped: {says}");
        }
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env_clear()
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stdout}{stderr}");
    let lines: Vec<_> = stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(lines[0].contains("http://localhost:4318/"), "{stderr}");
}
