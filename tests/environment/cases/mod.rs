//! A row for each variable.

mod otlp;
mod rest;

/// What a variable does.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Others that it has no say without.
    pub(crate) beside: Vec<(&'static str, &'static str)>,
    pub(crate) value: &'static str,
    /// What is chosen then, and who said it.
    pub(crate) says: Vec<String>,
    /// What is told of a value that is right, where that is something.
    pub(crate) tells: Vec<String>,
    pub(crate) empty: Empty,
    /// What is told where it is empty and something beside it wants it.
    pub(crate) empty_tells: Vec<String>,
    /// Values that are wrong, and what is told of them.
    pub(crate) mistakes: Vec<(&'static str, String)>,
}

/// What is chosen where the variable is empty, or wrong.
#[derive(Debug)]
pub(crate) enum Empty {
    Says(String),
    SaysNothingOf(&'static str),
}

impl Empty {
    /// What is looked for, or not.
    pub(crate) fn line(&self) -> &str {
        match self {
            Self::Says(line) => line,
            Self::SaysNothingOf(what) => what,
        }
    }
}

impl Case {
    /// It says `what`, which is `default` unless said.
    fn of(name: &str, value: &'static str, what: &str, shown: &str, default: &str) -> Self {
        Self {
            says: vec![format!("{what} = {shown} ({name})")],
            ..Self::nothing(
                name,
                value,
                Empty::Says(format!("{what} = {default} (default)")),
            )
        }
    }

    /// It says `what`, of which there is nothing unless said.
    fn extra(name: &str, value: &'static str, what: &'static str, shown: &str) -> Self {
        Self {
            says: vec![format!("{what} = {shown} ({name})")],
            ..Self::nothing(name, value, Empty::SaysNothingOf(what))
        }
    }

