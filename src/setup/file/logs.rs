//! `logger_provider`.

use std::time::Duration;

use super::{otlp, processors, top, walk::At};
use crate::setup::{
    endpoint,
    settings::{AT_ONCE, AttributeLimits, LogExporter, Logs},
};

const DELAY: Duration = Duration::from_secs(1);

/// Without it no log record is exported.
pub(super) fn logs(at: Option<&At<'_>>, limits: AttributeLimits) -> Logs {
    let mut logs = Logs {
        processors: Vec::new(),
        batch: processors::default_batch(DELAY),
        limits,
    };
    if let Some(at) = at {
        let fields = at.fields();
        let list = fields.need("processors");
        logs.processors = list
            .map(|at| processors::processors(&at, DELAY, AT_ONCE, exporter))
            .unwrap_or_default();
        logs.limits = top::limits(fields.get("limits").as_ref(), Some(limits));
    }
    logs
}

fn exporter(name: &str, at: &At<'_>) -> Option<LogExporter> {
    if let Some(otlp) = otlp::otlp(name, at, endpoint::LOGS, |_| ()) {
        return otlp.map(|(otlp, ())| LogExporter::Otlp(otlp));
    }
    if name == "console" {
        drop(at.fields());
        return Some(LogExporter::Console);
    }
    at.wrong("is not supported");
    None
}
