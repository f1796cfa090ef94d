//! Ids as hexadecimal digits, for all formats but W3C's, which reads its own.

use opentelemetry::trace::SpanContext;

use super::trace_context;

/// The ids of a span as lower-case digits, all of them.
pub(crate) struct Digits([u8; trace_context::LENGTH]);

impl Digits {
    pub(crate) fn of(span_context: &SpanContext) -> Self {
        Self(trace_context::traceparent(span_context))
    }

    /// 32 digits.
    pub(crate) fn trace_id(&self) -> &str {
        self.part(3, 35)
    }

    /// The last 16 of them.
    pub(crate) fn low_trace_id(&self) -> &str {
        self.part(19, 35)
    }

    /// 16 digits.
    pub(crate) fn span_id(&self) -> &str {
        self.part(36, 52)
    }

    /// `{trace id}-{span id}`.
    pub(crate) fn both(&self) -> &str {
        self.part(3, 52)
    }

    fn part(&self, from: usize, to: usize) -> &str {
        let part = self.0.get(from..to).unwrap_or_default();
        std::str::from_utf8(part).unwrap_or_default()
    }
}

/// A number of 1 to 32 digits, in either case.
pub(crate) fn read(digits: &str) -> Option<u128> {
    if digits.is_empty() || digits.len() > 32 {
        return None;
    }
    digits.bytes().try_fold(0_u128, |number, byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some((number << 4) | u128::from(digit))
    })
}

/// The same with 1 to 16 digits.
pub(crate) fn read_u64(digits: &str) -> Option<u64> {
    (digits.len() <= 16).then(|| read(digits))??.try_into().ok()
}
