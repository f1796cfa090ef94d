//! Where spans go.

use std::{sync::Arc, time::Duration};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

use super::{
    endpoint::shown,
    env::Env,
    error::SetupError,
    otlp, otlp_env,
    report::Report,
    transport::thread::Thread,
    watch::{Cause, Watch},
};

/// Who looks at a console waits for what it shows.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Puts a user's exporter, whose type is forgotten, behind a watch.
pub(super) type MakeProcessor = Box<dyn FnOnce(&Arc<Watch>) -> Box<dyn SpanProcessor> + Send>;

/// The processors of a provider of ours, in order, and who watches them.
#[derive(Debug)]
pub(super) struct Exits {
    pub(super) processors: Vec<Box<dyn SpanProcessor>>,
    pub(super) watches: Vec<Arc<Watch>>,
}

/// A processor without its type, which the SDK's builder does not take.
#[derive(Debug)]
pub(super) struct Erased(pub(super) Box<dyn SpanProcessor>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Exporter {
    Otlp,
    Console,
}

impl Exits {
    /// The user's own processors, and behind them one for each exporter: the user's own, else those that the environment names.
    pub(super) fn new(
        processors: Vec<Box<dyn SpanProcessor>>,
        own: Vec<MakeProcessor>,
        endpoint: Option<&str>,
        env: &Env,
        report: &Report,
        thread: &Thread,
    ) -> Result<Self, SetupError> {
        let mut exits = Self {
            processors,
            watches: Vec::new(),
        };
        if !own.is_empty() {
            for exporter in own {
                exits.add("the exporter", report, exporter);
            }
            return Ok(exits);
        }
        for exporter in from_env(env) {
            match exporter {
                Exporter::Otlp => {
                    let settings = otlp_env::traces(endpoint, env)?;
                    let target = shown(settings.endpoint.as_str());
                    let cause = Cause::default();
                    let watch = Watch::new(target, report.clone(), cause.clone());
                    let exporter = otlp::spans(&settings, cause, thread)?;
                    exits.processors.push(watch.processor(exporter, true, None));
                    exits.watches.push(watch);
                }
                Exporter::Console => exits.add(
                    "the console",
                    report,
                    Box::new(|watch| {
                        let console = opentelemetry_stdout::SpanExporter::default();
                        watch.processor(console, true, Some(AT_ONCE))
                    }),
                ),
            }
        }
        Ok(exits)
    }

    fn add(&mut self, target: &str, report: &Report, make: MakeProcessor) {
        let watch = Watch::new(target.to_owned(), report.clone(), Cause::default());
        self.processors.push(make(&watch));
        self.watches.push(watch);
    }
}

fn from_env(env: &Env) -> Vec<Exporter> {
    const NAME: &str = "OTEL_TRACES_EXPORTER";
    let Some(words) = env.list(NAME) else {
        return vec![Exporter::Otlp];
    };
    let mut exporters = Vec::new();
    let mut refused = Vec::new();
    let mut none = false;
    for word in words {
        let exporter = match word.to_ascii_lowercase().as_str() {
            "otlp" => Exporter::Otlp,
            "console" => Exporter::Console,
            "none" => {
                none = true;
                continue;
            }
            "zipkin" | "logging" | "otlp/stdout" => {
                refused.push((word, "is not supported"));
                continue;
            }
            _ => {
                refused.push((word, "is no known exporter"));
                continue;
            }
        };
        if !exporters.contains(&exporter) {
            exporters.push(exporter);
        }
    }
    let is_default = exporters.is_empty() && !none;
    if is_default {
        exporters.push(Exporter::Otlp);
    }
    for (word, why) in refused {
        let instead = match (is_default, exporters.as_slice()) {
            (true, _) => "otlp is used instead",
            (false, []) => "nothing is exported",
            (false, _) => "the others are used",
        };
        env.wrong(NAME, &word, why, instead);
    }
    exporters
}

impl SpanProcessor for Erased {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.0.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}
