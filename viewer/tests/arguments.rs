//! What the program says to what it is asked on its command line, and where it cannot start.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Command, Stdio},
};

/// The program on free addresses where none is said.
fn program(arguments: &[&str]) -> Command {
    let free = ["--page", "--grpc", "--http"].map(|door| [door, "127.0.0.1:0"]);
    let doors = free.iter().filter(|[door, _]| !arguments.contains(door));
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline-viewer"));
    command.args(doors.flatten()).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What it ends with, and says.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = program(arguments).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

#[test]
fn numbers_that_mean_nothing_are_refused() {
    for target in ["0", "-1", "NaN", "inf", "many"] {
        let (code, said) = run(&["--sampling-target", target, "--sampling-at", "127.0.0.1:0"]);
        assert_eq!(code, Some(2), "{target}: {said}");
        assert!(said.contains("it is no number above zero"), "{said}");
    }
    for limit in ["0", "-1", "much"] {
        let (code, said) = run(&["--limit", limit]);
        assert_eq!(code, Some(2), "{limit}: {said}");
    }
}

#[test]
fn a_taken_address_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for door in ["--page", "--grpc", "--http"] {
        let (code, said) = run(&[door, &address]);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains(&address) && said.contains("choose other addresses"),
            "{said}"
        );
    }
}

#[test]
fn a_folder_is_no_file_of_traces() {
    let folder = std::env::temp_dir();
    let (code, said) = run(&["--data", folder.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(said.contains("it is a folder; name a file in it"), "{said}");
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
