//! How metrics leave.

use std::time::Duration;

use super::{
    Env, otlp,
    values::{self, Words},
};
use crate::setup::{
    otlp::IS_BUILT,
    settings::{Histograms, MetricExporter, Metrics, Reader, Temporality},
    views::Limits,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Exporter {
    Otlp,
    Console,
    Prometheus,
}

const EXPORTERS: Words<Exporter> = Words {
    unknown: "is no known exporter",
    known: &[
        ("otlp", Exporter::Otlp),
        ("console", Exporter::Console),
        ("prometheus", Exporter::Prometheus),
    ],
    unsupported: &["logging", "otlp/stdout"],
    default: "otlp",
    nothing: "nothing is exported",
};

pub(in crate::setup) const TEMPORALITIES: Words<Temporality> = Words {
    unknown: "is no known temporality",
    known: &[
        ("cumulative", Temporality::Cumulative),
        ("delta", Temporality::Delta),
        ("lowmemory", Temporality::LowMemory),
    ],
    unsupported: &[],
    default: "cumulative",
    nothing: "",
};

pub(in crate::setup) const HISTOGRAMS: Words<Histograms> = Words {
    unknown: "is no known aggregation",
    known: &[
        ("explicit_bucket_histogram", Histograms::ExplicitBuckets),
        (
            "base2_exponential_bucket_histogram",
            Histograms::Base2Exponential,
        ),
    ],
    unsupported: &[],
    default: "explicit_bucket_histogram",
    nothing: "",
};

pub(in crate::setup) const EXEMPLARS: Words<bool> = Words {
    unknown: "is no known filter",
    known: &[
        ("always_off", false),
        ("always_on", true),
        ("trace_based", true),
    ],
    unsupported: &[],
    default: "always_off",
    nothing: "",
};

pub(super) fn metrics(env: &Env) -> Metrics {
    exemplars(env);
    let exporters = env
        .words("OTEL_METRICS_EXPORTER", &EXPORTERS)
        .unwrap_or_else(defaults);
    let readers = exporters.into_iter().filter_map(|exporter| {
        Some(match exporter {
            Exporter::Otlp => periodic(
                env,
                60_000,
                MetricExporter::Otlp {
                    otlp: otlp::otlp(env, &otlp::METRICS)?,
                    temporality: env.word(
                        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                        &TEMPORALITIES,
                    ),
                    histograms: env.word(
                        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
                        &HISTOGRAMS,
                    ),
                },
            ),
            Exporter::Console => periodic(
                env,
                10_000,
                MetricExporter::Console {
                    temporality: Temporality::Cumulative,
                },
            ),
            Exporter::Prometheus => prometheus(env),
        })
    });
    Metrics {
        readers: readers.collect(),
        views: Vec::new(),
        limits: Limits::default(),
    }
}

/// The SDK has none.
fn exemplars(env: &Env) {
    const NAME: &str = "OTEL_METRICS_EXEMPLAR_FILTER";
    if env.word(NAME, &EXEMPLARS)
        && let Some(value) = env.text(NAME)
    {
        let why = "asks for exemplars, which OpenTelemetry's SDK for Rust does not make";
        env.wrong(NAME, &value, why, "always_off is used instead");
    }
}

/// Nobody asked for metrics: a build that cannot send them is none the worse.
fn defaults() -> Vec<Exporter> {
    if IS_BUILT {
        vec![Exporter::Otlp]
    } else {
        Vec::new()
    }
}

/// Every so many milliseconds, by the specification of each exporter, unless the variable says otherwise.
fn periodic(env: &Env, default: u64, exporter: MetricExporter) -> Reader {
    const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";
    let interval = env.pick(&[INTERVAL], &default.to_string(), values::interval);
    Reader::Periodic {
        exporter,
        interval: interval.map_or_else(|| Duration::from_millis(default), |(_, interval)| interval),
        timeout: env.timeout(&["OTEL_METRIC_EXPORT_TIMEOUT"], Duration::from_secs(30)),
    }
}

fn prometheus(env: &Env) -> Reader {
    const PORT: &str = "OTEL_EXPORTER_PROMETHEUS_PORT";
    let port = env.pick(&[PORT], "9464", |text| {
        text.parse().map_err(|_| "is no port")
    });
    Reader::Prometheus {
        host: env
            .text("OTEL_EXPORTER_PROMETHEUS_HOST")
            .unwrap_or_else(|| "localhost".to_owned()),
        port: port.map_or(9464, |(_, port)| port),
    }
}
