//! A service of another language, in a process that ends with the test.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};

use super::collector::Collector;

pub(crate) struct Foreign {
    pub(crate) url: String,
    pub(crate) language: &'static str,
    process: Child,
    collector: Collector,
}

/// A span as the collector got it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    kind: &'static str,
    pub(crate) id: String,
    pub(crate) parent: String,
}

#[derive(Debug)]
pub(crate) struct SeenSpans(Vec<Seen>);

impl Foreign {
    /// `None` where it is not installed, which is told.
    pub(crate) fn python(formats: &str) -> Option<Self> {
        let bin = installed("python/bin/opentelemetry-instrument")?;
        let python = installed("python/bin/python")?;
        let mut command = Command::new(bin);
        command.arg(python).arg(source("python/service.py"));
        Some(Self::start("python", command, formats))
    }

    pub(crate) fn node(formats: &str) -> Option<Self> {
        let modules = installed("node/node_modules")?;
        let mut command = Command::new("node");
        command
            .args([
                "--require",
                "@opentelemetry/auto-instrumentations-node/register",
            ])
            .arg(source("node/service.cjs"))
            .current_dir(modules.parent().unwrap())
            .env("NODE_PATH", modules)
            .env("OTEL_NODE_ENABLED_INSTRUMENTATIONS", "http")
            .env("OTEL_NODE_RESOURCE_DETECTORS", "none");
        Some(Self::start("node", command, formats))
    }

    fn start(language: &'static str, mut command: Command, formats: &str) -> Self {
        let collector = Collector::start();
        let mut process = command
            .env("OTEL_SERVICE_NAME", "foreign")
            .env("OTEL_PROPAGATORS", formats)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
            .env("OTEL_TRACES_EXPORTER", "otlp")
            .env("OTEL_METRICS_EXPORTER", "none")
            .env("OTEL_LOGS_EXPORTER", "none")
            .env("OTEL_BSP_SCHEDULE_DELAY", "50")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| Some(line.ok()?.strip_prefix("port ")?.to_owned()));
        let port = port.expect("the service says its port");
        Self {
            url: format!("http://127.0.0.1:{port}/"),
            language,
            process,
            collector,
        }
    }

    /// Its spans of this trace, as soon as there are so many.
    pub(crate) fn spans(&self, trace: &str, count: usize) -> SeenSpans {
        let mut calls = 1;
        loop {
            let all = self.collector.wait_for_calls(calls);
            let spans = all.iter().flat_map(|call| &call.spans);
            let spans = spans.flat_map(|resource| &resource.scope_spans);
            let spans = spans.flat_map(|scope| &scope.spans);
            let ours = spans.filter(|span| hex(&span.trace_id) == trace);
            let seen: Vec<_> = ours.map(Seen::of).collect();
            if seen.len() >= count {
                return SeenSpans(seen);
            }
            calls = all.len() + 1;
        }
    }
}

impl SeenSpans {
    /// The first of these, `server` or `client`.
    #[track_caller]
    pub(crate) fn of_kind(&self, kind: &str) -> Seen {
        let found = self.0.iter().find(|span| span.kind == kind);
        found
            .unwrap_or_else(|| panic!("no {kind}: {self:#?}"))
            .clone()
    }

    pub(crate) fn children(&self, parent: &str) -> Vec<&Seen> {
        self.0.iter().filter(|span| span.parent == parent).collect()
    }
}

impl Seen {
    fn of(span: &Span) -> Self {
        Self {
            kind: match span.kind() {
                SpanKind::Server => "server",
                SpanKind::Client => "client",
                _ => "other",
            },
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop")
        .join(path)
}

/// Where `install` put it. Says so where it did not, and fails where it had to.
#[allow(
    clippy::disallowed_methods,
    reason = "it is no setting of the library's"
)]
fn installed(path: &str) -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    let path = target.join("interop").join(path);
    if path.exists() {
        return Some(path);
    }
    let text = "skipped: tests/interop/install has not been run";
    assert!(std::env::var_os("THROUGHLINE_REQUIRE").is_none(), "{text}");
    println!("{text}");
    None
}