    fn nothing(name: &str, value: &'static str, empty: Empty) -> Self {
        Self {
            name: name.to_owned(),
            beside: Vec::new(),
            value,
            says: Vec::new(),
            tells: Vec::new(),
            empty,
            empty_tells: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    /// What has no part in it is left out: it takes its time to be made.
    pub(crate) fn unneeded(&self) -> Vec<(&'static str, &'static str)> {
        let needs = |part: &str, of: &str| {
            let mut lines = self
                .says
                .iter()
                .map(String::as_str)
                .chain([self.empty.line()]);
            lines.any(|line| line.contains(part)) || self.name.contains(of)
        };
        let parts = [
            ("OTEL_TRACES_EXPORTER", "traces.", "TRACES"),
            ("OTEL_METRICS_EXPORTER", "metrics.", "METRIC"),
            ("OTEL_LOGS_EXPORTER", "logs.", "LOGS"),
            ("OTEL_RUST_RESOURCE_DETECTORS", "k8s.", "DETECTORS"),
        ];
        let unneeded = parts.into_iter().filter(|(name, part, of)| {
            let is_beside = self.beside.iter().any(|(beside, _)| beside == name);
            !is_beside && !needs(part, of)
        });
        unneeded.map(|(name, ..)| (name, "none")).collect()
    }

    fn beside(mut self, name: &'static str, value: &'static str) -> Self {
        self.beside.push((name, value));
        self
    }

    /// This value is wrong, and shown as it is.
    fn wrong(mut self, value: &'static str, why: &str) -> Self {
        let told = format!("{}={value:?} {why}", self.name);
        self.mistakes.push((value, told));
        self
    }

    /// This value is wrong, and may not be shown as it is.
    fn wrong_as(mut self, value: &'static str, told: &str) -> Self {
        let told = format!("{}{told}", self.name);
        self.mistakes.push((value, told));
        self
    }

    fn tells(mut self, why: &str) -> Self {
        self.tells
            .push(format!("{}={:?} {why}", self.name, self.value));
        self
    }
}

pub(crate) fn all() -> Vec<Case> {
    let mut all = general();
    all.extend(exporters());
    all.extend(otlp::otlp());
    all.extend(rest::queues());
    all.extend(rest::limits());
    all.extend(rest::instrumentation());
    all.extend(rest::kubernetes());
    all.extend(rest::refused());
    all
}

fn general() -> Vec<Case> {
    let ratio = "is not a number from 0 to 1; 1 is used instead";
    let other = "resource.service.name = other (OTEL_RESOURCE_ATTRIBUTES)";
    let sampler = |ratio: &str| {
        format!("traces.sampler = parentbased_traceidratio {ratio} (OTEL_TRACES_SAMPLER)")
    };
    vec![
        Case::of("OTEL_SDK_DISABLED", "TRUE", "disabled", "true", "false")
            .wrong("yes", "is neither true nor false; taken as false"),
        Case::of("OTEL_LOG_LEVEL", "Error", "log_level", "error", "info")
            .wrong("loud", "is no known level; info is used instead"),
        Case {
            empty: Empty::Says(other.to_owned()),
            ..Case::of("OTEL_SERVICE_NAME", "orders", "resource.service.name", "orders", "")
                .beside("OTEL_RESOURCE_ATTRIBUTES", "service.name=other")
        },
        Case::extra("OTEL_RESOURCE_ATTRIBUTES", "a.b=c%20d, e=f", "resource.a.b", "c d")
            .wrong(
                "a.b=c,d=%zz",
                "cannot be read: member 2 is wrongly percent-encoded; all of it is ignored",
            )
            .wrong("a.b", "cannot be read: member 1 has no =; all of it is ignored")
            .wrong("=c", "cannot be read: member 1 has no key; all of it is ignored"),
        Case::of(
            "OTEL_RUST_RESOURCE_DETECTORS",
            "Host,process",
            "resource.detectors",
            "host,process",
            "process,host,container,k8s",
        )
        .wrong("aws", "is no known detector; all is used instead"),
        Case::of(
            "OTEL_PROPAGATORS",
            "B3, tracecontext,xray-lambda",
            "propagators",
            "b3,tracecontext,xray-lambda",
            "tracecontext,baggage",
        )
        .wrong("w3c", "is no known propagator; tracecontext,baggage is used instead"),
        Case::of(
            "OTEL_TRACES_SAMPLER",
            "Always_Off",
            "traces.sampler",
            "always_off",
            "parentbased_always_on",
        )
        .wrong("alwayson", "is no known sampler; parentbased_always_on is used instead")
        .wrong("xray", "is not supported; parentbased_always_on is used instead"),
        Case {
            says: vec![sampler("0.25")],
            ..Case::nothing("OTEL_TRACES_SAMPLER_ARG", "0.25", Empty::Says(sampler("1")))
        }
        .beside("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        .wrong("1.5", ratio)
        .wrong("-0.1", ratio)
        .wrong("NaN", ratio)
        .wrong("half", ratio),
        remote("endpoint=h:1", "http://h:1/sampling every 60000 ms, at first traceidratio 0.001")
            .wrong(
                "endpoint=ftp://h",
                "does not begin with http:// or https://; http://localhost:5778/sampling is used instead",
            )
            .wrong(
                "pollingIntervalMs=0",
                "is not a whole number of milliseconds above 0; 60000 is used instead",
            )
            .wrong(
                "initialSamplingRate=2",
                "is not a number from 0 to 1; 0.001 is used instead",
            )
            .wrong_as(
                "interval=5",
                r#"="interval" is none of endpoint, pollingIntervalMs, initialSamplingRate; it is ignored"#,
            ),
        remote(
            "endpoint=http://h:1/s,pollingIntervalMs=5000,initialSamplingRate=0.25",
            "http://h:1/s every 5000 ms, at first traceidratio 0.25",
        ),
    ]
}

/// `OTEL_TRACES_SAMPLER_ARG` of a sampler that asks a server.
fn remote(value: &'static str, shown: &str) -> Case {
    let line =
        |shown: &str| format!("traces.sampler = jaeger_remote {shown} (OTEL_TRACES_SAMPLER)");
    let default = "http://localhost:5778/sampling every 60000 ms, at first traceidratio 0.001";
    Case {
        says: vec![line(shown)],
        ..Case::nothing("OTEL_TRACES_SAMPLER_ARG", value, Empty::Says(line(default)))
    }
    .beside("OTEL_TRACES_SAMPLER", "jaeger_remote")
}

fn exporters() -> Vec<Case> {
    let exporter = "is no known exporter; otlp is used instead";
    let millis = "is not a whole number of milliseconds; 30000 is used instead";
    let interval = "is not a whole number of milliseconds above 0; 60000 is used instead";
    vec![
        Case::of("OTEL_TRACES_EXPORTER", "Console,otlp", "traces.exporters", "console,otlp", "otlp")
            .wrong("otlpp", exporter)
            .wrong("logging", "is not supported; otlp is used instead"),
        Case::of("OTEL_METRICS_EXPORTER", "none", "metrics.exporters", "none", "otlp")
            .wrong("otlpp", exporter),
        Case::of("OTEL_LOGS_EXPORTER", "console", "logs.exporters", "console", "otlp")
            .wrong("zipkin", exporter),
        Case::of("OTEL_METRIC_EXPORT_INTERVAL", "5000", "metrics.otlp.interval", "5000 ms", "60000 ms")
            .wrong("0", interval)
            .wrong("1m", interval),
        Case::of(
            "OTEL_METRIC_EXPORT_TIMEOUT",
            "0",
            "metrics.otlp.export_timeout",
            "no limit",
            "30000 ms",
        )
        .wrong("-1", millis),
        Case::nothing(
            "OTEL_METRICS_EXEMPLAR_FILTER",
            "always_on",
            Empty::SaysNothingOf("metrics.exemplars"),
        )
        .tells("asks for exemplars, which OpenTelemetry's SDK for Rust does not make; always_off is used instead")
        .wrong("sometimes", "is no known filter; always_off is used instead"),
        Case::of(
            "OTEL_EXPORTER_PROMETHEUS_HOST",
            "127.0.0.1",
            "metrics.prometheus.host",
            "127.0.0.1",
            "localhost",
        )
        .beside("OTEL_METRICS_EXPORTER", "prometheus")
        .beside("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
        port(),
        Case::of(
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
            "http://127.0.0.1:1/x?token=hush",
            "traces.zipkin.endpoint",
            "http://127.0.0.1:1/x",
            "http://localhost:9411/api/v2/spans",
        )
        .beside("OTEL_TRACES_EXPORTER", "zipkin")
        .wrong_as(
            "u:hush@h",
            r#"="h" does not begin with http:// or https://; http://localhost:9411/api/v2/spans is used instead"#,
        ),
        Case::of("OTEL_EXPORTER_ZIPKIN_TIMEOUT", "7", "traces.zipkin.timeout", "7 ms", "10000 ms")
            .beside("OTEL_TRACES_EXPORTER", "zipkin")
            .wrong("soon", "is not a whole number of milliseconds; 10000 is used instead"),
    ]
}

/// Whoever has the default port already would be told of: it is served on an address of its own.
fn port() -> Case {
    Case::of(
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "0",
        "metrics.prometheus.port",
        "0",
        "9464",
    )
    .beside("OTEL_METRICS_EXPORTER", "prometheus")
    .beside("OTEL_EXPORTER_PROMETHEUS_HOST", "127.93.21.7")
    .wrong("http", "is no port; 9464 is used instead")
    .wrong("65536", "is no port; 9464 is used instead")
}
