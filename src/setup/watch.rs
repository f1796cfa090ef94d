//! Counting spans on their way out, and telling once when they stop arriving, and once when they arrive again.

use std::{
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};
use tracing::{Dispatch, dispatcher, subscriber::NoSubscriber};

use super::{error::Spans, report::Report, settings::Batch};

/// A collector that answers now and fails then is told of no more often than this.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);

/// One exporter's way out, seen from both ends.
#[derive(Debug)]
pub(super) struct Watch {
    /// Where the spans go, for people.
    target: String,
    report: Report,
    /// Ended and sampled, so to be exported.
    made: AtomicU64,
    /// The last flush or shutdown took too long.
    timed_out: AtomicBool,
    state: Mutex<State>,
    /// The reason of the last failure, where the exporter itself has a better one than it returns.
    cause: Cause,
}

#[derive(Debug, Default)]
struct State {
    delivered: u64,
    failed: u64,
    /// Since when spans fail, and how many have.
    outage: Option<Outage>,
    warned: Option<Instant>,
    /// Why the last that failed did.
    cause: Option<String>,
}

#[derive(Debug)]
struct Outage {
    lost: u64,
    told: bool,
}

/// Why the last attempt failed, from whoever made it.
#[derive(Clone, Default)]
pub(super) struct Cause(Arc<Mutex<Option<String>>>);

/// What has become of the spans so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub(super) made: u64,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    /// Failed since the last that arrived.
    pub(super) outage: u64,
    /// Why the last failed.
    pub(super) cause: Option<String>,
}

/// The exporter behind the batch processor.
#[derive(Debug)]
struct Watched<E> {
    exporter: E,
    watch: Arc<Watch>,
    /// Keeps the exporter's own words from the logs: it has one for each batch.
    quiet: bool,
}

/// The batch processor, with a count of what goes in.
#[derive(Debug)]
struct Counted {
    batches: BatchSpanProcessor,
    watch: Arc<Watch>,
}

impl Watch {
    pub(super) fn new(target: String, report: Report, cause: Cause) -> Arc<Self> {
        Arc::new(Self {
            target,
            report,
            made: AtomicU64::new(0),
            timed_out: AtomicBool::new(false),
            state: Mutex::default(),
            cause,
        })
    }

    /// A processor that sends batches to this exporter from a thread of its own.
    pub(super) fn processor(
        self: &Arc<Self>,
        exporter: impl SpanExporter + 'static,
        quiet: bool,
        batch: Batch,
    ) -> Box<dyn SpanProcessor> {
        let watched = Watched {
            exporter,
            watch: Arc::clone(self),
            quiet,
        };
        // All that it would look for in the environment by itself.
        let config = BatchConfigBuilder::default()
            .with_scheduled_delay(batch.delay)
            .with_max_queue_size(batch.queue)
            .with_max_export_batch_size(batch.size);
        Box::new(Counted {
            batches: BatchSpanProcessor::builder(watched)
                .with_batch_config(config.build())
                .build(),
            watch: Arc::clone(self),
        })
    }

    pub(super) fn standing(&self) -> Standing {
        let state = self.state();
        Standing {
            made: self.made.load(Ordering::Acquire),
            delivered: state.delivered,
            failed: state.failed,
            outage: state.outage.as_ref().map_or(0, |outage| outage.lost),
            cause: state.cause.clone(),
        }
    }

    /// Whether the last flush or shutdown took too long. The provider does not tell it apart from other errors.
    pub(super) fn has_timed_out(&self) -> bool {
        self.timed_out.load(Ordering::Acquire)
    }

    fn in_time(&self, result: OTelSdkResult) -> OTelSdkResult {
        let timed_out = matches!(result, Err(OTelSdkError::Timeout(_)));
        self.timed_out.store(timed_out, Ordering::Release);
        result
    }

    fn delivered(&self, spans: u64) {
        let mut state = self.state();
        state.delivered += spans;
        let Some(outage) = state.outage.take_if(|outage| outage.told) else {
            state.outage = None;
            return;
        };
        drop(state);
        self.report.info(&format!(
            "spans reach {} again; {} lost in between",
            self.target,
            Spans(outage.lost)
        ));
    }

    fn failed(&self, spans: u64, error: &dyn fmt::Display) {
        let cause = self.cause.take().unwrap_or_else(|| error.to_string());
        let mut state = self.state();
        state.failed += spans;
        state.cause = Some(cause.clone());
        let fresh = state
            .warned
            .is_none_or(|warned| warned.elapsed() >= BETWEEN_WARNINGS);
        let outage = state.outage.get_or_insert(Outage {
            lost: 0,
            told: false,
        });
        outage.lost += spans;
        if outage.told || !fresh {
            return;
        }
        outage.told = true;
        state.warned = Some(Instant::now());
        drop(state);
        self.report.warn(&format!(
            "cannot send spans to {}: {cause}; they are lost until it works again, which will be reported",
            self.target
        ));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cause {
    #[allow(dead_code, reason = "only exporters of ours tell")]
    pub(super) fn set(&self, cause: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
    }

    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let mut export = pin!(self.exporter.export(batch));
        let result = poll_fn(|cx| {
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            if self.quiet {
                silenced(|| export.as_mut().poll(cx))
            } else {
                export.as_mut().poll(cx)
            }
        })
        .await;
        match result {
            Ok(()) => self.watch.delivered(spans),
            Err(error) => self.watch.failed(spans, &error),
        }
        // What failed is counted and told; the processor would log it again, for each batch.
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl SpanProcessor for Counted {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        // Recorded for other processors only; the SDK's would export it.
        if span.span_context.is_sampled() {
            self.watch.made.fetch_add(1, Ordering::AcqRel);
            self.batches.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.watch.in_time(self.batches.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.watch
            .in_time(self.batches.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cause")
    }
}

/// Runs this with no subscriber. Where there is none, there is none to hide from, and setting one would be noticed.
fn silenced<T>(run: impl FnOnce() -> T) -> T {
    if dispatcher::get_default(Dispatch::is::<NoSubscriber>) {
        run()
    } else {
        dispatcher::with_default(&Dispatch::none(), run)
    }
}
