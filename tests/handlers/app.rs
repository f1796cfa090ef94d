//! An application's tracer, and its spans in memory.

use opentelemetry::{SpanId, Value, trace::TracerProvider};
use opentelemetry_sdk::trace::{
    InMemorySpanExporter, Sampler, SdkTracer, SdkTracerProvider, ShouldSample, SpanData,
};

pub struct App {
    exporter: InMemorySpanExporter,
    pub tracer: SdkTracer,
}

impl App {
    pub fn new() -> Self {
        Self::sampled(Sampler::AlwaysOn)
    }

    pub fn sampled(sampler: impl ShouldSample + 'static) -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_sampler(sampler)
            .with_simple_exporter(exporter.clone())
            .build();
        Self {
            tracer: provider.tracer("app"),
            exporter,
        }
    }

    /// All spans that have ended, in that order.
    pub fn ended(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }

    /// The one span that has ended.
    #[track_caller]
    pub fn only(&self) -> SpanData {
        let mut ended = self.ended();
        assert_eq!(ended.len(), 1, "{ended:#?}");
        ended.remove(0)
    }

    /// The names of the spans that have ended, in that order.
    pub fn names(&self) -> Vec<String> {
        let ended = self.ended();
        ended.iter().map(|span| span.name.to_string()).collect()
    }
}

pub fn is_root(span: &SpanData) -> bool {
    span.parent_span_id == SpanId::INVALID
}

/// All values of this key, in the order they were set.
pub fn values(span: &SpanData, key: &str) -> Vec<Value> {
    let found = span.attributes.iter().filter(|kv| kv.key.as_str() == key);
    found.map(|kv| kv.value.clone()).collect()
}
