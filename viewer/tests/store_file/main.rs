//! Files that are full, locked, of others, of other versions, or of another limit.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/program.rs"]
mod program;
mod upgrade;

use std::{path::Path, process::Command, time::Duration};

use common::{Running, attribute, request, span, start_with};
use program::Program;
use prost::Message;
use reqwest::{Client, StatusCode};
use rusqlite::Connection;
use throughline_viewer::{Options, Viewer};

async fn start(file: &Path, limit: u64) -> Running {
    start_with(|options| {
        options.store.file = Some(file.to_owned());
        options.store.limit = limit;
    })
    .await
}

/// About 4 kB.
fn heavy(trace: u128) -> opentelemetry_proto::tonic::trace::v1::Span {
    let mut span = span(trace, 1, None, "GET /");
    span.attributes = vec![attribute("padding", &"x".repeat(4000))];
    span
}

/// Why a viewer does not start.
async fn refusal(change: impl FnOnce(&mut Options)) -> String {
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options::default();
    options.page = free;
    options.grpc = Some(free);
    options.http = Some(free);
    change(&mut options);
    Viewer::start(&options).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_file_that_is_not_the_viewers_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text"), "Dear diary, ".repeat(1000)).unwrap();
    let other = Connection::open(path("other.db")).unwrap();
    other.execute_batch("CREATE TABLE trace (id)").unwrap();
    drop(other);
    let other = Connection::open(path("empty.db")).unwrap();
    other.pragma_update(None, "application_id", 7).unwrap();
    drop(other);
    for (name, version) in [("third.db", 3), ("fourth.db", 4)] {
        let other = Connection::open(path(name)).unwrap();
        other.pragma_update(None, "user_version", version).unwrap();
    }
    drop(Program::start(&path("damaged.db")));
    let store = Connection::open(path("damaged.db")).unwrap();
    store
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    drop(store);
    let mut bytes = std::fs::read(path("damaged.db")).unwrap();
    bytes[100..4000].fill(0xFF);
    std::fs::write(path("damaged.db"), bytes).unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    for (name, version) in [("newer.db", 99), ("older.db", 1)] {
        drop(Program::start(&path(name)));
        let store = Connection::open(path(name)).unwrap();
        store.pragma_update(None, "user_version", version).unwrap();
    }

    for (name, why) in [
        ("text", "is no database"),
        ("other.db", "of something else"),
        ("empty.db", "of something else"),
        ("third.db", "of something else"),
        ("fourth.db", "of something else"),
        ("damaged.db", "is damaged"),
        ("folder", "it is a folder; name a file in it"),
        ("nowhere/at/all.db", "does its folder exist"),
        ("newer.db", "a newer viewer (version 99"),
        ("older.db", "an older viewer (version 1"),
    ] {
        let before = std::fs::metadata(path(name)).map(|file| file.len()).ok();
        let said = refusal(|options| options.store.file = Some(path(name))).await;
        assert!(said.contains(why), "{name}: {said}");
        assert!(said.contains(&path(name).display().to_string()), "{said}");
        let after = std::fs::metadata(path(name)).map(|file| file.len()).ok();
        assert_eq!(after, before, "{name} was changed");
    }
    let said = refusal(|options| options.store.limit = 2 << 30).await;
    assert!(
        said.contains("896 MiB") && said.contains("--data"),
        "{said}"
    );
}

#[tokio::test]
async fn a_viewer_that_cannot_listen_leaves_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for door in 0..3 {
        let said = refusal(|options| {
            match door {
                0 => options.page = address,
                1 => options.grpc = Some(address),
                _ => options.http = Some(address),
            }
            options.store.file = Some(file.clone());
        });
        assert!(said.await.contains("cannot listen"), "{door}");
        assert!(!file.exists(), "{door}");
    }
}

