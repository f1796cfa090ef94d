//! What every exported span must be, whatever the test.

use std::collections::HashSet;

use opentelemetry::{Array, Value, trace::Status};
use opentelemetry_sdk::trace::SpanData;

/// Attributes that are whole numbers.
const NUMBERS: [&str; 7] = [
    "http.response.status_code",
    "http.request.resend_count",
    "http.request.body.size",
    "http.response.body.size",
    "server.port",
    "client.port",
    "network.peer.port",
];

/// No text that a peer sends becomes longer than this.
const LONGEST: usize = 4_096;

/// Each key once, nothing empty, numbers as numbers, nothing endless; an error has its type, and only an error.
#[track_caller]
pub fn check(span: &SpanData) {
    let mut keys = HashSet::new();
    for attribute in &span.attributes {
        let key = attribute.key.as_str();
        assert!(keys.insert(key), "{key} comes twice: {span:#?}");
        assert!(!key.is_empty(), "{span:#?}");
        match &attribute.value {
            Value::String(text) => {
                assert!(!text.as_str().is_empty(), "{key} is empty: {span:#?}");
                assert!(
                    text.as_str().len() <= LONGEST,
                    "{key}: {} bytes",
                    text.as_str().len()
                );
            }
            Value::Array(Array::String(texts)) => {
                assert!(!texts.is_empty(), "{key} is empty: {span:#?}");
            }
            _ => {}
        }
        let is_number = matches!(attribute.value, Value::I64(_));
        assert_eq!(NUMBERS.contains(&key), is_number && NUMBERS.contains(&key));
        let is_array = matches!(attribute.value, Value::Array(_));
        assert_eq!(
            key.contains(".header."),
            is_array,
            "{key} of {:?}",
            attribute.value
        );
    }
    assert!(!span.name.is_empty(), "{span:#?}");
    assert_eq!(span.name.trim(), span.name, "{span:#?}");
    assert!(span.end_time >= span.start_time, "{span:#?}");
    assert_ne!(span.status, Status::Ok, "only a user says Ok: {span:#?}");
    if span.instrumentation_scope.name() == "throughline" {
        assert_eq!(
            keys.contains("error.type"),
            matches!(span.status, Status::Error { .. }),
            "{span:#?}"
        );
        assert_eq!(
            span.instrumentation_scope.schema_url(),
            Some("https://opentelemetry.io/schemas/1.45.0")
        );
    }
}
