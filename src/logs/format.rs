//! What goes around a format of `tracing-subscriber`.

use std::fmt::{self, Write};

use smallvec::SmallVec;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Writer},
        time::SystemTime,
    },
    registry::LookupSpan,
};

use super::layout::{Layout, Place};
use crate::{context::current_ids, span::SpanIds};

/// One of `tracing-subscriber`'s formats (full, compact, pretty or JSON), with the ids of the current trace on each line.
///
/// In text they follow the fields: `trace_id=… span_id=… trace_flags=…`, the flags as in a `traceparent`. In JSON they are
/// the last fields of the object itself, texts of hexadecimal digits. They are those of the context in which the event is
/// made, also for an event with an explicit parent.
///
/// What else the format is to show is said before:
///
/// ```
/// use throughline::logs::WithTraceIds;
/// use tracing_subscriber::{fmt, layer::SubscriberExt, registry};
///
/// let lines = fmt::layer().compact().with_target(false).map_event_format(WithTraceIds::new);
/// let subscriber = registry().with(lines);
/// # drop(subscriber);
/// ```
#[derive(Clone, Debug)]
pub struct WithTraceIds<L = Full, T = SystemTime> {
    plain: Format<L, T>,
    /// A writer in between does not say that it may be coloured; the format then must.
    coloured: Format<L, T>,
}

/// Passes a line on, but keeps back how it ends.
struct Line<'l, 'w> {
    writer: &'l mut Writer<'w>,
    place: Place,
    /// Only what [`Place::is_end`] names.
    end: SmallVec<[u8; 8]>,
    /// The last byte that was passed on.
    last: u8,
}

/// As much as the ids and all around them take.
const ROOM: usize = 128;

impl<L: Clone, T: Clone> WithTraceIds<L, T> {
    /// This format, with the ids.
    pub fn new(format: Format<L, T>) -> Self {
        Self {
            coloured: format.clone().with_ansi(true),
            plain: format,
        }
    }
}

impl<S, N, L, T> FormatEvent<S, N> for WithTraceIds<L, T>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    L: Layout,
    Format<L, T>: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(ids) = current_ids() else {
            return self.plain.format_event(ctx, writer, event);
        };
        let is_coloured = writer.has_ansi_escapes();
        let format = if is_coloured {
            &self.coloured
        } else {
            &self.plain
        };
        let mut line = Line {
            writer: &mut writer,
            place: L::PLACE,
            end: SmallVec::new(),
            last: 0,
        };
        format.format_event(ctx, Writer::new(&mut line), event)?;
        line.finish(&ids, is_coloured)
    }
}

impl Line<'_, '_> {
    /// The ids, and the end that was kept back.
    fn finish(mut self, ids: &SpanIds, is_coloured: bool) -> fmt::Result {
        // All of an object's end but its last brace still belongs to what is in it.
        let inner = match self.place {
            Place::InObject => self.end.iter().rposition(|c| *c == b'}').unwrap_or(0),
            Place::AfterText | Place::OwnLine => 0,
        };
        let outer: SmallVec<[u8; 8]> = self.end.drain(inner..).collect();
        self.release()?;
        let mut text = String::with_capacity(ROOM);
        let is_dimmed = is_coloured && !matches!(self.place, Place::InObject);
        if is_dimmed {
            text.push_str("\u{1b}[2m");
        }
        self.place.write(ids, self.last == b'{', &mut text);
        if is_dimmed {
            text.push_str("\u{1b}[0m");
        }
        text.extend(outer.into_iter().map(char::from));
        self.writer.write_str(&text)
    }

    /// What was kept back was not the end.
    fn release(&mut self) -> fmt::Result {
        for c in self.end.drain(..) {
            self.writer.write_char(c.into())?;
            self.last = c;
        }
        Ok(())
    }
}

impl Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // All that may be kept back is ASCII, which no other character has a byte of.
        let kept = text.bytes().rev().take_while(|c| self.place.is_end(*c));
        let (body, end) = text.split_at(text.len() - kept.count());
        if let Some(last) = body.bytes().next_back() {
            if !self.end.is_empty() {
                self.release()?;
            }
            self.writer.write_str(body)?;
            self.last = last;
        }
        if !end.is_empty() {
            self.end.extend(end.bytes());
        }
        Ok(())
    }
}

impl Place {
    /// What a line may end with, behind the ids.
    fn is_end(self, c: u8) -> bool {
        match self {
            Self::AfterText | Self::OwnLine => c == b'\n',
            Self::InObject => matches!(c, b'}' | b'\n'),
        }
    }

    fn write(self, ids: &SpanIds, is_first: bool, text: &mut String) {
        let (before, quote, equals, between) = match self {
            Self::AfterText => (" ", "", "=", " "),
            Self::OwnLine => ("\n    with ", "", ": ", ", "),
            Self::InObject if is_first => ("", "\"", ":", ","),
            Self::InObject => (",", "\"", ":", ","),
        };
        let mut field = |before: &str, name: &str, value: &[u8]| {
            for part in [before, quote, name, quote, equals, quote] {
                text.push_str(part);
            }
            for byte in value {
                let digits = [byte >> 4, byte & 0xf];
                text.extend(digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
            }
            text.push_str(quote);
        };
        field(before, "trace_id", &ids.trace_id());
        field(between, "span_id", &ids.span_id());
        field(between, "trace_flags", &[ids.flags()]);
    }
}
