//! How each signal leaves.

use super::{
    Given,
    chosen::{From, Limit, Lines, Listed},
    otlp::otlp,
};
use crate::setup::{
    endpoint::Shown,
    env::{
        limits::WHEN_FULL,
        metrics::{HISTOGRAMS, TEMPORALITIES},
        otlp::{LOGS, METRICS, TRACES},
    },
    settings::{LogExporter, MetricExporter, Reader, Settings, SpanExporter},
};

const SPAN_BATCH: [&str; 4] = [
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_EXPORT_TIMEOUT",
];

const LOG_BATCH: [&str; 4] = [
    "OTEL_BLRP_SCHEDULE_DELAY",
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BLRP_EXPORT_TIMEOUT",
];

pub(super) fn spans(lines: &mut Lines<'_>, settings: &Settings, given: &Given) {
    let traces = &settings.traces;
    if given.exporters > 0 {
        lines.code("traces.exporters", given.exporters);
        lines.batch("traces", Some(traces.batch), &SPAN_BATCH, "");
    } else {
        let names = traces
            .processors
            .iter()
            .map(|processing| match processing.exporter {
                SpanExporter::Otlp(_) => "otlp",
                SpanExporter::Console => "console",
                SpanExporter::Zipkin(_) => "zipkin",
            });
        let from = From(&["OTEL_TRACES_EXPORTER"], "tracer_provider.processors");
        lines.say("traces.exporters", Listed(names), from);
        for (index, processing) in traces.processors.iter().enumerate() {
            let path = format!("tracer_provider.processors[{index}]");
            let below = path.clone()
                + if processing.batch.is_some() {
                    ".batch"
                } else {
                    ".simple"
                };
            let what = match &processing.exporter {
                SpanExporter::Otlp(settings) => {
                    otlp(lines, "traces.otlp", settings, &TRACES, &below);
                    "traces.otlp"
                }
                SpanExporter::Console => "traces.console",
                SpanExporter::Zipkin(zipkin) => {
                    let path = |key: &str| format!("{below}.exporter.zipkin.{key}");
                    lines.say(
                        "traces.zipkin.endpoint",
                        Shown(&zipkin.endpoint),
                        From(&["OTEL_EXPORTER_ZIPKIN_ENDPOINT"], &path("endpoint")),
                    );
                    lines.say(
                        "traces.zipkin.timeout",
                        Limit(zipkin.timeout),
                        From(&["OTEL_EXPORTER_ZIPKIN_TIMEOUT"], &path("timeout")),
                    );
                    "traces.zipkin"
                }
            };
            lines.batch(what, processing.batch, &SPAN_BATCH, &path);
        }
    }
    let room = &traces.room;
    let bytes = From(&["OTEL_RUST_BSP_MAX_QUEUE_BYTES"], "");
    let when_full = From(&["OTEL_RUST_BSP_WHEN_FULL"], "");
    if given.queue_bytes {
        lines.code("traces.max_queue_bytes", room.bytes);
    } else {
        lines.say("traces.max_queue_bytes", room.bytes, bytes);
    }
    if given.when_full {
        lines.code("traces.when_full", WHEN_FULL.word(room.when_full));
    } else {
        lines.say(
            "traces.when_full",
            WHEN_FULL.word(room.when_full),
            when_full,
        );
    }
}

