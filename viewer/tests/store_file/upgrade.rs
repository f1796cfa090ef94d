//! Files that are changed when they are opened: made smaller, or brought up to date.

use std::process::Command;

use rusqlite::Connection;

use crate::{
    common::{Running, attribute, span},
    heavy,
    program::{self, Program},
    start,
};

/// A file that is made smaller is copied on the way. The copy is a file.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_is_made_smaller_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    drop(Program::start(&file));
    let store = Connection::open(&file).unwrap();
    // 160 traces of a MiB.
    store
        .execute_batch(
            "INSERT INTO service (id, name, bytes) VALUES (1, 'shop', 160 << 20);
             INSERT INTO origin (id, service, print, resource, scope, uses) VALUES (1, 1, 0, x'', x'', 160);
             WITH RECURSIVE number (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM number WHERE id < 160)
             INSERT INTO trace (id, trace_id, start, finish, spans, errors)
             SELECT id, randomblob(16), id, id, 0, 0 FROM number;
             INSERT INTO body (trace, origin, spans) SELECT id, 1, zeroblob(1 << 20) FROM trace;
             INSERT INTO trace_service (service, trace, spans, errors, bytes)
             SELECT 1, id, 0, 0, 1 << 20 FROM trace;",
        )
        .unwrap();
    drop(store);
    assert!(std::fs::metadata(&file).unwrap().len() > 160 << 20);
    let mut command = program::arguments(&file);
    command.extend(["--limit".to_owned(), "128".to_owned()]);
    let program = Program::run(&command);
    let size = std::fs::metadata(&file).unwrap().len();
    assert!(size <= 128 << 20 && size > 32 << 20, "{size} bytes");
    let most = most_memory(&program);
    assert!(most < 40 << 10, "{most} KiB of memory");
}

/// In KiB, until now.
#[cfg(target_os = "linux")]
fn most_memory(program: &Program) -> u64 {
    let status = format!("/proc/{}/status", program.child.id());
    let status = std::fs::read_to_string(status).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let most = most.unwrap().trim().trim_end_matches(" kB");
    most.parse().unwrap()
}

/// The tables of the version before, made of today's.
const BEFORE: &str = "DROP INDEX service_by_bytes;
    ALTER TABLE service DROP COLUMN name_bytes;
    UPDATE trace_service SET bytes = (
        SELECT sum(length(spans)) FROM body JOIN origin ON origin.id = origin
        WHERE body.trace = trace_service.trace AND origin.service = trace_service.service
    ) + 200 * spans;
    UPDATE service SET bytes = log_bytes
        + (SELECT sum(bytes) FROM trace_service AS part WHERE part.service = service.id);
    PRAGMA user_version = 3;";

#[tokio::test]
async fn a_file_of_the_version_before_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let send = async |viewer: &Running| {
        for trace in 1..=30 {
            let mut call = span(trace, 2, Some(1), "call");
            call.kind = 3;
            call.attributes = vec![attribute("peer.service", "bank")];
            let service = format!("shop {}", trace % 3);
            viewer.send_spans(&service, vec![heavy(trace), call]).await;
            viewer
                .send_spans("bank", vec![span(trace, 3, Some(2), "pay")])
                .await;
            let log = opentelemetry_proto::tonic::logs::v1::LogRecord {
                time_unix_nano: trace as u64,
                ..Default::default()
            };
            viewer.send_logs("bank", vec![log]).await;
        }
    };
    let viewer = start(&file, 64 << 20).await;
    send(&viewer).await;
    drop(viewer);
    let store = Connection::open(&file).unwrap();
    let rows = || {
        let names = match store.prepare("SELECT name_bytes FROM service") {
            Ok(_) => "name_bytes",
            Err(_) => "0",
        };
        let charged = format!(
            "SELECT name, bytes, log_bytes FROM service
            UNION ALL SELECT 'names of ' || name, {names}, 0 FROM service
            UNION ALL SELECT 'trace ' || trace || ' ' || service, bytes, spans FROM trace_service
            UNION ALL SELECT 'rows', (SELECT count(*) FROM span), (SELECT count(*) FROM log)
            UNION ALL SELECT name, 0, 0 FROM sqlite_schema ORDER BY 1"
        );
        let mut statement = store.prepare(&charged).unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let rows = statement.query_map([], row).unwrap();
        rows.collect::<Result<Vec<(String, i64, i64)>, _>>()
            .unwrap()
    };
    let expected = rows();
    store.execute_batch(BEFORE).unwrap();
    assert_ne!(rows(), expected);
    let program = Command::new(&program::arguments(&file)[0])
        .args(&program::arguments(&file)[1..])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn();
    let mut program = program.unwrap();
    let mut line = String::new();
    let mut said = std::io::BufReader::new(program.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(line.contains(&file.display().to_string()), "{line}");
    assert!(
        line.contains("version 3") && line.contains("version 4"),
        "{line}"
    );
    assert_eq!(rows(), expected);
    // What is sent again is still known.
    let viewer = start(&file, 64 << 20).await;
    send(&viewer).await;
    assert_eq!(rows(), expected);
}

/// Filters and names may be far more than fits into memory.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_is_brought_up_to_date_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    drop(Program::start(&file));
    let store = Connection::open(&file).unwrap();
    // 160 filters of a MiB.
    store
        .execute_batch(
            "INSERT INTO service (id, name) VALUES (1, 'shop');
             INSERT INTO origin (id, service, print, resource, scope, uses) VALUES (1, 1, 0, x'', x'', 160);
             WITH RECURSIVE number (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM number WHERE id < 160)
             INSERT INTO trace (id, trace_id, start, finish, spans, errors)
             SELECT id, randomblob(16), id, id, 0, 0 FROM number;
             INSERT INTO body (id, trace, origin, spans) SELECT id, id, 1, x'' FROM trace;
             INSERT INTO sketch (id, trace, bits) SELECT id, id, randomblob(1 << 20) FROM trace;
             INSERT INTO trace_service (service, trace, spans, errors, bytes) SELECT 1, id, 0, 0, 0 FROM trace;",
        )
        .unwrap();
    store.execute_batch(BEFORE).unwrap();
    drop(store);
    let mut command = program::arguments(&file);
    command.extend(["--limit".to_owned(), "1024".to_owned()]);
    let program = Program::run(&command);
    let most = most_memory(&program);
    assert!(most < 40 << 10, "{most} KiB of memory");
    let charged =
        Connection::open(&file)
            .unwrap()
            .query_row("SELECT bytes FROM service", [], |row| row.get::<_, i64>(0));
    assert!(charged.unwrap() > 160 << 20);
}
