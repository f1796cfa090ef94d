//! What the tests share: a pipeline into memory, and looking at what came out.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

pub mod bucket;
pub mod hop;
pub mod meters;
pub mod mine;
pub mod net;
pub mod shape;
pub mod vacant;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use opentelemetry::{Context, Value, trace::Status};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{
        InMemorySpanExporter, Sampler, SdkTracerProvider, Span, SpanData, SpanProcessor,
        TracerProviderBuilder,
    },
};
use throughline::{Telemetry, otel::Pipeline};

pub use meters::Meters;
use tokio::sync::watch;

/// Longer than any wait of a test that passes, on any machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A pipeline whose spans and measurements stay in memory, exported the moment they end.
pub struct Spans {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    counts: Counts,
    pub meters: Meters,
    pub telemetry: Telemetry,
}

/// How many spans started and ended. It runs after the exporter, so who sees the number sees the span.
#[derive(Clone, Debug)]
pub struct Counts {
    started: Arc<AtomicUsize>,
    ended: Arc<watch::Sender<usize>>,
}

impl Spans {
    /// Every span is recorded, and the layers know that the sampler reads nothing of theirs.
    pub fn new() -> Self {
        Self::sampled(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
    }

    pub fn sampled(sampler: Sampler) -> Self {
        let (exporter, provider, counts) = provider(sampler);
        let meters = Meters::new();
        let telemetry = Pipeline::of(&provider)
            .meter_provider(&meters.provider)
            .sampler_reads_parent_only()
            .random_ids()
            .build();
        Self {
            exporter,
            provider,
            counts,
            meters,
            telemetry,
        }
    }

    /// Nothing is known of the sampler: attributes are made before it decides.
    pub fn of_stranger() -> Self {
        let (exporter, provider, counts) =
            provider(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
        let meters = Meters::new();
        let telemetry = Pipeline::of(&provider)
            .meter_provider(&meters.provider)
            .build();
        Self {
            exporter,
            provider,
            counts,
            meters,
            telemetry,
        }
    }

    /// All spans that ended so far, each of them well-formed.
    #[track_caller]
    pub fn ended(&self) -> Vec<SpanData> {
        let spans = self.exporter.get_finished_spans().unwrap();
        spans.iter().for_each(shape::check);
        spans
    }

    /// The one span there is.
    #[track_caller]
    pub fn only(&self) -> SpanData {
        let mut spans = self.ended();
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }

    /// The spans, as soon as there are that many.
    pub async fn wait(&self, count: usize) -> Vec<SpanData> {
        let mut ended = self.counts.ended.subscribe();
        let waited = tokio::time::timeout(PATIENCE, ended.wait_for(|ended| *ended >= count)).await;
        assert!(waited.is_ok(), "{count} spans, got {:#?}", self.ended());
        self.ended()
    }

    /// The one span there is, as soon as it has ended.
    pub async fn wait_only(&self) -> SpanData {
        self.wait(1).await;
        self.only()
    }

    pub fn started(&self) -> usize {
        self.counts.started.load(SeqCst)
    }

    pub fn ended_count(&self) -> usize {
        *self.counts.ended.borrow()
    }

    pub fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }

    pub fn reset(&self) {
        self.exporter.reset();
    }
}

impl SpanProcessor for Counts {
    fn on_start(&self, _span: &mut Span, _cx: &Context) {
        self.started.fetch_add(1, SeqCst);
    }

    fn on_end(&self, _span: SpanData) {
        self.ended.send_modify(|ended| *ended += 1);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn provider(sampler: Sampler) -> (InMemorySpanExporter, SdkTracerProvider, Counts) {
    let exporter = InMemorySpanExporter::default();
    let counts = Counts {
        started: Arc::default(),
        ended: Arc::new(watch::Sender::new(0)),
    };
    let provider = TracerProviderBuilder::default()
        .with_sampler(sampler)
        .with_simple_exporter(exporter.clone())
        .with_span_processor(counts.clone())
        .build();
    (exporter, provider, counts)
}

/// The value of an attribute, which must be there at most once.
#[track_caller]
pub fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let mut values = span
        .attributes
        .iter()
        .filter(|kv| kv.key.as_str() == key)
        .map(|kv| kv.value.clone());
    let value = values.next();
    assert_eq!(values.next(), None, "{key} twice in {:?}", span.attributes);
    value
}

/// The text of an attribute.
#[track_caller]
pub fn text(span: &SpanData, key: &str) -> Option<String> {
    attribute(span, key).map(|value| value.to_string())
}

/// Checks texts of a span: `None` is an attribute that must not be there.
#[track_caller]
pub fn assert_texts(span: &SpanData, wanted: &[(&str, Option<&str>)]) {
    for (key, want) in wanted {
        assert_eq!(text(span, key).as_deref(), *want, "{key} of {span:#?}");
    }
}

pub fn is_error(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}

/// Checks that a span failed with this `error.type`; `None`: that it did not fail.
#[track_caller]
pub fn assert_error(span: &SpanData, error_type: Option<&str>) {
    assert_eq!(text(span, "error.type").as_deref(), error_type, "{span:#?}");
    match error_type {
        Some(_) => assert!(is_error(span), "{span:#?}"),
        None => assert_eq!(span.status, Status::Unset, "{span:#?}"),
    }
}

#[track_caller]
pub fn assert_ending(span: &SpanData, ending: Option<&str>) {
    assert_eq!(
        text(span, "throughline.ending").as_deref(),
        ending,
        "{span:#?}"
    );
}

pub fn duration(span: &SpanData) -> Duration {
    span.end_time.duration_since(span.start_time).unwrap()
}

/// The span of this name, of which there is one.
#[track_caller]
pub fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    let mut found = spans.iter().filter(|span| span.name == name);
    let span = found
        .next()
        .unwrap_or_else(|| panic!("no span {name:?} in {spans:#?}"));
    assert!(found.next().is_none(), "two spans {name:?} in {spans:#?}");
    span
}

/// Whether one span is the other's child, in the same trace.
pub fn is_child(child: &SpanData, parent: &SpanData) -> bool {
    child.parent_span_id == parent.span_context.span_id()
        && child.span_context.trace_id() == parent.span_context.trace_id()
}
