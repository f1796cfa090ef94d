//! Errors as events of a span.

use std::fmt::Display;

use opentelemetry::{Context, KeyValue, trace::TraceContextExt};

use crate::{outcome::Failure, semconv::error};

/// Adds the event `exception` (semantic conventions, "Exceptions on spans") if the span is recorded. The text is the
/// error's and its causes', URLs redacted.
pub(crate) fn record<E: Display + 'static>(context: &Context, error: &E) -> Failure {
    let failure = error::failure(error, true);
    let span = context.span();
    if span.is_recording() {
        let message = KeyValue::new("exception.message", failure.message.clone());
        let named = error::type_of(error).map(|name| KeyValue::new("exception.type", name));
        span.add_event("exception", named.into_iter().chain([message]).collect());
    }
    failure
}
