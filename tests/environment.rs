//! What each variable of the environment does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use throughline::Setup;

type Vars<'a> = &'a [(&'a str, &'a str)];

/// What was warned of.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A setup that sees these variables and no others.
fn setup(vars: Vars<'_>) -> (Setup, Warnings) {
    let vars: HashMap<String, String> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let warnings = Warnings::default();
    let kept = warnings.clone();
    let setup = Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(move |text| kept.0.lock().unwrap().push(text.to_owned()));
    (setup, warnings)
}

#[tokio::test]
async fn each_variable_set_empty_and_wrong() {
    let wrong: &[(&str, &str, &str)] = &[
        (
            "OTEL_SDK_DISABLED",
            "yes",
            r#"OTEL_SDK_DISABLED="yes" is neither true nor false; taken as false"#,
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "a=b,c=%zz",
            r#"OTEL_RESOURCE_ATTRIBUTES="a=b,c=%zz" cannot be read: member 2 is wrongly percent-encoded; all of it is ignored"#,
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "a",
            r#"OTEL_RESOURCE_ATTRIBUTES="a" cannot be read: member 1 has no =; all of it is ignored"#,
        ),
        (
            "OTEL_TRACES_EXPORTER",
            "otlpp",
            r#"OTEL_TRACES_EXPORTER="otlpp" is no known exporter; otlp is used instead"#,
        ),
        (
            "OTEL_TRACES_EXPORTER",
            "logging,otlp",
            r#"OTEL_TRACES_EXPORTER="logging" is not supported; the others are used"#,
        ),
        (
            "OTEL_PROPAGATORS",
            "b4",
            r#"OTEL_PROPAGATORS="b4" is no known propagator; tracecontext,baggage is used instead"#,
        ),
        (
            "OTEL_PROPAGATORS",
            "tracecontext,w3c",
            r#"OTEL_PROPAGATORS="w3c" is no known propagator; the others are used"#,
        ),
        (
            "OTEL_PROPAGATORS",
            "none,baggage",
            r#"OTEL_PROPAGATORS="none,baggage" has none among others; none is ignored"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "10s",
            r#"OTEL_EXPORTER_OTLP_TIMEOUT="10s" is not a whole number of milliseconds; 10000 is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            "-1",
            r#"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="-1" is not a whole number of milliseconds; 10000 is used instead"#,
        ),
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "many",
            r#"OTEL_BSP_MAX_QUEUE_SIZE="many" is not a whole number above 0; 2048 is used instead"#,
        ),
        (
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            "-1",
            r#"OTEL_SPAN_LINK_COUNT_LIMIT="-1" is not a whole number; 128 is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_COMPRESSION",
            "brotli",
            r#"OTEL_EXPORTER_OTLP_COMPRESSION="brotli" is no known compression; none is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http",
            r#"OTEL_EXPORTER_OTLP_PROTOCOL="http" is no known protocol; http/protobuf is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "json",
            r#"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="json" is no known protocol; http/protobuf is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "localhost:4318",
            r#"OTEL_EXPORTER_OTLP_ENDPOINT="localhost:4318" does not begin with http:// or https://; http://localhost:4318 is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://u:hush@",
            r#"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://" is no URL; http://localhost:4318 is used instead"#,
        ),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "Bearer hush",
            "OTEL_EXPORTER_OTLP_HEADERS: member 1 has no =; it is ignored",
        ),
        (
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
            "good=1,a b=hush",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS: member 2 has a key that no header can have; it is ignored",
        ),
        (
            "OTEL_TRACES_SAMPLER",
            "alwayson",
            r#"OTEL_TRACES_SAMPLER="alwayson" is no known sampler; parentbased_always_on is used instead"#,
        ),
        (
            "OTEL_TRACES_SAMPLER",
            "xray",
            r#"OTEL_TRACES_SAMPLER="xray" is not supported; parentbased_always_on is used instead"#,
        ),
        (
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
            "GET,P ST",
            r#"OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS="P ST" is no HTTP method; the others are known"#,
        ),
    ];
    for (name, value, warning) in wrong {
        let (wrong, warnings) = setup(&[(name, value)]);
        drop(wrong.build().unwrap());
        assert_eq!(warnings.all(), [*warning], "{name}={value}");
        let (empty, warnings) = setup(&[(name, " ")]);
        drop(empty.build().unwrap());
        assert_eq!(warnings.all(), [""; 0], "{name} empty");
    }
    for value in ["1.5", "-0.1", "NaN", "half"] {
        let (setup, warnings) = setup(&[
            ("OTEL_TRACES_SAMPLER", "TraceIdRatio"),
            ("OTEL_TRACES_SAMPLER_ARG", value),
        ]);
        drop(setup.build().unwrap());
        let want = format!(
            r#"OTEL_TRACES_SAMPLER_ARG="{value}" is not a number from 0 to 1; 1 is used instead"#
        );
        assert_eq!(warnings.all(), [want]);
    }
}
