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
    end: SmallVec<[char; 8]>,
    /// The last that was passed on.
    last: Option<char>,
}

/// The ids as the fields of a line.
struct Fields<'a> {
    ids: &'a SpanIds,
    before: &'static str,
    quote: &'static str,
    equals: &'static str,
    between: &'static str,
}

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
            last: None,
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
            Place::InObject => self.end.iter().rposition(|c| *c == '}').unwrap_or(0),
            Place::AfterText | Place::OwnLine => 0,
        };
        let outer: SmallVec<[char; 8]> = self.end.drain(inner..).collect();
        self.release()?;
        let fields = self.place.fields(ids, self.last == Some('{'));
        if is_coloured && !matches!(self.place, Place::InObject) {
            write!(self.writer, "\u{1b}[2m{fields}\u{1b}[0m")?;
        } else {
            write!(self.writer, "{fields}")?;
        }
        outer
            .into_iter()
            .try_for_each(|c| self.writer.write_char(c))
    }

    /// What was kept back was not the end.
    fn release(&mut self) -> fmt::Result {
        for c in self.end.drain(..) {
            self.writer.write_char(c)?;
            self.last = Some(c);
        }
        Ok(())
    }
}

impl Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let body = text.trim_end_matches(|c| self.place.is_end(c));
        if let Some(last) = body.chars().next_back() {
            self.release()?;
            self.writer.write_str(body)?;
            self.last = Some(last);
        }
        let end = text.strip_prefix(body).unwrap_or_default();
        self.end.extend(end.chars());
        Ok(())
    }
}

impl Place {
    /// What a line may end with, behind the ids.
    fn is_end(self, c: char) -> bool {
        match self {
            Self::AfterText | Self::OwnLine => c == '\n',
            Self::InObject => matches!(c, '}' | '\n'),
        }
    }

    fn fields(self, ids: &SpanIds, is_first: bool) -> Fields<'_> {
        let (before, quote, equals, between) = match self {
            Self::AfterText => (" ", "", "=", " "),
            Self::OwnLine => ("\n    with ", "", ": ", ", "),
            Self::InObject if is_first => ("", "\"", ":", ","),
            Self::InObject => (",", "\"", ":", ","),
        };
        Fields {
            ids,
            before,
            quote,
            equals,
            between,
        }
    }
}

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            ids,
            before,
            quote: q,
            equals,
            between,
        } = self;
        write!(
            f,
            "{before}{q}trace_id{q}{equals}{q}{:032x}{q}{between}{q}span_id{q}{equals}{q}{:016x}{q}{between}{q}trace_flags{q}{equals}{q}{:02x}{q}",
            u128::from_be_bytes(ids.trace_id()),
            u64::from_be_bytes(ids.span_id()),
            ids.flags(),
        )
    }
}
