//! `meter_provider`.

use std::time::Duration;

use super::{otlp, processors::limit, views, walk::At};
use crate::setup::{
    endpoint,
    env::{
        metrics::{EXEMPLARS, HISTOGRAMS, TEMPORALITIES},
        values::Words,
    },
    settings::{Histograms, MetricExporter, Metrics, Reader, Temporality},
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
    };
    let Some(at) = at else {
        return metrics;
    };
    let fields = at.fields();
    for at in fields.need("readers").iter().flat_map(At::list) {
        metrics.readers.extend(reader(&at));
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

fn reader(at: &At<'_>) -> Option<Reader> {
    let (kind, inner) = at.chosen()?;
    match kind {
        "periodic" => {
            let fields = inner.fields();
            let interval = fields.get("interval").and_then(|at| at.number(1));
            let timeout = fields.get("timeout").and_then(|at| at.millis());
            let (name, inner) = fields.need("exporter")?.chosen()?;
            Some(Reader::Periodic {
                exporter: exporter(name, &inner)?,
                interval: Duration::from_millis(interval.unwrap_or(INTERVAL).into()),
                timeout: limit(timeout, TIMEOUT),
            })
        }
        "pull" => {
            let fields = inner.fields();
            let (name, inner) = fields.need("exporter")?.chosen()?;
            match name {
                "prometheus" | "prometheus/development" => prometheus(&inner),
                _ => {
                    inner.wrong("is not supported");
                    None
                }
            }
        }
        _ => {
            inner.wrong("is not supported");
            None
        }
    }
}

fn exporter(name: &str, at: &At<'_>) -> Option<MetricExporter> {
    let more = |fields: &super::walk::Fields<'_>| {
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
