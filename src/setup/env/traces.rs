//! How spans are made and leave.

use std::time::Duration;

use super::{Env, limits, otlp, sampler, values::Words};
use crate::setup::{
    endpoint,
    settings::{Processing, SpanExporter, Traces, Zipkin},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Exporter {
    Otlp,
    Console,
    Zipkin,
}

const EXPORTERS: Words<Exporter> = Words {
    unknown: "is no known exporter",
    known: &[
        ("otlp", Exporter::Otlp),
        ("console", Exporter::Console),
        ("zipkin", Exporter::Zipkin),
    ],
    unsupported: &["logging", "otlp/stdout"],
    default: "otlp",
    nothing: "nothing is exported",
};

pub(super) fn traces(env: &Env) -> Traces {
    let exporters = env
        .words("OTEL_TRACES_EXPORTER", &EXPORTERS)
        .unwrap_or_else(|| vec![Exporter::Otlp]);
    let batch = limits::span_batch(env);
    let processors = exporters.into_iter().filter_map(|exporter| {
        let (exporter, batch) = match exporter {
            Exporter::Otlp => (SpanExporter::Otlp(otlp::otlp(env, &otlp::TRACES)?), batch),
            Exporter::Console => (SpanExporter::Console, batch.at_once()),
            Exporter::Zipkin => (SpanExporter::Zipkin(zipkin(env)?), batch),
        };
        Some(Processing {
            exporter,
            batch: Some(batch),
        })
    });
    Traces {
        are_recorded: true,
        processors: processors.collect(),
        batch,
        room: limits::room(env),
        sampler: sampler::sampler(env),
        limits: limits::span(env),
    }
}

fn zipkin(env: &Env) -> Option<Zipkin> {
    const DEFAULT: &str = "http://localhost:9411/api/v2/spans";
    let names = ["OTEL_EXPORTER_ZIPKIN_ENDPOINT"];
    let endpoint = env.pick(&names, DEFAULT, endpoint::parse);
    Some(Zipkin {
        endpoint: match endpoint {
            Some((_, url)) => url,
            None => endpoint::parse(DEFAULT).ok()?,
        },
        timeout: env.timeout(&["OTEL_EXPORTER_ZIPKIN_TIMEOUT"], Duration::from_secs(10)),
    })
}
