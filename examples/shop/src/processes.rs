//! The services as processes of their own: started, listened to, and ended in order.

use std::{
    env,
    net::{SocketAddr, TcpListener},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
    time::timeout,
};

use crate::{
    Result,
    logs::Logs,
    services::{JSON, LISTENING, METRICS},
};

/// How long a service may take to start, to say what is awaited, or to end.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running service. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// Where it serves its metrics.
    pub(crate) metrics: Option<SocketAddr>,
    process: Child,
    /// Open for as long as the service is to run.
    stdin: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
}

/// Where a service's telemetry goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reports {
    /// Takes its spans.
    pub(crate) collector: SocketAddr,
    /// Where it serves its metrics, or on any free port if that one is taken.
    pub(crate) metrics_port: Option<u16>,
    /// What becomes of its log lines.
    pub(crate) logs: Logs,
}

impl Service {
    /// Starts this program once more as one of its services, and waits until it listens. No telemetry setting but these
    /// reaches it.
    pub(crate) async fn start(
        name: &'static str,
        port: u16,
        upstreams: &[&Self],
        reports: Reports,
    ) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args([name, &format!("127.0.0.1:{port}")]);
        command.args(
            upstreams
                .iter()
                .map(|other| format!("{}={}", other.name, other.address)),
        );
        for (key, _) in env::vars_os() {
            if key.to_string_lossy().starts_with("OTEL_") {
                command.env_remove(key);
            }
        }
        match reports.metrics_port {
            Some(port) => command
                .env("OTEL_METRICS_EXPORTER", "prometheus")
                .env("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1")
                .env("OTEL_EXPORTER_PROMETHEUS_PORT", free(port).to_string()),
            None => command.env("OTEL_METRICS_EXPORTER", "none"),
        };
        command.env_remove(JSON);
        if reports.logs == Logs::Json {
            command.env(JSON, "1");
        }
        let mut process = command
            .env("OTEL_SERVICE_NAME", name)
            .env(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("http://{}", reports.collector),
            )
            .env("OTEL_BSP_SCHEDULE_DELAY", "50")
            .env("OTEL_BLRP_SCHEDULE_DELAY", "50")
            // A proxy of the outside world knows no loopback.
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (sender, lines) = mpsc::unbounded_channel();
        if let Some(stdout) = process.stdout.take() {
            tokio::spawn(read(stdout, reports.logs, sender));
        }
        let stdin = process.stdin.take();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut service = Self {
            name,
            address,
            metrics: None,
            process,
            stdin,
            lines,
        };
        service.address = service.said(LISTENING).await?.parse()?;
        if reports.metrics_port.is_some() {
            service.metrics = Some(service.said(METRICS).await?.parse()?);
        }
        Ok(service)
    }

    /// Waits until the service says a line that begins so; returns what it says after it.
    pub(crate) async fn said(&mut self, wanted: &str) -> Result<String> {
        let found = async {
            while let Some(line) = self.lines.recv().await {
                if let Some(rest) = line.strip_prefix(wanted) {
                    return Some(rest.to_owned());
                }
            }
            None
        };
        match timeout(DEADLINE, found).await {
            Ok(Some(rest)) => Ok(rest),
            Ok(None) => Err(format!("{} ended before it said {wanted:?}", self.name).into()),
            Err(_) => {
                Err(format!("{} did not say {wanted:?} within {DEADLINE:?}", self.name).into())
            }
        }
    }

    /// Has the service end in order: it answers what it was asked, and sends its last spans.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.stdin.take());
        let status = match timeout(DEADLINE, self.process.wait()).await {
            Ok(status) => status?,
            Err(_) => {
                return Err(format!(
                    "{} did not stop within {DEADLINE:?}, so it was killed",
                    self.name
                )
                .into());
            }
        };
        match status.success() {
            true => Ok(()),
            false => Err(format!("{} ended with {status}", self.name).into()),
        }
    }
}

async fn read(stdout: ChildStdout, logs: Logs, sender: mpsc::UnboundedSender<String>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        logs.show(&line);
        // Read on when nobody listens any more: a full pipe would hold the service up.
        sender.send(line).ok();
    }
}

/// This port, or 0, which stands for any.
fn free(port: u16) -> u16 {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => port,
        Err(_) => 0,
    }
}
