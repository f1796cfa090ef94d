//! An SDK, in a process of its own.

#![allow(
    clippy::disallowed_methods,
    reason = "where the SDKs are stands in the environment"
)]

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{net::TcpStream, task::spawn_blocking};

use crate::{common::Running, vacant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sdk {
    Python,
    Node,
}

/// A trace, and how it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) trace: u128,
    transport: &'static str,
    packed: bool,
}

/// A collector that sends on what it takes, until it is dropped.
pub(crate) struct Relay {
    process: Child,
    grpc: SocketAddr,
    http: SocketAddr,
}

impl Made {
    pub(crate) fn new(number: u128, transport: &'static str, packed: bool) -> Self {
        Self {
            trace: 0xfeed_0000_0000_0000_0000_0000_0000_0000 | number,
            transport,
            packed,
        }
    }

    pub(crate) fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

impl Sdk {
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Python => "python ✓",
            Self::Node => "node ✓",
        }
    }

    /// Where it is not, that is told.
    pub(crate) fn is_installed(self) -> bool {
        is_there(&self.program().0)
    }

    /// Returns when the SDK has sent all and is shut down.
    pub(crate) async fn send(self, viewer: &Running, made: &Made) {
        let otlp = if made.transport == "grpc" {
            &viewer.grpc
        } else {
            &viewer.http
        };
        self.send_to(otlp, &viewer.http, made).await;
    }

    pub(crate) async fn send_to(self, otlp: &str, zipkin: &str, made: &Made) {
        let (installed, script) = self.program();
        let mut command = match self {
            Self::Python => Command::new(&installed),
            Self::Node => {
                let mut command = Command::new("node");
                command.env("NODE_PATH", &installed);
                command
            }
        };
        command
            .arg(script)
            .args([made.transport, &made.trace_id()])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", otlp)
            .env(
                "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
                format!("{zipkin}/api/v2/spans"),
            )
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null());
        if made.packed {
            command.env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
        }
        let done = spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{self:?} {made:?}: {said}");
    }

    /// What is installed, and what it runs.
    fn program(self) -> (PathBuf, PathBuf) {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = target().join("interop");
        let script = package.join("tests/senders");
        match self {
            Self::Python => (target.join("python/bin/python"), script.join("send.py")),
            Self::Node => (target.join("node/node_modules"), script.join("send.cjs")),
        }
    }
}

impl Relay {
    /// Returns when it listens.
    pub(crate) async fn start(program: &Path, viewer: &Running, onwards: &str) -> Self {
        let (grpc, http) = (vacant::address(), vacant::address());
        let to = if onwards == "grpc" {
            &viewer.grpc
        } else {
            &viewer.http
        };
        let process = Command::new(program)
            .arg("start")
            .args(["--otlp-grpc-endpoint", &grpc.to_string()])
            .args(["--otlp-http-endpoint", &http.to_string()])
            .args(["--exporter", "otlp"])
            .args(["--otlp-exporter-endpoint", to])
            .args(["--otlp-exporter-protocol", onwards])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        for address in [grpc, http] {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Self {
            process,
            grpc,
            http,
        }
    }

    pub(crate) fn url(&self, transport: &str) -> String {
        let address = if transport == "grpc" {
            self.grpc
        } else {
            self.http
        };
        format!("http://{address}")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// rotel's program.
pub(crate) fn collector() -> Option<PathBuf> {
    let program = target().join("receivers/bin/rotel-agent");
    is_there(&program).then_some(program)
}

fn target() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    env::var_os("CARGO_TARGET_DIR").map_or(beside, PathBuf::from)
}

/// Where it is not, that is told.
fn is_there(path: &Path) -> bool {
    let there = path.exists();
    let why = format!(
        "skipped: {} is not there; tests/interop/install and .ci/receivers install it",
        path.display()
    );
    assert!(
        there || env::var("THROUGHLINE_REQUIRE").as_deref() != Ok("1"),
        "{why}"
    );
    if !there {
        eprintln!("{why}");
    }
    there
}
