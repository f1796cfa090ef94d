//! Queues, limits, what layers record, pods, and what is not read.

use super::{Case, Empty};

pub(super) fn queues() -> Vec<Case> {
    let mut cases = Vec::new();
    for (of, what, delay) in [("BSP", "traces", "5000"), ("BLRP", "logs", "1000")] {
        let name = |suffix: &str| format!("OTEL_{of}_{suffix}");
        let what = |key: &str| format!("{what}.otlp.{key}");
        let size =
            |default: &str| format!("is not a whole number above 0; {default} is used instead");
        let millis = |default: &str| {
            format!("is not a whole number of milliseconds; {default} is used instead")
        };
        cases.extend([
            Case::of(
                &name("SCHEDULE_DELAY"),
                "0",
                &what("schedule_delay"),
                "0 ms",
                &format!("{delay} ms"),
            )
            .wrong("often", &millis(delay)),
            Case::of(
                &name("MAX_QUEUE_SIZE"),
                "4096",
                &what("max_queue_size"),
                "4096",
                "2048",
            )
            .wrong("many", &size("2048"))
            .wrong("0", &size("2048"))
            .wrong(
                "4294967296",
                "is more than 4294967295; 2048 is used instead",
            ),
            Case::of(
                &name("MAX_EXPORT_BATCH_SIZE"),
                "2048",
                &what("max_export_batch_size"),
                "2048",
                "512",
            )
            .wrong("0", &size("512"))
            .wrong("2049", "is more than the queue holds; 512 is used instead"),
            Case::of(
                &name("EXPORT_TIMEOUT"),
                "0",
                &what("export_timeout"),
                "no limit",
                "30000 ms",
            )
            .wrong("1.5", &millis("30000")),
        ]);
    }
    cases.extend([
        // Its memory would be taken at once.
        Case::of(
            "OTEL_BLRP_MAX_QUEUE_SIZE",
            "1048576",
            "logs.otlp.max_queue_size",
            "1048576",
            "2048",
        )
        .wrong("1048577", "is more than 1048576; 2048 is used instead"),
        Case::of(
            "OTEL_RUST_BSP_MAX_QUEUE_BYTES",
            "1000",
            "traces.max_queue_bytes",
            "1000",
            "16777216",
        )
        .wrong(
            "16MB",
            "is not a whole number above 0; 16777216 is used instead",
        ),
        Case::of(
            "OTEL_RUST_BSP_WHEN_FULL",
            "Drop_Newest",
            "traces.when_full",
            "drop_newest",
            "drop_oldest",
        )
        .wrong(
            "wait",
            "is neither drop_oldest nor drop_newest; drop_oldest is used instead",
        ),
    ]);
    cases
}

pub(super) fn limits() -> Vec<Case> {
    let wrong = "is not a whole number; 128 is used instead";
    let none = "is not a whole number; no limit is used instead";
    let mut cases: Vec<_> = [
        (
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "traces.attribute_count_limit",
        ),
        (
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            "logs.attribute_count_limit",
        ),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "traces.event_count_limit"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "traces.link_count_limit"),
        (
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            "traces.event_attribute_count_limit",
        ),
        (
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            "traces.link_attribute_count_limit",
        ),
    ]
    .into_iter()
    .map(|(name, what)| Case::of(name, "0", what, "0", "128").wrong("-1", wrong))
    .collect();
    for (name, what) in [
        (
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "traces.attribute_value_length_limit",
        ),
        (
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "logs.attribute_value_length_limit",
        ),
    ] {
        cases.push(Case::of(name, "10", what, "10", "none").wrong("ten", none));
    }
    // Those of all that has none of its own.
    for (name, key, default, why) in [
        (
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
            "attribute_count_limit",
            "128",
            wrong,
        ),
        (
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "attribute_value_length_limit",
            "none",
            none,
        ),
    ] {
        for signal in ["traces", "logs"] {
            let what = format!("{signal}.{key}");
            cases.push(Case::of(name, "5", &what, "5", default).wrong("five", why));
        }
    }
    cases
}

