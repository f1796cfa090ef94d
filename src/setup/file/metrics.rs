//! `meter_provider`.

use std::time::Duration;

use super::{
    otlp,
    processors::limit,
    views,
    walk::{At, Fields},
};
use crate::setup::{
    endpoint,
    env::{
        metrics::{EXEMPLARS, HISTOGRAMS, TEMPORALITIES},
        values::Words,
    },
    settings::{Histograms, MetricExporter, Metrics, Reader, Temporality},
    views::Limits,
};

const INTERVAL: u32 = 60_000;
const TIMEOUT: Duration = Duration::from_secs(30);

/// As the file spells it.
const LOW_MEMORY: Words<Temporality> = Words::of(
    TEMPORALITIES.unknown,
    &[
        ("cumulative", Temporality::Cumulative),
        ("delta", Temporality::Delta),
        ("low_memory", Temporality::LowMemory),
    ],
);

/// Without it nothing is measured.
pub(super) fn metrics(at: Option<&At<'_>>) -> Metrics {
    let mut metrics = Metrics {
        readers: Vec::new(),
        views: Vec::new(),
        limits: Limits::default(),
    };
    let Some(at) = at else {
        return metrics;
    };
    let fields = at.fields();
    for at in fields.need("readers").iter().flat_map(At::list) {
        let Some((reader, limits)) = reader(&at) else {
            continue;
        };
        if metrics.readers.is_empty() {
            metrics.limits = limits;
        } else if limits != metrics.limits {
            at.wrong("has other cardinality_limits than the one before, and OpenTelemetry's SDK for Rust has the same for all");
        }
        metrics.readers.push(reader);
    }
    for at in fields.get("views").iter().flat_map(At::list) {
        metrics.views.extend(views::view(&at));
    }
    if let Some(at) = fields.get("exemplar_filter") {
        // The default of the specification is taken for none.
        at.word(&EXEMPLARS);
        if at.text() == Some("always_on") {
            at.wrong("asks for exemplars, which OpenTelemetry's SDK for Rust does not make");
        }
    }
    metrics
}

fn reader(at: &At<'_>) -> Option<(Reader, Limits)> {
    let (kind, inner) = at.chosen()?;
    let read = match kind {
        "periodic" => periodic,
        "pull" => pull,
        _ => {
            inner.wrong("is not supported");
            return None;
        }
    };
    let fields = inner.fields();
    let limits = fields.get("cardinality_limits");
    let limits = limits.map(|at| views::limits(&at)).unwrap_or_default();
    Some((read(&fields)?, limits))
}

fn periodic(fields: &Fields<'_>) -> Option<Reader> {
    let interval = fields.get("interval").and_then(|at| at.number(1));
    let timeout = fields.get("timeout").and_then(|at| at.millis());
    let (name, inner) = fields.need("exporter")?.chosen()?;
    Some(Reader::Periodic {
        exporter: exporter(name, &inner)?,
        interval: Duration::from_millis(interval.unwrap_or(INTERVAL).into()),
        timeout: limit(timeout, TIMEOUT),
    })
}

fn pull(fields: &Fields<'_>) -> Option<Reader> {
    let (name, inner) = fields.need("exporter")?.chosen()?;
    match name {
        "prometheus" | "prometheus/development" => prometheus(&inner),
        _ => {
            inner.wrong("is not supported");
            None
        }
    }
}

fn exporter(name: &str, at: &At<'_>) -> Option<MetricExporter> {
    let more = |fields: &Fields<'_>| {
        let temporality = fields.get("temporality_preference");
        let histograms = fields.get("default_histogram_aggregation");
        (
            temporality
                .and_then(|at| at.word(&LOW_MEMORY))
                .unwrap_or_default(),
            histograms
                .and_then(|at| at.word(&HISTOGRAMS))
                .unwrap_or_default(),
        )
    };
    if let Some(otlp) = otlp::otlp(name, at, endpoint::METRICS, more) {
        return otlp.map(|(otlp, (temporality, histograms))| MetricExporter::Otlp {
            otlp,
            temporality,
            histograms,
        });
    }
    if name != "console" {
        at.wrong("is not supported");
        return None;
    }
    let (temporality, histograms) = more(&at.fields());
    if histograms != Histograms::ExplicitBuckets {
        at.wrong("default_histogram_aggregation is not supported for the console");
    }
    Some(MetricExporter::Console { temporality })
}

fn prometheus(at: &At<'_>) -> Option<Reader> {
    let fields = at.fields();
    let port = match fields.get("port") {
        None => 9464,
        Some(at) => match u16::try_from(at.number(0)?) {
            Ok(port) => port,
            Err(_) => {
                at.wrong("is no port");
                return None;
            }
        },
    };
    Some(Reader::Prometheus {
        host: fields.text("host").unwrap_or("localhost").to_owned(),
        port,
    })
}
