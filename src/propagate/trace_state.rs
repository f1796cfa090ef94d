//! The `tracestate` header: the grammar of W3C Trace Context Level 2, and what OpenTelemetry's
//! `TraceState` cannot hold of it.
//!
//! Words in quotes are titles of sections of <https://www.w3.org/TR/trace-context-2/>.
//!
//! `TraceState` still asks for Level 1 keys (and a little less: it refuses a system part of fourteen
//! characters), so a valid `tracestate` may not fit. It then gets the members it can hold, for
//! samplers to read, and the whole list travels beside it in the context as a [`RawTraceState`].

use std::borrow::Cow;

use opentelemetry::TraceId;
use opentelemetry::trace::{SpanContext, TraceState};

/// A `tracestate` that does not fit into a `TraceState`: a context value, set on extraction.
#[derive(Clone, Debug)]
pub(crate) struct RawTraceState {
    /// The trace it came with; a span of another trace must not send it.
    trace_id: TraceId,
    /// All members in their order, without the optional white space.
    text: String,
    /// What the remote span context got of it: tells whether someone changed it since.
    parsed: TraceState,
}

/// The members of a list, in order, each key once; keys and values are valid.
struct Members<'a> {
    items: [(&'a str, &'a str); MAX_MEMBERS],
    len: usize,
}

/// Reads header lines, joined in their order ("tracestate Header Field Values"): what a `TraceState` can hold, and the whole
/// if that is more. An invalid list is an empty one.
pub(crate) fn read<'a>(
    trace_id: TraceId,
    lines: impl IntoIterator<Item = &'a [u8]>,
) -> (TraceState, Option<Box<RawTraceState>>) {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return (TraceState::NONE, None);
    }
    let Some(members) = Members::parse(lines) else {
        return (TraceState::NONE, None);
    };
    let members = members.as_slice();
    let parsed = held(members);
    if parsed.into_iter().eq(members.iter().copied()) {
        return (parsed, None);
    }
    let raw = RawTraceState {
        trace_id,
        text: join(members),
        parsed: parsed.clone(),
    };
    (parsed, Some(Box::new(raw)))
}

/// The text to send for a span, `None` when it would be empty.
///
/// `raw` counts if it came with the span's trace. Where the span's `TraceState` was changed since,
/// the changed members go first, the removed ones go away, and the rest keeps its order
/// ("Mutating the tracestate Field").
///
/// At most 32 members are sent, and 4096 bytes: then whole members are removed, those longer than
/// 128 characters first, then from the end ("tracestate Limits"). A member that a user's code put
/// into the `TraceState` and that Level 2 forbids is left out: the receiver would discard the others
/// with it.
pub(crate) fn write<'a>(
    span_context: &SpanContext,
    raw: Option<&'a RawTraceState>,
) -> Option<Cow<'a, str>> {
    let now = span_context.trace_state();
    let mut members = match raw.filter(|raw| raw.trace_id == span_context.trace_id()) {
        Some(raw) if raw.parsed == *now => {
            return (!raw.text.is_empty()).then_some(Cow::Borrowed(raw.text.as_str()));
        }
        None if now.into_iter().len() == 0 => return None,
        Some(raw) => {
            let before = |key| raw.parsed.get(key);
            let changed = now.into_iter();
            let changed = changed.filter(|(key, value)| before(key) != Some(value));
            let rest = raw.members();
            let rest = rest.filter(|(key, _)| before(key) == now.get(key));
            Members::of(changed.chain(rest))
        }
        None => Members::of(now),
    };
    members.trim();
    (members.len > 0).then(|| Cow::Owned(join(members.as_slice())))
}

/// The text without the optional white space around it.
#[inline]
pub(crate) fn trim_ows(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

impl RawTraceState {
    /// Of no trace: hides one that a context already has.
    pub(crate) const NONE: Self = Self {
        trace_id: TraceId::INVALID,
        text: String::new(),
        parsed: TraceState::NONE,
    };

    fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text
            .split(',')
            .filter_map(|member| member.split_once('='))
    }
}

