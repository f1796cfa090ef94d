//! Setting up runs no program: between its fork and its exec, a child would hold a copy of each of the service's
//! sockets. Alone in its file: no other test's children are to be counted.

#![allow(
    clippy::disallowed_methods,
    reason = "what a test is asked for stands in the environment"
)]

use std::{collections::HashMap, env, fs, process::Command};

use throughline::Setup;

const ALL: [(&str, &str); 4] = [
    ("OTEL_TRACES_EXPORTER", "console"),
    ("OTEL_METRICS_EXPORTER", "prometheus"),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
    ("OTEL_LOGS_EXPORTER", "none"),
];

/// The page faults of all children that were waited for, as `proc_pid_stat(5)` has them. A program cannot run without one.
fn faults_of_children() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name, which ends with the last parenthesis, may hold spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(8)?.parse().ok()
}

#[test]
fn no_program_is_run() {
    let Some(before) = faults_of_children() else {
        let says = "this system does not count the children of a process in /proc";
        assert!(
            env::var("THROUGHLINE_REQUIRE").as_deref() != Ok("1"),
            "{says}"
        );
        return println!("skipped: {says}");
    };
    let vars = HashMap::from(ALL);
    let telemetry = Setup::new()
        .lookup(move |name| vars.get(name).map(ToString::to_string))
        .build()
        .unwrap();
    drop(telemetry);
    assert_eq!(before, 0, "before");
    assert_eq!(faults_of_children(), Some(0), "after");

    // The count is one that tells.
    Command::new(env::current_exe().unwrap())
        .arg("--list")
        .output()
        .unwrap();
    assert!(faults_of_children() > Some(0));
}
