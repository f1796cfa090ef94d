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
