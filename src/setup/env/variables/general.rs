//! Variables of the whole, and of where it runs.

use super::{Section, Seen, by, idle, later, read};

pub(super) const GENERAL: Section = Section {
    title: "General",
    rows: &[
        read(
            &["OTEL_SDK_DISABLED"],
            "false",
            "`true`: nothing is recorded or sent, traces and baggage still pass through",
        ),
        read(
            &["OTEL_CONFIG_FILE"],
            "",
            "a YAML file that takes the place of all other variables; with the feature `config-file`, else an error",
        ),
        read(
            &["OTEL_EXPERIMENTAL_CONFIG_FILE"],
            "",
            "the older name of `OTEL_CONFIG_FILE`",
        ),
        read(
            &["OTEL_LOG_LEVEL"],
            "info",
            "what of this crate's own messages is told: `none`, `error`, `warn`, `info`; `debug` also tells the whole configuration at the start",
        ),
        read(
            &["OTEL_SERVICE_NAME"],
            "unknown_service:{executable}",
            "beats `service.name` in `OTEL_RESOURCE_ATTRIBUTES`",
        ),
        read(
            &["OTEL_RESOURCE_ATTRIBUTES"],
            "",
            "`key=value` between commas, percent-encoded; one that is wrong makes all of it ignored",
        ),
        read(
            &["OTEL_RUST_RESOURCE_DETECTORS"],
            "all",
            "of `process`, `host` (its `host.id` on Linux alone), `container`, `k8s`; `all` or `none`; with the feature `detectors`",
        ),
        read(
            &["OTEL_PROPAGATORS"],
            "tracecontext,baggage",
            "of `tracecontext`, `baggage`, `b3`, `b3multi`, `jaeger`, `xray`, `xray-lambda`, `ottrace`, `datadog`; `none`. Where it is not set, a global propagator that was set by hand stays",
        ),
        read(
            &["OTEL_TRACES_SAMPLER"],
            "parentbased_always_on",
            "`always_on`, `always_off`, `traceidratio`, `jaeger_remote`, and each of them after `parentbased_`",
        ),
        read(
            &["OTEL_TRACES_SAMPLER_ARG"],
            "1",
            "the ratio, from 0 to 1; for `jaeger_remote` `endpoint=http://localhost:5778/sampling,pollingIntervalMs=60000,initialSamplingRate=0.001`",
        )
        .seen(Seen::Url),
        later(
            &["RUST_LOG"],
            "info",
            "`Setup::subscriber`: which lines and log records there are",
        ),
        later(
            &["NO_COLOR"],
            "",
            "`Setup::subscriber`: lines have no colour where it is set",
        ),
        by(
            &["CARGO_MANIFEST_DIR"],
            "",
            "`Telemetry::report`: where it looks for a `Cargo.lock` first",
        ),
        by(
            &["TRACEPARENT", "TRACESTATE", "BAGGAGE"],
            "",
            "`Telemetry::parent_from_env`: the trace of who started this process; other propagators have names of their own",
        ),
        by(
            &["_X_AMZN_TRACE_ID"],
            "",
            "the propagator `xray-lambda` at each request, over the header",
        ),
        idle(
            &["OTEL_ENTITIES", "OTEL_EXPERIMENTAL_ENTITIES_ENABLED"],
            "entities are under development",
        ),
    ],
};

/// Read by the detector, when the resource is made.
pub(super) const KUBERNETES: Section = Section {
    title: "Kubernetes",
    rows: &[
        read(
            &["KUBERNETES_SERVICE_HOST"],
            "",
            "where it is set, this is a pod: the detector `k8s` looks at the following, and at the service account's namespace",
        ),
        read(&["K8S_POD_NAME", "POD_NAME"], "HOSTNAME", "`k8s.pod.name`"),
        read(
            &["HOSTNAME"],
            "",
            "the pod's name where nothing else says it",
        ),
        read(&["K8S_POD_UID", "POD_UID"], "", "`k8s.pod.uid`"),
        read(
            &["K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE"],
            "",
            "`k8s.namespace.name`",
        ),
        read(&["K8S_NODE_NAME", "NODE_NAME"], "", "`k8s.node.name`"),
        read(
            &["K8S_CONTAINER_NAME", "CONTAINER_NAME"],
            "",
            "`k8s.container.name`",
        ),
    ],
};
