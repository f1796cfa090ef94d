//! Where spans go.

use std::{sync::Arc, time::Duration};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{self, Span, SpanData, SpanProcessor},
};

use super::{
    batch::{Account, Bounds, Exit, Own, Processor},
    error::SetupError,
    exports::Exports,
    ledger::{Ledger, Signal},
    otlp,
    settings::{Batch, Processing, Room, SpanExporter, Traces},
    zipkin,
};

/// Puts a user's exporter, whose type is forgotten, behind a queue.
pub(super) type MakeProcessor =
    Box<dyn FnOnce(&Exporters<'_>, Batch) -> Result<Box<dyn SpanProcessor>, SetupError> + Send>;

/// Makes a processor for each exporter.
#[derive(Debug)]
pub(super) struct Exporters<'a> {
    pub(super) exports: &'a Exports,
    pub(super) room: Room,
}

/// A processor without its type, which the SDK's builder does not take.
#[derive(Debug)]
pub(super) struct Erased(pub(super) Box<dyn SpanProcessor>);

impl Exporters<'_> {
    /// The user's own processors, and behind them one for each exporter: the user's own, else those that were named.
    pub(super) fn processors(
        &self,
        mut processors: Vec<Box<dyn SpanProcessor>>,
        own: Vec<MakeProcessor>,
        traces: &Traces,
    ) -> Result<Vec<Box<dyn SpanProcessor>>, SetupError> {
        if !own.is_empty() {
            for make in own {
                processors.push(make(self, traces.batch)?);
            }
            return Ok(processors);
        }
        for Processing { exporter, batch } in &traces.processors {
            // Without a queue, each would be waited for by who ends it.
            let batch = batch.unwrap_or_else(|| traces.batch.at_once());
            processors.push(match exporter {
                SpanExporter::Otlp(otlp) => {
                    let ledger = self.exports.ledger(Signal::Spans, &otlp.endpoint);
                    self.queued(otlp::spans(otlp)?, otlp.timeout, batch, ledger)?
                }
                SpanExporter::Console => {
                    let console = opentelemetry_stdout::SpanExporter::default();
                    self.own(console, "the console", batch)?
                }
                SpanExporter::Zipkin(zipkin) => {
                    let ledger = self.exports.ledger(Signal::Spans, &zipkin.endpoint);
                    self.queued(zipkin::spans(zipkin)?, zipkin.timeout, batch, ledger)?
                }
            });
        }
        Ok(processors)
    }

    /// An exporter of the SDK's kind.
    pub(super) fn own(
        &self,
        exporter: impl trace::SpanExporter + 'static,
        target: &str,
        batch: Batch,
    ) -> Result<Box<dyn SpanProcessor>, SetupError> {
        let own = Own::start(exporter).map_err(|error| {
            SetupError::new("an exporter's thread cannot be started").with_source(error)
        })?;
        let ledger = self.exports.ledger_of(Signal::Spans, target);
        self.queued(own, None, batch, ledger)
    }

    fn queued(
        &self,
        exit: impl Exit,
        timeout: Option<Duration>,
        batch: Batch,
        ledger: Ledger,
    ) -> Result<Box<dyn SpanProcessor>, SetupError> {
        let bounds = Bounds {
            spans: batch.queue,
            bytes: self.room.bytes,
            when_full: self.room.when_full,
            batch: batch.size,
            delay: batch.delay,
        };
        let account = Arc::new(Account::new(bounds, ledger));
        self.exports.keep_account(&account);
        let limit = match (timeout, batch.timeout) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let thread = self.exports.thread()?;
        Ok(Box::new(Processor::start(account, exit, limit, thread)))
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
