//! How log records leave.

use super::{Env, limits, otlp, values::Words};
use crate::setup::settings::{LogExporter, Logs, Processing};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Exporter {
    Otlp,
    Console,
}

const EXPORTERS: Words<Exporter> = Words {
    unknown: "is no known exporter",
    known: &[("otlp", Exporter::Otlp), ("console", Exporter::Console)],
    unsupported: &["logging", "otlp/stdout"],
    default: "otlp",
    nothing: "nothing is exported",
};

pub(super) fn logs(env: &Env) -> Logs {
    let exporters = env
        .words("OTEL_LOGS_EXPORTER", &EXPORTERS)
        .unwrap_or_else(|| vec![Exporter::Otlp]);
    let batch = limits::log_batch(env);
    let processors = exporters.into_iter().filter_map(|exporter| {
        let (exporter, batch) = match exporter {
            Exporter::Otlp => (LogExporter::Otlp(otlp::otlp(env, &otlp::LOGS)?), batch),
            Exporter::Console => (LogExporter::Console, batch.at_once()),
        };
        Some(Processing {
            exporter,
            batch: Some(batch),
        })
    });
    Logs {
        processors: processors.collect(),
        batch,
        limits: limits::log_record(env),
    }
}
