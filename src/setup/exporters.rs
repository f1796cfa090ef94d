//! Where spans go.

use std::{sync::Arc, time::Duration};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

use super::{
    endpoint::Shown,
    error::SetupError,
    otlp,
    report::Report,
    settings::{Batch, Processing, SpanExporter, Traces},
    transport::thread::Thread,
    watch::{Cause, Watch},
};

/// Puts a user's exporter, whose type is forgotten, behind a watch.
pub(super) type MakeProcessor =
    Box<dyn FnOnce(&Arc<Watch>, Batch) -> Box<dyn SpanProcessor> + Send>;

/// The processors of a provider of ours, in order, and who watches them.
#[derive(Debug)]
pub(super) struct Exits {
    pub(super) processors: Vec<Box<dyn SpanProcessor>>,
    pub(super) watches: Vec<Arc<Watch>>,
}

/// A processor without its type, which the SDK's builder does not take.
#[derive(Debug)]
pub(super) struct Erased(pub(super) Box<dyn SpanProcessor>);

impl Exits {
    /// One for each exporter: the user's own, else those that were named.
    pub(super) fn new(
        own: Vec<MakeProcessor>,
        traces: &Traces,
        report: &Report,
        thread: &Thread,
    ) -> Result<Self, SetupError> {
        let mut exits = Self {
            processors: Vec::new(),
            watches: Vec::new(),
        };
        if !own.is_empty() {
            for exporter in own {
                exits.add("the exporter", report, traces.batch, exporter);
            }
            return Ok(exits);
        }
        for Processing { exporter, batch } in &traces.processors {
            // Each is behind a queue yet.
            let batch = batch.unwrap_or_else(|| traces.batch.at_once());
            match exporter {
                SpanExporter::Otlp(otlp) => {
                    let cause = Cause::default();
                    let target = Shown(&otlp.endpoint).to_string();
                    let watch = Watch::new(target, report.clone(), cause.clone());
                    let exporter = otlp::spans(otlp, cause, thread)?;
                    exits
                        .processors
                        .push(watch.processor(exporter, true, batch));
                    exits.watches.push(watch);
                }
                SpanExporter::Console => exits.add(
                    "the console",
                    report,
                    batch,
                    Box::new(|watch, batch| {
                        let console = opentelemetry_stdout::SpanExporter::default();
                        watch.processor(console, true, batch)
                    }),
                ),
                SpanExporter::Zipkin(_) => {
                    return Err(SetupError::new("the exporter zipkin is not supported"));
                }
            }
        }
        Ok(exits)
    }

    fn add(&mut self, target: &str, report: &Report, batch: Batch, make: MakeProcessor) {
        let watch = Watch::new(target.to_owned(), report.clone(), Cause::default());
        self.processors.push(make(&watch, batch));
        self.watches.push(watch);
    }
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