pub(super) fn instrumentation() -> Vec<Case> {
    let mut cases = vec![
        Case::extra(
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
            "GET, BREW",
            "http.known_methods",
            "GET,BREW",
        )
        .wrong("P ST", "is no HTTP method; the default ones are known"),
        Case::nothing(
            "OTEL_SEMCONV_STABILITY_OPT_IN",
            "http,database",
            Empty::SaysNothingOf("semconv"),
        )
        .wrong(
            "http/dup",
            "asks for names of older conventions; the stable ones alone are recorded",
        ),
    ];
    for (name, what) in [
        (
            "SERVER_CAPTURE_REQUEST_HEADERS",
            "http.server.request_headers",
        ),
        (
            "SERVER_CAPTURE_RESPONSE_HEADERS",
            "http.server.response_headers",
        ),
        (
            "CLIENT_CAPTURE_REQUEST_HEADERS",
            "http.client.request_headers",
        ),
        (
            "CLIENT_CAPTURE_RESPONSE_HEADERS",
            "http.client.response_headers",
        ),
    ] {
        let name = format!("OTEL_INSTRUMENTATION_HTTP_{name}");
        cases.push(
            Case::extra(&name, "a,X-B", what, "a,X-B")
                .wrong("a b", "is no name of a header; none is recorded"),
        );
    }
    cases
}

/// A pod's attributes are detected: no value is wrong.
pub(super) fn kubernetes() -> Vec<Case> {
    let detected = |name: &str, what: &'static str| Case {
        says: vec![format!("{what} = x-1 (detected)")],
        ..Case::nothing(name, "x-1", Empty::SaysNothingOf(what))
    };
    let mut cases: Vec<_> = [
        ("K8S_POD_NAME", "resource.k8s.pod.name"),
        ("POD_NAME", "resource.k8s.pod.name"),
        ("HOSTNAME", "resource.k8s.pod.name"),
        ("K8S_POD_UID", "resource.k8s.pod.uid"),
        ("POD_UID", "resource.k8s.pod.uid"),
        ("K8S_NAMESPACE_NAME", "resource.k8s.namespace.name"),
        ("K8S_NAMESPACE", "resource.k8s.namespace.name"),
        ("POD_NAMESPACE", "resource.k8s.namespace.name"),
        ("K8S_NODE_NAME", "resource.k8s.node.name"),
        ("NODE_NAME", "resource.k8s.node.name"),
        ("K8S_CONTAINER_NAME", "resource.k8s.container.name"),
        ("CONTAINER_NAME", "resource.k8s.container.name"),
    ]
    .into_iter()
    .map(|(name, what)| detected(name, what).beside("KUBERNETES_SERVICE_HOST", "10.0.0.1"))
    .collect();
    let pod = "resource.k8s.pod.name";
    cases.push(
        Case {
            says: vec![format!("{pod} = x-2 (detected)")],
            ..Case::nothing(
                "KUBERNETES_SERVICE_HOST",
                "10.0.0.1",
                Empty::SaysNothingOf(pod),
            )
        }
        .beside("POD_NAME", "x-2"),
    );
    cases
}

pub(super) fn refused() -> Vec<Case> {
    let jaeger = "Jaeger takes OTLP: OTEL_EXPORTER_OTLP_ENDPOINT";
    let insecure =
        "its name is now OTEL_EXPORTER_OTLP_TRACES_INSECURE or OTEL_EXPORTER_OTLP_METRICS_INSECURE";
    let python = "Python's name; here it is OTEL_INSTRUMENTATION_HTTP_{SERVER,CLIENT}_CAPTURE_{REQUEST,RESPONSE}_HEADERS";
    [
        (
            "OTEL_BSP_MAX_CONCURRENT_EXPORTS",
            "batches are sent one after the other",
        ),
        ("OTEL_EXPORTER_JAEGER_ENDPOINT", jaeger),
        ("OTEL_EXPORTER_JAEGER_AGENT_HOST", jaeger),
        ("OTEL_EXPORTER_JAEGER_AGENT_PORT", jaeger),
        ("OTEL_EXPORTER_OTLP_SPAN_INSECURE", insecure),
        ("OTEL_EXPORTER_OTLP_METRIC_INSECURE", insecure),
        (
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
            python,
        ),
        (
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
            python,
        ),
        (
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST",
            python,
        ),
        (
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE",
            python,
        ),
        (
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS",
            "no header is recorded that is not listed",
        ),
    ]
    .into_iter()
    .map(|(name, why)| {
        Case::nothing(name, "1", Empty::SaysNothingOf("nothing"))
            .tells(&format!("is not read; {why}"))
    })
    .collect()
}
