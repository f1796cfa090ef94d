//! W3C Trace Context, Level 2: `traceparent` here, `tracestate` in [`trace_state`].
//!
//! Words in quotes are titles of sections of <https://www.w3.org/TR/trace-context-2/>.
//!
//! The two hot functions, [`extract`] and [`traceparent`], work on bytes and allocate nothing; the
//! [`TextMapPropagator`] is a thin skin over them for whoever wants a propagator object.

use std::borrow::Cow;
use std::sync::LazyLock;

use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, SpanId, TraceFlags, TraceId};

use super::trace_state::{self, RawTraceState};

/// Reads and writes `traceparent` and `tracestate` as W3C Trace Context **Level 2** has them.
///
/// OpenTelemetry asks for Level 2 since version 1.52 of its specification. What differs from the
/// propagator of `opentelemetry_sdk` 0.33:
///
/// * the *random* flag ("Random Trace ID Flag") is kept, received and sent;
/// * a `traceparent` that is not exactly as "traceparent Header Field Values" says, or comes twice, is
///   no parent at all, and its `tracestate` is ignored with it;
/// * all `tracestate` lines count, not the first, and one invalid member discards the
///   list, as do more than 32 members;
/// * keys with any number of `@` ("Key") are carried, though the `TraceState` of
///   OpenTelemetry cannot hold them;
/// * no empty `tracestate` is ever sent.
///
/// When extraction finds no valid parent, the context comes back as it was given. When the current
/// span's context is invalid, nothing is injected.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceContextPropagator {
    _private: (),
}

/// A parent that came with a request: what [`extract`] found.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    /// The parent, marked remote; its flags are those of Level 2, sampled and random.
    pub(crate) span_context: SpanContext,
    /// The whole `tracestate`, only when `span_context` cannot hold all of it.
    pub(crate) raw: Option<Box<RawTraceState>>,
}

/// Reads the header lines of one request; `None` unless there is exactly one `traceparent` line and
/// it is valid ("traceparent Header Field Values", "Versioning of traceparent").
///
/// This runs on every request: it allocates nothing when there is no `tracestate`, and looks at
/// `tracestate` only after the `traceparent` proved valid.
pub(crate) fn extract<'a>(
    traceparent: impl IntoIterator<Item = &'a [u8]>,
    tracestate: impl IntoIterator<Item = &'a [u8]>,
) -> Option<Remote> {
    let mut lines = traceparent.into_iter();
    let line = lines.next()?;
    if lines.next().is_some() {
        return None;
    }
    let (trace_id, span_id, flags) = parse(trace_state::trim_ows(line))?;
    let (trace_state, raw) = trace_state::read(trace_id, tracestate);
    Some(Remote {
        span_context: SpanContext::new(trace_id, span_id, flags, true, trace_state),
        raw,
    })
}

/// The `traceparent` to send for a span: version `00`, ASCII, the flags sampled and random
/// as they are and all others zero. It does not ask whether the span context is valid.
pub(crate) fn traceparent(span_context: &SpanContext) -> [u8; LENGTH] {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let trace_id = span_context.trace_id().to_bytes();
    let chunks = text[3..35].as_chunks_mut::<8>().0.iter_mut();
    for (digits, bytes) in chunks.zip(trace_id.as_chunks::<4>().0) {
        *digits = write_hex(u32::from_be_bytes(*bytes));
    }
    let span_id = span_context.span_id().to_bytes();
    let chunks = text[36..52].as_chunks_mut::<8>().0.iter_mut();
    for (digits, bytes) in chunks.zip(span_id.as_chunks::<4>().0) {
        *digits = write_hex(u32::from_be_bytes(*bytes));
    }
    text[54] += span_context.trace_flags().to_u8() & KNOWN_FLAGS;
    text
}

/// The `tracestate` to send for the span of `cx`, `None` when there is nothing to send
/// ("tracestate Header Field Values": an empty header should not be sent).
pub(crate) fn tracestate(cx: &Context) -> Option<Cow<'_, str>> {
    trace_state::write(cx.span().span_context(), cx.get::<RawTraceState>())
}

impl TraceContextPropagator {
    /// The propagator; it has no settings.
    pub fn new() -> Self {
        Self::default()
    }
}

