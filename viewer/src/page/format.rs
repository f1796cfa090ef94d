//! Numbers, times and colours for people.

use time::{OffsetDateTime, macros::format_description};

/// `412 µs`, `1.25 ms`, `3.1 s`, `2 min 5 s`, `3 h 20 min`, `2 d 5 h`.
pub(super) fn duration(nanos: u64) -> String {
    let value = nanos as f64;
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        // What would be rounded to a thousand is one of the next unit.
        1_000..999_500 => format!("{} µs", digits(value / 1e3)),
        999_500..999_500_000 => format!("{} ms", digits(value / 1e6)),
        999_500_000..60_000_000_000 => format!("{} s", digits(value / 1e9)),
        _ => {
            let seconds = nanos / 1_000_000_000;
            let minutes = seconds / 60;
            let hours = minutes / 60;
            match hours {
                0 => two((minutes, "min"), (seconds % 60, "s")),
                1..24 => two((hours, "h"), (minutes % 60, "min")),
                _ => two((hours / 24, "d"), (hours % 24, "h")),
            }
        }
    }
}

/// The second where there is some of it.
fn two((many, unit): (u64, &str), (rest, smaller): (u64, &str)) -> String {
    match rest {
        0 => format!("{many} {unit}"),
        _ => format!("{many} {unit} {rest} {smaller}"),
    }
}

/// Three digits that count.
fn digits(value: f64) -> String {
    let text = match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// `2026-11-22 04:13:32.123`, UTC.
pub(super) fn time(nanos: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos))
        .ok()
        .and_then(|time| {
            time.format(format_description!(
                "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]"
            ))
            .ok()
        })
        .unwrap_or_default()
}

/// `2.4/s`, `12/min`, `3/h`: what is more than one.
/// `0.5/d` at least; never none of some.
pub(super) fn rate(count: u64, seconds: f64) -> String {
    let each = count as f64 / seconds.max(1.0);
    match each {
        each if each >= 1.0 => format!("{}/s", digits(each)),
        each if each * 60.0 >= 1.0 => format!("{}/min", digits(each * 60.0)),
        each if each * 3600.0 >= 1.0 => format!("{}/h", digits(each * 3600.0)),
        each if count == 0 || each * 86_400.0 >= 0.01 => {
            format!("{}/d", digits(each * 86_400.0))
        }
        _ => "< 0.01/d".to_owned(),
    }
}

/// `0 %`, `33.3 %`; never none of some, nor all of fewer.
pub(super) fn share(part: usize, whole: usize) -> String {
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    match percent {
        _ if part == 0 => "0 %".to_owned(),
        _ if part == whole => "100 %".to_owned(),
        percent if percent < 0.1 => "< 0.1 %".to_owned(),
        percent if percent > 99.9 => "> 99.9 %".to_owned(),
        percent => format!("{percent:.1} %"),
    }
}

/// A number for SVG, without what nobody sees.
pub(super) fn percent(value: f64) -> String {
    let text = format!("{value:.5}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// A name as long as a row can show, if there is one; the span's pane has the whole of it.
pub(super) fn short(name: &str) -> String {
    const LONGEST: usize = 120;
    if name.is_empty() {
        return "(no name)".to_owned();
    }
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_that_count() {
        for (nanos, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (412_400, "412 µs"),
            (999_600, "1 ms"),
            (999_600_000, "1 s"),
            (1_250_000, "1.25 ms"),
            (31_000_000, "31 ms"),
            (3_100_000_000, "3.1 s"),
            (125_000_000_000, "2 min 5 s"),
            (180_000_000_000, "3 min"),
            (12_000_000_000_000, "3 h 20 min"),
            (3_600_000_000_000, "1 h"),
            (190_800_000_000_000, "2 d 5 h"),
        ] {
            assert_eq!(duration(nanos), text);
        }
    }

    #[test]
    fn rates_are_of_the_time_in_which_there_is_one() {
        assert_eq!(rate(240, 100.0), "2.4/s");
        assert_eq!(rate(12, 60.0), "12/min");
        assert_eq!(rate(3, 3600.0), "3/h");
        assert_eq!(rate(3, 0.0), "3/s");
        assert_eq!(rate(0, 3600.0), "0/d");
        assert_eq!(rate(1, 86_400.0), "1/d");
        // A span of long ago makes all of time long.
        assert_eq!(rate(60, 8.0 * 365.0 * 86_400.0), "0.02/d");
        assert_eq!(rate(1, 8.0 * 365.0 * 86_400.0), "< 0.01/d");
    }

    #[test]
    fn a_share_is_not_rounded_to_none_or_all() {
        assert_eq!(share(0, 5), "0 %");
        assert_eq!(share(1, 3), "33.3 %");
        assert_eq!(share(1, 100_000), "< 0.1 %");
        assert_eq!(share(99_999, 100_000), "> 99.9 %");
        assert_eq!(share(7, 7), "100 %");
        assert_eq!(share(0, 0), "0 %");
    }

    #[test]
    fn long_names_end_at_a_whole_character() {
        assert_eq!(short("GET /"), "GET /");
        assert_eq!(short(""), "(no name)");
        assert_eq!(short(&"ü".repeat(200)), format!("{}…", "ü".repeat(120)));
    }

    #[test]
    fn numbers_for_pictures_are_short() {
        assert_eq!(percent(12.5), "12.5");
        assert_eq!(percent(0.0), "0");
        assert_eq!(percent(100.0), "100");
    }
}
