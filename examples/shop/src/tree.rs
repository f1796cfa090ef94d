//! A trace as a tree of lines: what calls what, how long, and how it ended.

use std::{fmt::Write, io::IsTerminal, time::Duration};

use crate::trace::{Kind, Span, Trace};

/// How many characters a bar of the whole trace's length has.
const BAR: usize = 24;

/// Whether to print in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Colour,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ink {
    Bold,
    Dim,
    Red,
    Green,
}

/// One span, in columns.
struct Line<'a> {
    span: &'a Span,
    name: String,
    duration: String,
    note: String,
}

impl Style {
    /// Colour on a terminal whose user did not ask for none (<https://no-color.org>).
    pub(crate) fn of_terminal() -> Self {
        let asks_for_none =
            std::env::vars_os().any(|(key, value)| key == "NO_COLOR" && !value.is_empty());
        if asks_for_none || !std::io::stdout().is_terminal() {
            Self::Plain
        } else {
            Self::Colour
        }
    }

    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Red => 31,
            Ink::Green => 32,
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
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
    let durations = widest(&mut lines.iter().map(|line| line.duration.as_str())).unwrap_or(0);

    let mut drawing = String::new();
    let id = trace.spans().first().map_or("", |span| &span.trace);
    let title = format!("trace {id}, {} spans, {}", lines.len(), in_words(whole));
    writeln!(drawing, "  {}", style.paint(Ink::Dim, &title)).ok();
    for Line {
        span,
        name,
        duration,
        note,
    } in &lines
    {
        let (service, kind) = (&span.service, span.kind);
        let status = format!("{:<4}", span.status().unwrap_or("–"));
        let (before, bar) = bar(span.start.saturating_sub(start), span.duration, whole);
        let ink = if span.is_error { Ink::Red } else { Ink::Green };
        let line = format!(
            "  {name:<names$}  {service:<services$}  {kind:<6}  {}  {duration:>durations$}  {before}{}  {}",
            style.paint(ink, &status),
            style.paint(ink, &bar),
            style.paint(ink, note),
        );
        let line = if note.is_empty() {
            line.trim_end_matches(' ').to_owned()
        } else {
            line
        };
        writeln!(drawing, "{line}").ok();
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
mod tests {
    use super::*;
    use crate::trace::fixture;

    #[test]
    fn a_trace_is_a_tree() {
        let drawing = draw(&Trace::of(fixture::retried()), Style::Plain);
        let expected = "\
\x20 trace 4bf92f3577b34da6a3ce929d0e0e4736, 9 spans, 9.0 ms
  GET /buy/{sku}                storefront  server  200   9.0 ms  ━━━━━━━━━━━━━━━━━━━━━━━━
  ├─ POST                       storefront  client  503   4.0 ms  ━━━━━━━━━━━
  │  └─ POST /orders/{sku}      orders      server  503   3.0 ms     ━━━━━━━━
  │     └─ GET                  orders      client  503   2.0 ms     ━━━━━
  │        └─ GET /stock/{sku}  stock       server  503   1.0 ms       ━━━
  └─ POST                       storefront  client  200   4.0 ms               ━━━━━━━━━━━  resend 1
     └─ POST /orders/{sku}      orders      server  200   3.0 ms                  ━━━━━━━━
        └─ GET                  orders      client  200   2.0 ms                  ━━━━━
           └─ GET /stock/{sku}  stock       server  200   1.0 ms                     ━━
";
        assert_eq!(drawing, expected);
    }

    #[test]
    fn what_lost_its_parent_is_marked() {
        let mut spans = fixture::retried();
        spans.remove(0);
        let drawing = draw(&Trace::of(spans), Style::Plain);
        let marked: Vec<_> = drawing
            .lines()
            .filter(|line| line.starts_with("  … POST "))
            .collect();
        assert_eq!(marked.len(), 2, "{drawing}");
    }

    #[test]
    fn only_errors_are_red_and_only_in_colour() {
        let trace = Trace::of(fixture::retried());
        let coloured = draw(&trace, Style::Colour);
        let red: Vec<_> = coloured
            .lines()
            .filter(|line| line.contains("\x1b[31m"))
            .collect();
        assert_eq!(red.len(), 4, "{coloured}");
        assert!(
            red.iter().all(|line| line.contains("\x1b[31m503 \x1b[0m")),
            "{coloured}"
        );
        assert!(!draw(&trace, Style::Plain).contains('\x1b'));
    }

    #[test]
    fn bars_stay_within_their_column() {
        let ms = Duration::from_millis;
        for (offset, length, before, bar_length) in [
            (0, 100, 0, 24),
            (50, 50, 12, 12),
            (100, 0, 23, 1),
            (0, 0, 0, 1),
            (90, 90, 22, 2),
        ] {
            let (space, bar) = bar(ms(offset), ms(length), ms(100));
            assert_eq!(
                (space.len(), bar.chars().count()),
                (before, bar_length),
                "{offset} {length}"
            );
        }
        assert_eq!(bar(ms(0), ms(0), ms(0)).1, "━");
    }

    #[test]
    fn durations_are_in_words() {
        let cases = [
            (340, "340 µs"),
            (8_400, "8.4 ms"),
            (301_250, "301.2 ms"),
            (3_021_000, "3.02 s"),
        ];
        for (micros, words) in cases {
            assert_eq!(in_words(Duration::from_micros(micros)), words);
        }
    }
}