impl<'a> Members<'a> {
    fn new() -> Self {
        Self {
            items: [("", ""); MAX_MEMBERS],
            len: 0,
        }
    }

    /// `None` if a member is invalid or there are too many. Empty members do not count.
    fn parse(lines: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut members = Self::new();
        let texts = lines.flat_map(|line| line.split(|byte| *byte == b',').map(trim_ows));
        for (count, text) in texts.filter(|text| !text.is_empty()).enumerate() {
            let (key, value) = str::from_utf8(text).ok()?.split_once('=')?;
            if count == MAX_MEMBERS || !is_key(key) || !is_value(value) {
                return None;
            }
            members.push(key, value);
        }
        members.trim();
        Some(members)
    }

    /// Those that are valid, as far as there is room.
    fn of(items: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut members = Self::new();
        for (key, value) in items {
            if is_key(key) && is_value(value) {
                members.push(key, value);
            }
        }
        members
    }

    /// Adds at the end unless the key is there already (the first is the latest) or the list full.
    fn push(&mut self, key: &'a str, value: &'a str) {
        if self.as_slice().iter().any(|(known, _)| *known == key) {
            return;
        }
        if let Some(item) = self.items.get_mut(self.len) {
            *item = (key, value);
            self.len += 1;
        }
    }

    /// Removes whole members until the text is not too long.
    fn trim(&mut self) {
        while text_len(self.as_slice()) > MAX_LEN {
            let long = |(key, value): &(&str, &str)| key.len() + 1 + value.len() > LONG_MEMBER;
            let victim = self.as_slice().iter().rposition(long);
            if let Some(tail) = self.items.get_mut(victim.unwrap_or(self.len - 1)..self.len) {
                tail.rotate_left(1);
            }
            self.len -= 1;
        }
    }

    fn as_slice(&self) -> &[(&'a str, &'a str)] {
        self.items.get(..self.len).unwrap_or_default()
    }
}

/// The members that a `TraceState` takes: all of them nearly always.
fn held(members: &[(&str, &str)]) -> TraceState {
    let fits = |member: &&(&str, &str)| TraceState::from_key_value([**member]).is_ok();
    TraceState::from_key_value(members.iter().copied())
        .or_else(|_| TraceState::from_key_value(members.iter().filter(fits).copied()))
        .unwrap_or_default()
}

fn join(members: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(text_len(members));
    for (key, value) in members {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(key);
        text.push('=');
        text.push_str(value);
    }
    text
}

/// The length of the joined text.
fn text_len(members: &[(&str, &str)]) -> usize {
    let separated = members
        .iter()
        .map(|(key, value)| key.len() + value.len() + 2);
    separated.sum::<usize>().saturating_sub(1)
}

/// "Key": in Level 2 `@` may stand anywhere but first.
fn is_key(key: &str) -> bool {
    let first = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let other = |byte: &u8| first(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    key.len() <= MAX_PART
        && key.as_bytes().first().is_some_and(first)
        && key.bytes().all(|b| other(&b))
}

/// "Value": printable ASCII without `,` and `=`, not ending in a space.
fn is_value(value: &str) -> bool {
    let printable = |byte| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=MAX_PART).contains(&value.len()) && !value.ends_with(' ') && value.bytes().all(printable)
}

/// "tracestate Header Field Values": a maximum of 32.
const MAX_MEMBERS: usize = 32;

/// The longest key, and the longest value.
const MAX_PART: usize = 256;

/// A member longer than this is the first to go ("tracestate Limits").
const LONG_MEMBER: usize = 128;

/// The longest text we keep and send. "tracestate Limits" asks for 512 at least; servers commonly refuse a
/// header line of 8 KiB, and with it the request.
const MAX_LEN: usize = 4096;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