pub(super) fn metrics(lines: &mut Lines<'_>, settings: &Settings, given: &Given) {
    if given.meters {
        return lines.code("metrics", "readers or a provider of your own");
    }
    let readers = &settings.metrics.readers;
    let names = readers.iter().map(|reader| match reader {
        Reader::Periodic { exporter, .. } => match exporter {
            MetricExporter::Otlp { .. } => "otlp",
            MetricExporter::Console { .. } => "console",
        },
        Reader::Prometheus { .. } => "prometheus",
    });
    let from = From(&["OTEL_METRICS_EXPORTER"], "meter_provider.readers");
    lines.say("metrics.exporters", Listed(names), from);
    for (index, reader) in readers.iter().enumerate() {
        let path = format!("meter_provider.readers[{index}]");
        match reader {
            Reader::Periodic {
                exporter,
                interval,
                timeout,
            } => {
                let path = format!("{path}.periodic");
                let what = self::exporter(lines, exporter, &path);
                lines.say(
                    &format!("{what}.interval"),
                    Limit(Some(*interval)),
                    From(
                        &["OTEL_METRIC_EXPORT_INTERVAL"],
                        &format!("{path}.interval"),
                    ),
                );
                lines.say(
                    &format!("{what}.export_timeout"),
                    Limit(*timeout),
                    From(&["OTEL_METRIC_EXPORT_TIMEOUT"], &format!("{path}.timeout")),
                );
            }
            Reader::Prometheus { host, port } => {
                let path = |key: &str| format!("{path}.pull.exporter.prometheus/development.{key}");
                lines.say(
                    "metrics.prometheus.host",
                    host,
                    From(&["OTEL_EXPORTER_PROMETHEUS_HOST"], &path("host")),
                );
                lines.say(
                    "metrics.prometheus.port",
                    port,
                    From(&["OTEL_EXPORTER_PROMETHEUS_PORT"], &path("port")),
                );
            }
        }
    }
    if let Some(default) = settings.metrics.limits.default {
        let path = "meter_provider.readers";
        lines.say("metrics.cardinality_limit", default, From(&[], path));
    }
    if !settings.metrics.views.is_empty() {
        let count = settings.metrics.views.len();
        lines.say("metrics.views", count, From(&[], "meter_provider.views"));
    }
}

fn exporter(lines: &mut Lines<'_>, exporter: &MetricExporter, path: &str) -> &'static str {
    match exporter {
        MetricExporter::Otlp {
            otlp: settings,
            temporality,
            histograms,
        } => {
            otlp(lines, "metrics.otlp", settings, &METRICS, path);
            let kind = match settings.protocol {
                crate::setup::settings::Protocol::Grpc => "otlp_grpc",
                _ => "otlp_http",
            };
            let path = |key: &str| format!("{path}.exporter.{kind}.{key}");
            lines.say(
                "metrics.otlp.temporality",
                TEMPORALITIES.word(*temporality),
                From(
                    &["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"],
                    &path("temporality_preference"),
                ),
            );
            lines.say(
                "metrics.otlp.histograms",
                HISTOGRAMS.word(*histograms),
                From(
                    &["OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"],
                    &path("default_histogram_aggregation"),
                ),
            );
            "metrics.otlp"
        }
        MetricExporter::Console { temporality } => {
            let path = format!("{path}.exporter.console.temporality_preference");
            lines.say(
                "metrics.console.temporality",
                TEMPORALITIES.word(*temporality),
                From(&[], &path),
            );
            "metrics.console"
        }
    }
}

pub(super) fn logs(lines: &mut Lines<'_>, settings: &Settings, given: &Given) {
    let logs = &settings.logs;
    if given.loggers {
        lines.code("logs", "exporters or a provider of your own");
        lines.batch("logs", Some(logs.batch), &LOG_BATCH, "");
    } else {
        let names = logs
            .processors
            .iter()
            .map(|processing| match processing.exporter {
                LogExporter::Otlp(_) => "otlp",
                LogExporter::Console => "console",
            });
        let from = From(&["OTEL_LOGS_EXPORTER"], "logger_provider.processors");
        lines.say("logs.exporters", Listed(names), from);
        for (index, processing) in logs.processors.iter().enumerate() {
            let path = format!("logger_provider.processors[{index}]");
            let below = path.clone()
                + if processing.batch.is_some() {
                    ".batch"
                } else {
                    ".simple"
                };
            let what = match &processing.exporter {
                LogExporter::Otlp(settings) => {
                    otlp(lines, "logs.otlp", settings, &LOGS, &below);
                    "logs.otlp"
                }
                LogExporter::Console => "logs.console",
            };
            lines.batch(what, processing.batch, &LOG_BATCH, &path);
        }
    }
    lines.attribute_limits(
        "logs",
        logs.limits,
        &[
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
        ],
        &[
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ],
        "logger_provider",
    );
}
