//! The ids of a span, for people and for headers.

use std::fmt;

use opentelemetry::{
    Context,
    trace::{SpanId, TraceContextExt, TraceFlags, TraceId},
};

/// The ids of a span: what a log line or an answer to a caller carries.
///
/// [`Display`](fmt::Display) writes them as a `traceparent` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanIds {
    trace: TraceId,
    span: SpanId,
    flags: TraceFlags,
}

impl SpanIds {
    pub(crate) fn of(context: &Context) -> Self {
        let span = context.span();
        let context = span.span_context();
        Self {
            trace: context.trace_id(),
            span: context.span_id(),
            flags: context.trace_flags(),
        }
    }

    /// Whether there is a trace at all: both ids are other than zero.
    pub fn is_valid(&self) -> bool {
        self.trace != TraceId::INVALID && self.span != SpanId::INVALID
    }

    /// The 16 bytes of the trace id.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace.to_bytes()
    }

    /// The 8 bytes of the span id.
    pub fn span_id(&self) -> [u8; 8] {
        self.span.to_bytes()
    }

    /// The trace id as 32 lower-case hexadecimal digits.
    pub fn trace_id_hex(&self) -> String {
        self.trace.to_string()
    }

    /// The span id as 16 lower-case hexadecimal digits.
    pub fn span_id_hex(&self) -> String {
        self.span.to_string()
    }

    /// Whether the trace is sampled.
    pub fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }

    /// The flags that Trace Context defines.
    pub(crate) fn flags(&self) -> u8 {
        self.flags.to_u8() & 0x03
    }
}

impl fmt::Display for SpanIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace, self.span, self.flags())
    }
}
