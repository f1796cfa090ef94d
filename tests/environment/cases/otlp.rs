//! `OTEL_EXPORTER_OTLP_…`.

use super::{Case, Empty};
use crate::pem;

/// Those of all signals and of each; the former are looked at where traces go.
pub(super) fn otlp() -> Vec<Case> {
    let mut cases = Vec::new();
    for (of, what, path) in [
        ("", "traces", "v1/traces"),
        ("TRACES_", "traces", "v1/traces"),
        ("METRICS_", "metrics", "v1/metrics"),
        ("LOGS_", "logs", "v1/logs"),
    ] {
        let name = |suffix: &str| format!("OTEL_EXPORTER_OTLP_{of}{suffix}");
        let what = |key: &str| format!("{what}.otlp.{key}");
        // That of one signal is used as it is.
        let shown = match of {
            "" => format!("http://127.0.0.1:1/x/{path}"),
            _ => "http://127.0.0.1:1/x".to_owned(),
        };
        let endpoint = what("endpoint");
        let default = format!("{endpoint} = http://localhost:4318/{path} (the default endpoint)");
        let millis = "is not a whole number of milliseconds; 10000 is used instead";
        cases.extend([
            Case {
                says: vec![format!("{endpoint} = {shown} ({})", name("ENDPOINT"))],
                ..Case::nothing(
                    &name("ENDPOINT"),
                    "http://u:hush@127.0.0.1:1/x?token=hush",
                    Empty::Says(default),
                )
            }
            .wrong(
                "localhost:4318",
                "does not begin with http:// or https://; http://localhost:4318 is used instead",
            )
            .wrong_as(
                "http://u:hush@",
                r#"="http://" is no URL; http://localhost:4318 is used instead"#,
            ),
            Case::of(
                &name("PROTOCOL"),
                "HTTP/JSON",
                &what("protocol"),
                "http/json",
                "http/protobuf",
            )
            .wrong(
                "http",
                "is no known protocol; http/protobuf is used instead",
            ),
            Case::of(
                &name("HEADERS"),
                "api-key=hush",
                &what("headers"),
                "api-key=…",
                "none",
            )
            .wrong_as("Bearer hush", ": member 1 has no =; it is ignored")
            .wrong_as(
                "a b=hush",
                ": member 1 has a key that no header can have; it is ignored",
            )
            .wrong_as(
                "a=%0Ahush",
                ": member 1 has a value that no header can have; it is ignored",
            )
            .wrong_as(
                "a=%zzhush",
                ": member 1 is wrongly percent-encoded; it is ignored",
            ),
            Case::of(
                &name("TIMEOUT"),
                "0",
                &what("timeout"),
                "no limit",
                "10000 ms",
            )
            .wrong("10s", millis)
            .wrong("-1", millis)
            .wrong(
                "4294967296",
                "is more than 4294967295; 10000 is used instead",
            ),
            Case::of(
                &name("COMPRESSION"),
                "GZIP",
                &what("compression"),
                "gzip",
                "none",
            )
            .wrong("brotli", "is no known compression; none is used instead"),
        ]);
        cases.extend(tls(of, &what));
    }
    cases.extend([
        Case::of(
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "LowMemory",
            "metrics.otlp.temporality",
            "lowmemory",
            "cumulative",
        )
        .wrong(
            "deltas",
            "is no known temporality; cumulative is used instead",
        ),
        Case::of(
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
            "metrics.otlp.histograms",
            "base2_exponential_bucket_histogram",
            "explicit_bucket_histogram",
        )
        .wrong(
            "exponential",
            "is no known aggregation; explicit_bucket_histogram is used instead",
        ),
    ]);
    cases
}

/// What makes a connection safe. The files are read when a pipeline is made.
fn tls(of: &str, what: &impl Fn(&str) -> String) -> Vec<Case> {
    let name = |suffix: &str| format!("OTEL_EXPORTER_OTLP_{of}{suffix}");
    let (certificate, key) = pem();
    let endpoint = |scheme: &str| {
        let line = what("endpoint");
        format!("{line} = {scheme}://127.0.0.1:1/ ({})", name("ENDPOINT"))
    };
    let insecure = Case {
        says: vec![endpoint("http")],
        ..Case::nothing(&name("INSECURE"), "True", Empty::Says(endpoint("https")))
    };
    let insecure = insecure
        .beside("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .beside(leak(name("ENDPOINT")), "127.0.0.1:1")
        .wrong("1", "is neither true nor false; taken as false");
    let file = |suffix: &str, line: &str, value: &'static str| {
        Case::extra(&name(suffix), value, leak(what(line)), value)
    };
    let mut cases = vec![insecure, file("CERTIFICATE", "certificate", certificate)];
    // Each wants the other.
    for (suffix, line, value, other, other_value) in [
        (
            "CLIENT_CERTIFICATE",
            "client_certificate",
            certificate,
            "CLIENT_KEY",
            key,
        ),
        (
            "CLIENT_KEY",
            "client_key",
            key,
            "CLIENT_CERTIFICATE",
            certificate,
        ),
    ] {
        let other = leak(name(other));
        let mut case = file(suffix, line, value).beside(other, other_value);
        case.empty_tells.push(format!(
            "{other}={other_value:?} needs OTEL_EXPORTER_OTLP_{suffix} beside it; no client certificate is shown"
        ));
        cases.push(case);
    }
    cases
}

/// A name that is made here.
fn leak(text: String) -> &'static str {
    text.leak()
}
