//! A trace as a tree of lines: what calls what, how long, and how it ended.

use std::{fmt::Write, time::Duration};

use crate::{
    style::{Ink, Style},
    trace::{Kind, Span, Trace},
};

/// How many characters a bar of the whole trace's length has.
const BAR: usize = 24;

/// One span, in columns.
struct Line<'a> {
    span: &'a Span,
    name: String,
    duration: String,
    note: String,
}

impl Line<'_> {
    fn status(&self) -> &str {
        self.span.status().unwrap_or("–")
    }
}

/// The trace in lines, each with an indent of two.
pub(crate) fn draw(trace: &Trace, style: Style) -> String {
    let start = trace
        .spans()
        .iter()
        .map(|span| span.start)
        .min()
        .unwrap_or_default();
    let end = trace
        .spans()
        .iter()
        .map(|span| span.start + span.duration)
        .max()
        .unwrap_or_default();
    let whole = end.saturating_sub(start);

    let mut lines = Vec::new();
    for root in trace.roots() {
        let name = match &root.parent {
            None => root.name.clone(),
            Some(_) => format!("… {}", root.name),
        };
        push(trace, root, name, "", &mut lines);
    }
    let widest =
        |texts: &mut dyn Iterator<Item = &str>| texts.map(|text| text.chars().count()).max();
    let names = widest(&mut lines.iter().map(|line| line.name.as_str())).unwrap_or(0);
    let services = widest(&mut lines.iter().map(|line| line.span.service.as_str())).unwrap_or(0);
    let statuses = widest(&mut lines.iter().map(Line::status))
        .unwrap_or(0)
        .max(4);
    let durations = widest(&mut lines.iter().map(|line| line.duration.as_str())).unwrap_or(0);

    let mut drawing = String::new();
    let id = trace.spans().first().map_or("", |span| &span.trace);
    let spans = match lines.len() {
        1 => "1 span".to_owned(),
        many => format!("{many} spans"),
    };
    let title = format!("trace {id}, {spans}, {}", in_words(whole));
    writeln!(drawing, "  {}", style.paint(Ink::Dim, &title)).ok();
    for line in &lines {
        let Line {
            span,
            name,
            duration,
            note,
        } = line;
        let (service, kind) = (&span.service, span.kind);
        let status = format!("{:<statuses$}", line.status());
        let (before, bar) = bar(span.start.saturating_sub(start), span.duration, whole);
        let ink = if span.is_error { Ink::Red } else { Ink::Green };
        let line = format!(
            "  {name:<names$}  {service:<services$}  {kind:<6}  {}  {duration:>durations$}  {before}{}  {}",
            style.paint(ink, &status),
            style.paint(ink, &bar),
            style.paint(ink, note),
        );
        writeln!(drawing, "{}", line.trim_end()).ok();
    }
    drawing
}

/// Adds a span and all below it. `indent` is what the lines of its children begin with.
fn push<'a>(
    trace: &'a Trace,
    span: &'a Span,
    name: String,
    indent: &str,
    lines: &mut Vec<Line<'a>>,
) {
    lines.push(Line {
        span,
        name,
        duration: in_words(span.duration),
        note: note(span),
    });
    let children = trace.children(span);
    let last = children.len().saturating_sub(1);
    for (at, child) in children.into_iter().enumerate() {
        let (branch, below) = if at == last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let name = format!("{indent}{branch}{}", child.name);
        push(trace, child, name, &format!("{indent}{below}"), lines);
    }
}

/// What the columns do not say: an error that is no status, an early end, a re-send.
fn note(span: &Span) -> String {
    let status = span.status();
    let error = span
        .attribute("error.type")
        .filter(|error| Some(*error) != status);
    let ending = match span.attribute("throughline.ending") {
        // A retry drops an answer that it has seen enough of.
        Some("cancelled") if span.kind == Kind::Client && status.is_some() => Some("not read"),
        ending => ending.filter(|ending| Some(*ending) != error),
    };
    let resend = span.attribute("http.request.resend_count");
    let resend = resend.map(|count| format!("resend {count}"));
    let words = [error.map(str::to_owned), ending.map(str::to_owned), resend];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The space before the bar, and the bar, never empty.
fn bar(offset: Duration, length: Duration, whole: Duration) -> (String, String) {
    let cells = |part: Duration| {
        let share = part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE);
        (share * BAR as f64).round() as usize
    };
    let from = cells(offset).min(BAR - 1);
    let to = cells(offset + length).clamp(from + 1, BAR);
    (" ".repeat(from), "━".repeat(to - from))
}

/// In the unit that reads best: `340 µs`, `8.4 ms`, `3.02 s`.
fn in_words(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
        _ => format!("{:.2} s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests;
