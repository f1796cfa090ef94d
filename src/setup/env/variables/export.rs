//! Variables of exporters.

use super::{Section, Seen, read, refused};

/// A variable of all signals, and its forms for each.
macro_rules! signals {
    ($what:literal) => {
        &[
            concat!("OTEL_EXPORTER_OTLP_", $what),
            concat!("OTEL_EXPORTER_OTLP_TRACES_", $what),
            concat!("OTEL_EXPORTER_OTLP_METRICS_", $what),
            concat!("OTEL_EXPORTER_OTLP_LOGS_", $what),
        ]
    };
}

pub(super) const EXPORTERS: Section = Section {
    title: "Exporters",
    rows: &[
        read(
            &["OTEL_TRACES_EXPORTER"],
            "otlp",
            "of `otlp`, `console`, `zipkin`; `none`",
        ),
        read(
            &["OTEL_METRICS_EXPORTER"],
            "otlp",
            "of `otlp`, `console`, `prometheus`; `none`",
        ),
        read(
            &["OTEL_LOGS_EXPORTER"],
            "otlp",
            "of `otlp`, `console`; `none`",
        ),
        read(
            &["OTEL_METRIC_EXPORT_INTERVAL"],
            "60000",
            "milliseconds above 0; for the console it is 10000 unless said otherwise",
        ),
        read(
            &["OTEL_METRIC_EXPORT_TIMEOUT"],
            "30000",
            "milliseconds; 0 is without limit",
        ),
        read(
            &["OTEL_METRICS_EXEMPLAR_FILTER"],
            "always_off",
            "the SDK makes no exemplars: `always_on` and `trace_based` are told of",
        ),
        read(
            &["OTEL_EXPORTER_PROMETHEUS_HOST"],
            "localhost",
            "where `/metrics` is served",
        ),
        read(&["OTEL_EXPORTER_PROMETHEUS_PORT"], "9464", ""),
        read(
            &["OTEL_EXPORTER_ZIPKIN_ENDPOINT"],
            "http://localhost:9411/api/v2/spans",
            "",
        )
        .seen(Seen::Url),
        read(
            &["OTEL_EXPORTER_ZIPKIN_TIMEOUT"],
            "10000",
            "milliseconds; 0 is without limit",
        ),
        refused(
            &[
                "OTEL_EXPORTER_JAEGER_ENDPOINT",
                "OTEL_EXPORTER_JAEGER_AGENT_HOST",
                "OTEL_EXPORTER_JAEGER_AGENT_PORT",
            ],
            "Jaeger takes OTLP: OTEL_EXPORTER_OTLP_ENDPOINT",
        )
        .seen(Seen::Url),
    ],
};

pub(super) const OTLP: Section = Section {
    title: "OTLP",
    rows: &[
        read(
            signals!("ENDPOINT"),
            "http://localhost:4318, for gRPC 4317",
            "over HTTP that of all signals gets `/v1/traces` and its like appended, that of one signal is used as it is",
        )
        .seen(Seen::Url),
        read(
            signals!("PROTOCOL"),
            "http/protobuf",
            "`http/protobuf` (feature `otlp-http`), `http/json` (`otlp-json`), `grpc` (`otlp-grpc`)",
        ),
        read(
            signals!("HEADERS"),
            "",
            "`key=value` between commas, percent-encoded; those of one signal stand instead of those of all. No message shows them",
        )
        .seen(Seen::Nothing),
        read(
            signals!("TIMEOUT"),
            "10000",
            "milliseconds for one export, retries included; 0 is without limit",
        ),
        read(
            signals!("COMPRESSION"),
            "none",
            "`gzip` and `zstd` (features of those names)",
        ),
        read(
            signals!("INSECURE"),
            "false",
            "for gRPC to an endpoint without a scheme: `true` is http, else https",
        ),
        read(
            signals!("CERTIFICATE"),
            "",
            "PEM file of the authorities to trust instead of the system's, an error of `init` where it cannot be used; feature `tls`",
        ),
        read(
            signals!("CLIENT_CERTIFICATE"),
            "",
            "PEM file, with CLIENT_KEY beside it, an error where it cannot be used; feature `tls`",
        ),
        read(signals!("CLIENT_KEY"), "", "PEM file, an error where it cannot be used or does not fit the certificate"),
        read(
            &["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"],
            "cumulative",
            "`cumulative`, `delta`, `lowmemory`",
        ),
        read(
            &["OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"],
            "explicit_bucket_histogram",
            "or `base2_exponential_bucket_histogram`",
        ),
        refused(
            &[
                "OTEL_EXPORTER_OTLP_SPAN_INSECURE",
                "OTEL_EXPORTER_OTLP_METRIC_INSECURE",
            ],
            "its name is now OTEL_EXPORTER_OTLP_TRACES_INSECURE or OTEL_EXPORTER_OTLP_METRICS_INSECURE",
        ),
    ],
};

pub(super) const QUEUES: Section = Section {
    title: "Queues",
    rows: &[
        read(
            &["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY"],
            "5000, logs 1000",
            "milliseconds that a span or log record waits at most; for the console 100 at most",
        ),
        read(
            &["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE"],
            "2048",
            "above 0; of log records no more than 1048576, whose room is taken at once",
        ),
        read(
            &[
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
                "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
            ],
            "512",
            "above 0, and no more than the queue holds",
        ),
        read(
            &["OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BLRP_EXPORT_TIMEOUT"],
            "30000",
            "milliseconds; 0 is without limit",
        ),
        read(
            &["OTEL_RUST_BSP_MAX_QUEUE_BYTES"],
            "16777216",
            "bytes that the spans of a queue hold, about; our own",
        ),
        read(
            &["OTEL_RUST_BSP_WHEN_FULL"],
            "drop_oldest",
            "or `drop_newest`; our own",
        ),
        refused(
            &["OTEL_BSP_MAX_CONCURRENT_EXPORTS"],
            "batches are sent one after the other",
        ),
    ],
};
