//! What the program says to what it is asked on its command line.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

fn program(more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline-viewer"));
    for door in ["--page", "--grpc", "--http"] {
        command.args([door, "127.0.0.1:0"]);
    }
    command.args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn strategies_for_other_machines_are_warned_of() {
    let asks = ["--sampling-target", "1", "--sampling-at", "0.0.0.0:0"];
    let mut child = program(&asks).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("traces:"));
    child.kill().unwrap();
    child.wait().unwrap();
    let mut said = String::new();
    let mut errors = child.stderr.take().unwrap();
    errors.read_to_string(&mut said).unwrap();
    assert!(said.contains("0.0.0.0:0"), "{said}");
}

#[test]
fn a_limit_that_no_machine_has_is_refused() {
    // A multiple of 2^44 that a shift would make nothing of.
    let most = (1u64 << 44).to_string();
    let mut child = program(&["--limit", most.as_str()]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // It says an address only if it takes the limit.
    let first = lines.next();
    child.kill().ok();
    child.wait().unwrap();
    let mut said = String::new();
    let mut errors = child.stderr.take().unwrap();
    errors.read_to_string(&mut said).unwrap();
    assert!(first.is_none());
    assert!(said.contains("--limit"), "{said}");
}
