//! What the program says to arguments that cannot be meant, and where it cannot start.

use std::{net::TcpListener, process::Command};

/// What it ends with, and says.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let free = ["--page", "--grpc", "--http"].map(|door| [door, "127.0.0.1:0"]);
    let doors = free.iter().filter(|[door, _]| !arguments.contains(door));
    let output = Command::new(env!("CARGO_BIN_EXE_throughline-viewer"))
        .args(doors.flatten())
        .args(arguments)
        .output()
        .unwrap();
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
