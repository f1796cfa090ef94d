//! The viewer's own program.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) page: String,
    pub(crate) http: String,
}

/// The program with free addresses.
pub(crate) fn arguments(file: &Path) -> Vec<String> {
    let mut arguments = vec![env!("CARGO_BIN_EXE_throughline-viewer").to_owned()];
    for door in ["--page", "--grpc", "--http"] {
        arguments.extend([door.to_owned(), "127.0.0.1:0".to_owned()]);
    }
    arguments.extend(["--data".to_owned(), file.display().to_string()]);
    arguments
}

impl Program {
    pub(crate) fn start(file: &Path) -> Self {
        Self::run(&arguments(file))
    }

    pub(crate) fn run(command: &[String]) -> Self {
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut after = |name: &str| {
            let line = lines.next().unwrap().unwrap();
            let (_, address) = line.split_once(name).unwrap_or_else(|| panic!("{line}"));
            address.trim().to_owned()
        };
        Self {
            page: after("traces:"),
            http: after("OTLP over HTTP:"),
            child,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
