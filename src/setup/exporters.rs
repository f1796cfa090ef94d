//! Where spans go.

use std::{sync::Arc, time::Duration};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{self, Span, SpanData, SpanProcessor},
};

use url::Url;

use super::{
    batch::{Account, Bounds, Component, Exit, Own, Processor},
    endpoint::Shown,
    error::SetupError,
    ledger::{Ledger, Signal},
    otlp,
    report::Report,
    settings::{Batch, Processing, Room, SpanExporter, Traces},
    transport::thread::Thread,
    zipkin,
};

/// Puts a user's exporter, whose type is forgotten, behind a queue.
pub(super) type MakeProcessor =
    Box<dyn FnOnce(&mut Exporters<'_>, Batch) -> Result<Box<dyn SpanProcessor>, SetupError> + Send>;

/// Makes a processor for each exporter.
#[derive(Debug)]
pub(super) struct Exporters<'a> {
    pub(super) thread: &'a Thread,
    pub(super) report: &'a Report,
    pub(super) room: Room,
    pub(super) accounts: Vec<Arc<Account>>,
}

/// A processor without its type, which the SDK's builder does not take.
#[derive(Debug)]
pub(super) struct Erased(pub(super) Box<dyn SpanProcessor>);

impl Exporters<'_> {
    /// One for each exporter: the user's own, else those that were named.
    pub(super) fn processors(
        &mut self,
        own: Vec<MakeProcessor>,
        traces: &Traces,
    ) -> Result<Vec<Box<dyn SpanProcessor>>, SetupError> {
        let mut processors = Vec::new();
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
                    let ledger = self.ledger(&otlp.endpoint);
                    let component = Component::otlp(otlp.protocol, &otlp.endpoint);
                    let account = self.account(batch, ledger, component);
                    self.queued(otlp::spans(otlp)?, otlp.timeout, batch, account)?
                }
                SpanExporter::Console => {
                    let console = opentelemetry_stdout::SpanExporter::default();
                    self.own(console, "the console", batch)?
                }
                SpanExporter::Zipkin(zipkin) => {
                    let ledger = self.ledger(&zipkin.endpoint);
                    let component = Component::zipkin(&zipkin.endpoint);
                    let account = self.account(batch, ledger, component);
                    self.queued(zipkin::spans(zipkin)?, zipkin.timeout, batch, account)?
                }
            });
        }
        Ok(processors)
    }

    /// An exporter of the SDK's kind.
    pub(super) fn own(
        &mut self,
        exporter: impl trace::SpanExporter + 'static,
        target: &str,
        batch: Batch,
    ) -> Result<Box<dyn SpanProcessor>, SetupError> {
        let component = Component::other(&exporter);
        let own = Own::start(exporter).map_err(|error| {
            SetupError::new("an exporter's thread cannot be started").with_source(error)
        })?;
        let report = self.report.clone();
        let ledger = Ledger::new(Signal::Spans, target.to_owned(), report, Arc::default());
        let account = self.account(batch, ledger, component);
        self.queued(own, None, batch, account)
    }

    fn ledger(&self, url: &Url) -> Ledger {
        let target = Shown(url).to_string();
        let report = self.report.clone();
        Ledger::new(Signal::Spans, target, report, self.thread.collector(url))
    }

    fn account(&self, batch: Batch, ledger: Ledger, exporter: Component) -> Arc<Account> {
        let bounds = Bounds {
            spans: batch.queue,
            bytes: self.room.bytes,
            when_full: self.room.when_full,
            batch: batch.size,
            delay: batch.delay,
        };
        Arc::new(Account::new(bounds, ledger, exporter))
    }

    fn queued(
        &mut self,
        exit: impl Exit,
        timeout: Option<Duration>,
        batch: Batch,
        account: Arc<Account>,
    ) -> Result<Box<dyn SpanProcessor>, SetupError> {
        self.accounts.push(Arc::clone(&account));
        let limit = match (timeout, batch.timeout) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let thread = self.thread.start()?;
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