impl TextMapPropagator for TraceContextPropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        let span = cx.span();
        let span_context = span.span_context();
        if !span_context.is_valid() {
            return;
        }
        let text = traceparent(span_context);
        injector.set(TRACEPARENT, String::from_utf8_lossy(&text).into_owned());
        if let Some(text) = tracestate(cx) {
            injector.set(TRACESTATE, text.into_owned());
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let parents = extractor.get_all(TRACEPARENT).unwrap_or_default();
        let states = std::iter::once_with(|| extractor.get_all(TRACESTATE));
        let parents = parents.into_iter().map(str::as_bytes);
        let states = states.flatten().flatten().map(str::as_bytes);
        match extract(parents, states) {
            Some(remote) => remote.into_context(cx),
            None => cx.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<[String; 2]> =
            LazyLock::new(|| [TRACEPARENT.to_owned(), TRACESTATE.to_owned()]);
        FieldIter::new(FIELDS.as_slice())
    }
}

impl Remote {
    /// `base` with this parent in place of its span.
    pub(crate) fn into_context(self, base: &Context) -> Context {
        let cx = base.with_remote_span_context(self.span_context);
        match self.raw {
            Some(raw) => cx.with_value(*raw),
            // What a parent extracted earlier left behind must not be sent with this one.
            None if cx.get::<RawTraceState>().is_some() => cx.with_value(RawTraceState::NONE),
            None => cx,
        }
    }
}

/// `{version}-{trace-id}-{parent-id}-{flags}`, without surrounding white space.
fn parse(text: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (head, tail) = text.split_first_chunk::<LENGTH>()?;
    let dashes = (head[2] ^ b'-') | (head[35] ^ b'-') | (head[52] ^ b'-');
    let mut bad = u64::from(dashes);
    let trace_id = head[3..35].as_chunks::<8>().0.iter();
    let trace_id = trace_id.fold(0, |id, digits| {
        (id << 32) | u128::from(read_hex(*digits, &mut bad))
    });
    let span_id = head[36..52].as_chunks::<8>().0.iter();
    let span_id = span_id.fold(0, |id, digits| {
        (id << 32) | u64::from(read_hex(*digits, &mut bad))
    });
    let ends = [b'0', b'0', b'0', b'0', head[0], head[1], head[53], head[54]];
    let [_, _, version, flags] = read_hex(ends, &mut bad).to_be_bytes();
    let ends_well = match tail {
        [] => version != 0xff,
        // A later version may go on after another dash ("Versioning of traceparent").
        [next, ..] => version != 0xff && version != 0 && *next == b'-',
    };
    let valid = bad == 0 && ends_well && trace_id != 0 && span_id != 0;
    let flags = TraceFlags::new(flags & KNOWN_FLAGS);
    valid.then(|| (trace_id.into(), span_id.into(), flags))
}

/// Reads eight lower-case hex digits, all at once in the lanes of a word; `bad` becomes non-zero if
/// one of them is anything else.
#[inline(always)]
fn read_hex(digits: [u8; 8], bad: &mut u64) -> u32 {
    let digits = u64::from_be_bytes(digits);
    // '0' is 0x30, 'a' is 0x61: bit 6 tells them apart, and the low nibble of a letter is 9 less.
    let nibbles = (digits & lanes(0x0f)) + 9 * ((digits >> 6) & lanes(1));
    *bad |= (hex_digits(nibbles) ^ digits) | (nibbles & lanes(0xf0));
    let bytes = (nibbles | (nibbles >> 4)) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | (bytes >> 8)) & 0x0000_ffff_0000_ffff;
    (pairs | (pairs >> 16)) as u32
}

/// The eight lower-case hex digits of four bytes.
#[inline(always)]
fn write_hex(bytes: u32) -> [u8; 8] {
    let word = u64::from(bytes);
    let pairs = (word | (word << 16)) & 0x0000_ffff_0000_ffff;
    let bytes = (pairs | (pairs << 8)) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (bytes | (bytes << 4)) & lanes(0x0f);
    hex_digits(nibbles).to_be_bytes()
}

/// The digit of each lane's number: '0' and up, and for those above nine 'a' and up.
#[inline(always)]
fn hex_digits(nibbles: u64) -> u64 {
    let above_nine = ((nibbles + lanes(6)) >> 4) & lanes(1);
    nibbles + lanes(b'0') + above_nine * u64::from(b'a' - b'0' - 10)
}

/// The same byte in all eight lanes.
const fn lanes(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The length of a `traceparent` of version `00`.
pub(crate) const LENGTH: usize = 55;

/// The flags Level 2 knows: "Sampled Flag" and "Random Trace ID Flag".
const KNOWN_FLAGS: u8 = 0x03;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
