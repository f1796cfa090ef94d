//! What a body becomes in memory, told before it is decoded: an empty span is two bytes on the wire and hundreds here.

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, Link},
    },
};
use prost::{
    DecodeError,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};

use super::{
    Signal,
    refused::{Cause, Refused},
};

/// A message, and which of its fields are messages.
struct Kind {
    size: usize,
    parts: &'static [(u32, &'static Self)],
}

/// Memory for what is read of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    most: usize,
    left: usize,
}

/// No request takes more memory, in bytes.
const HEAVIEST: usize = 256 << 20;
/// A text or some bytes, besides what they hold.
const TEXT: usize = 32;
/// JSON's objects become messages of any kind.
const OBJECT: usize = size_of::<Span>();
/// prost goes no deeper.
const DEEPEST: usize = 100;

static TRACES: Kind = Kind::of::<ExportTraceServiceRequest>(&[(1, &RESOURCE_SPANS)]);
static RESOURCE_SPANS: Kind = Kind::of::<ResourceSpans>(&[(1, &RESOURCE), (2, &SCOPE_SPANS)]);
static SCOPE_SPANS: Kind = Kind::of::<ScopeSpans>(&[(1, &SCOPE), (2, &SPAN)]);
static SPAN: Kind = Kind::of::<Span>(&[(9, &KEY_VALUE), (11, &EVENT), (13, &LINK), (15, &STATUS)]);
static EVENT: Kind = Kind::of::<Event>(&[(3, &KEY_VALUE)]);
static LINK: Kind = Kind::of::<Link>(&[(4, &KEY_VALUE)]);
static STATUS: Kind = Kind::of::<Status>(&[]);
static LOGS: Kind = Kind::of::<ExportLogsServiceRequest>(&[(1, &RESOURCE_LOGS)]);
static RESOURCE_LOGS: Kind = Kind::of::<ResourceLogs>(&[(1, &RESOURCE), (2, &SCOPE_LOGS)]);
static SCOPE_LOGS: Kind = Kind::of::<ScopeLogs>(&[(1, &SCOPE), (2, &LOG)]);
static LOG: Kind = Kind::of::<LogRecord>(&[(5, &ANY_VALUE), (6, &KEY_VALUE)]);
static RESOURCE: Kind = Kind::of::<Resource>(&[(1, &KEY_VALUE), (3, &ENTITY)]);
static ENTITY: Kind = Kind::of::<EntityRef>(&[]);
static SCOPE: Kind = Kind::of::<InstrumentationScope>(&[(3, &KEY_VALUE)]);
static KEY_VALUE: Kind = Kind::of::<KeyValue>(&[(2, &ANY_VALUE)]);
static ANY_VALUE: Kind = Kind::of::<AnyValue>(&[(5, &ARRAY), (6, &LIST)]);
static ARRAY: Kind = Kind::of::<ArrayValue>(&[(1, &ANY_VALUE)]);
static LIST: Kind = Kind::of::<KeyValueList>(&[(1, &KEY_VALUE)]);

/// Refuses a message that is too heavy or too deep, or none.
pub(super) fn check_protobuf(signal: Signal, body: &[u8]) -> Result<(), Refused> {
    let kind = match signal {
        Signal::Traces => &TRACES,
        Signal::Logs => &LOGS,
    };
    // What is read is as long as the body at least.
    weigh(kind, body, 0, &mut HEAVIEST.saturating_sub(body.len()))
}

/// The same of JSON, whose depth its parser minds.
pub(super) fn check_json(body: &[u8]) -> Result<(), Refused> {
    let mut left = HEAVIEST.saturating_sub(body.len());
    let (mut in_text, mut escaped) = (false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' if !in_text => take(&mut left, OBJECT)?,
            b',' | b'[' if !in_text => take(&mut left, TEXT)?,
            _ => {}
        }
    }
    Ok(())
}

fn weigh(kind: &Kind, mut body: &[u8], depth: usize, left: &mut usize) -> Result<(), Refused> {
    take(left, kind.size)?;
    if depth > DEEPEST {
        return Err(Refused::malformed("the body is nested too deep"));
    }
    while !body.is_empty() {
        let (tag, wire) = decode_key(&mut body).map_err(no_message)?;
        if wire != WireType::LengthDelimited {
            let context = DecodeContext::default();
            skip_field(wire, tag, &mut body, context).map_err(no_message)?;
            continue;
        }
        let length = decode_varint(&mut body).map_err(no_message)?;
        let (part, rest) = usize::try_from(length)
            .ok()
            .and_then(|length| body.split_at_checked(length))
            .ok_or_else(|| Refused::malformed("the body ends within a message"))?;
        match kind.parts.iter().find(|(number, _)| *number == tag) {
            Some((_, kind)) => weigh(kind, part, depth + 1, left)?,
            None => take(left, TEXT)?,
        }
        body = rest;
    }
    Ok(())
}

fn take(left: &mut usize, size: usize) -> Result<(), Refused> {
    *left = left.checked_sub(size).ok_or_else(|| {
        let why = format!("the body would take more than {} MiB", HEAVIEST >> 20);
        Refused::new(Cause::TooLarge, why)
    })?;
    Ok(())
}

pub(super) fn no_message(error: DecodeError) -> Refused {
    Refused::malformed(format!("the body is no such message: {error}"))
}

impl Room {
    /// As much as a request may take.
    pub(crate) const ALL: Self = Self::of(HEAVIEST);

    pub(crate) const fn of(most: usize) -> Self {
        Self { most, left: most }
    }

    /// Nothing fits any more.
    pub(crate) fn is_full(self) -> bool {
        self.left == 0
    }

    /// Whether a span that was stored fits, and takes what it needs. The first that does not fit fills the room, so
    /// that what is read is what came first; one that is too heavy even for the empty room is as if it were not there.
    pub(crate) fn takes_span(&mut self, span: &[u8]) -> bool {
        self.takes(&SPAN, span)
    }

    /// As `takes_span`.
    pub(crate) fn takes_log(&mut self, log: &[u8]) -> bool {
        self.takes(&LOG, log)
    }

    fn takes(&mut self, kind: &Kind, body: &[u8]) -> bool {
        if self.is_full() {
            return false;
        }
        let after = |mut left| {
            take(&mut left, body.len()).ok()?;
            weigh(kind, body, 0, &mut left).ok()?;
            Some(left)
        };
        let left = after(self.left);
        match left {
            Some(left) => self.left = left,
            None if after(self.most).is_some() => self.left = 0,
            None => {}
        }
        left.is_some()
    }
}

impl Kind {
    const fn of<M>(parts: &'static [(u32, &'static Self)]) -> Self {
        Self {
            size: size_of::<M>(),
            parts,
        }
    }
}