#[tokio::test]
async fn a_file_is_opened_with_another_limit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let viewer = start(&file, 8 << 20).await;
    for trace in 0..30 {
        let spans = (1..=50).map(|id| heavy(trace * 50 + id)).collect();
        viewer.send_spans("shop", spans).await;
    }
    let before = viewer.traces().await;
    drop(viewer);
    let viewer = start(&file, 3 << 20).await;
    let size = std::fs::metadata(&file).unwrap().len();
    assert!(size < (3 << 20) * 11 / 10, "{size} bytes");
    let after = viewer.traces().await;
    assert!(
        after < before / 2 && after > before / 5,
        "{after} of {before}"
    );
    // The newest are those that are kept.
    for number in [1500, 1501 - after as u128] {
        viewer.json(&format!("/api/traces/{number:032x}")).await;
    }
    let (status, _) = viewer
        .get(&format!("/api/traces/{:032x}", 1500 - after))
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    drop(viewer);
    let viewer = start(&file, 64 << 20).await;
    for trace in 0..30 {
        let spans = (1..=50).map(|id| heavy(10_000 + trace * 50 + id)).collect();
        viewer.send_spans("shop", spans).await;
    }
    assert_eq!(viewer.traces().await, (after + 1500).min(1500));
    viewer.json(&format!("/api/traces/{:032x}", 1500)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_now_may_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let viewer = start(&file, 64 << 20).await;
    viewer.send_spans("shop", vec![span(1, 1, None, "a")]).await;
    // Somebody else writes the file for a while: what comes in waits, and then no more is taken.
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let large = |trace: u128| {
        let mut span = span(trace, 1, None, "large");
        span.attributes = vec![attribute("padding", &"x".repeat(5 << 20))];
        request("shop", vec![span]).encode_to_vec()
    };
    let mut sent = tokio::task::JoinSet::new();
    for trace in 2..=5 {
        let url = format!("{}/v1/traces", viewer.http);
        let request = viewer.client.post(url).body(large(trace));
        sent.spawn(
            request
                .header("content-type", "application/x-protobuf")
                .send(),
        );
    }
    // One waits; there is no room for more.
    for _ in 0..3 {
        // Those that wait for the lock are told the same, but after ten seconds.
        let at_once = tokio::time::timeout(Duration::from_secs(9), sent.join_next());
        let answer = at_once.await.unwrap().unwrap().unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(answer.headers().contains_key("retry-after"));
    }
    // Reading goes on meanwhile.
    viewer.json(&format!("/api/traces/{:032x}", 1)).await;
    other.execute_batch("ROLLBACK").unwrap();
    let last = sent.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(last.status(), StatusCode::OK);
    viewer.send_spans("shop", vec![span(9, 1, None, "a")]).await;
    assert_eq!(viewer.traces().await, 3);
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    // A process may write files of 16 MiB at most, as if the disk were full.
    let script = "trap '' XFSZ; ulimit -f 32768; exec \"$@\"";
    let mut command = vec![
        "sh".to_owned(),
        "-c".to_owned(),
        script.to_owned(),
        "sh".to_owned(),
    ];
    command.extend(program::arguments(&file));
    let mut program = Program::run(&command);
    let client = Client::new();
    let mut acknowledged = Vec::new();
    let refused = loop {
        let first = acknowledged.len() as u128 + 1;
        let answer = client
            .post(format!("{}/v1/traces", program.http))
            .header("content-type", "application/x-protobuf")
            .body(request("shop", (first..first + 50).map(heavy).collect()).encode_to_vec())
            .send()
            .await
            .unwrap();
        if answer.status() != StatusCode::OK {
            break answer;
        }
        acknowledged.extend(first..first + 50);
        assert!(acknowledged.len() < 10_000, "the disk was never full");
    };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let why = refused.text().await.unwrap();
    assert!(why.contains("cannot be written"), "{why}");
    assert!(acknowledged.len() > 50);
    // It lives, and what it acknowledged is there: now, and in a process that may write.
    for again in [false, true] {
        if again {
            program = Program::start(&file);
        }
        for trace in acknowledged.iter().step_by(50) {
            let url = format!("{}/api/v3/traces/{trace:032x}", program.page);
            let answer = client.get(url).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{trace}");
        }
        if !again {
            assert!(program.child.try_wait().unwrap().is_none());
        }
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test asks what it may skip")]
fn a_file_that_may_not_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch("PRAGMA user_version = 0").unwrap();
    drop(connection);
    std::fs::write(&file, "").unwrap();
    let read_only = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    read_only(&file, 0o444);
    read_only(folder.path(), 0o555);
    let own = program::arguments(&file);
    // Root may write all: then as nobody.
    let is_root = std::fs::write(folder.path().join("probe"), "").is_ok();
    let mut command = Vec::new();
    let place = tempfile::tempdir().unwrap();
    if is_root {
        read_only(place.path(), 0o755);
        let copy = place.path().join("viewer");
        std::fs::copy(&own[0], &copy).unwrap();
        command.extend(
            [
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
            ]
            .map(str::to_owned),
        );
        command.push(copy.display().to_string());
        command.extend(own[1..].iter().cloned());
    } else {
        command = own;
    }
    let output = Command::new(&command[0]).args(&command[1..]).output();
    read_only(folder.path(), 0o755);
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            let required = std::env::var("THROUGHLINE_REQUIRE").as_deref() == Ok("1");
            assert!(!required, "setpriv cannot run: {error}");
            println!("skipped: setpriv cannot run: {error}");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("may not be written") || said.contains("cannot be opened"),
        "{said}"
    );
    assert!(said.contains(&file.display().to_string()), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

/// Two viewers with one file, by mistake: what one forgets, the other does not go on to name by number.
#[tokio::test]
async fn two_viewers_of_one_file_agree_on_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let on_file = || start_with(|options| options.store.file = Some(file.clone()));
    let (one, other) = (on_file().await, on_file().await);
    one.send_spans("shop", vec![span(1, 1, None, "GET /")])
        .await;
    let cleared = other.client.post(format!("{}/clear", other.page));
    assert!(cleared.send().await.unwrap().status().is_success());
    other
        .send_spans("till", vec![span(2, 1, None, "POST /")])
        .await;
    one.send_spans("shop", vec![span(3, 1, None, "GET /")])
        .await;
    for viewer in [&one, &other] {
        let found = viewer.json("/api/traces?service=shop").await;
        let spans = found["data"][0]["spans"].as_array().unwrap();
        assert_eq!(spans[0]["operationName"], "GET /");
        let found = viewer.json("/api/traces?service=till").await;
        assert_eq!(found["data"].as_array().unwrap().len(), 1);
    }
}
