//! The limit of a text's length, which the SDK does not have: it is kept when a span ends, before any processor sees it.

use std::time::Duration;

use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

/// A processor that gets no text longer than this many characters.
#[derive(Debug)]
pub(super) struct Truncating<P> {
    pub(super) processor: P,
    pub(super) most: usize,
}

impl<P: SpanProcessor> SpanProcessor for Truncating<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.processor.on_start(span, context);
    }

    fn on_end(&self, mut span: SpanData) {
        attributes(&mut span.attributes, self.most);
        for event in &mut span.events.events {
            attributes(&mut event.attributes, self.most);
        }
        for link in &mut span.links.links {
            attributes(&mut link.attributes, self.most);
        }
        self.processor.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.processor.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.processor.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.processor.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.processor.set_resource(resource);
    }
}

fn attributes(attributes: &mut [KeyValue], most: usize) {
    for attribute in attributes {
        match &mut attribute.value {
            Value::String(text) => truncate(text, most),
            Value::Array(Array::String(texts)) => {
                for text in texts {
                    truncate(text, most);
                }
            }
            _ => {}
        }
    }
}

fn truncate(text: &mut StringValue, most: usize) {
    if let Some(shorter) = truncated(text.as_str(), most) {
        *text = StringValue::from(shorter.to_owned());
    }
}

/// The first so many characters of a text that has more.
pub(super) fn truncated(text: &str, most: usize) -> Option<&str> {
    // No text has more characters than bytes.
    if text.len() <= most {
        return None;
    }
    let (end, _) = text.char_indices().nth(most)?;
    text.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_and_not_bytes() {
        for (text, most, want) in [
            ("äöü", 3, None),
            ("äöü", 2, Some("äö")),
            ("abc", 0, Some("")),
            ("", 0, None),
            ("abc", 4, None),
            ("a🦀b", 2, Some("a🦀")),
        ] {
            assert_eq!(truncated(text, most), want, "{text} {most}");
        }
    }
}
