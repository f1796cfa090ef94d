//! What the tests share: a pipeline into memory, and looking at what came out.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

use opentelemetry::{Value, trace::Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use throughline::{Telemetry, otel::Pipeline};

/// A pipeline whose spans stay in memory, exported the moment they end.
pub struct Spans {
    exporter: InMemorySpanExporter,
    provider: SdkTracerProvider,
    pub telemetry: Telemetry,
}

impl Spans {
    pub fn new() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let telemetry = Pipeline::of(&provider)
            .sampler_reads_parent_only()
            .random_ids()
            .build();
        Self {
            exporter,
            provider,
            telemetry,
        }
    }

    /// All spans that ended so far.
    pub fn ended(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }

    /// The one span there is.
    #[track_caller]
    pub fn only(&self) -> SpanData {
        let mut spans = self.ended();
        assert_eq!(spans.len(), 1, "{spans:#?}");
        spans.remove(0)
    }

    pub fn provider(&self) -> &SdkTracerProvider {
        &self.provider
    }
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

pub fn is_error(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. })
}
