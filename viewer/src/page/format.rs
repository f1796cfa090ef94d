//! Numbers, times and colours for people.

use std::hash::{DefaultHasher, Hash, Hasher};

use time::{OffsetDateTime, macros::format_description};

/// `412 µs`, `1.25 ms`, `3.1 s`, `2 min 5 s`.
pub(super) fn duration(nanos: u64) -> String {
    let value = nanos as f64;
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{} µs", short(value / 1e3)),
        1_000_000..1_000_000_000 => format!("{} ms", short(value / 1e6)),
        1_000_000_000..60_000_000_000 => format!("{} s", short(value / 1e9)),
        _ => {
            let seconds = nanos / 1_000_000_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
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

/// One of the colours of the style sheet, the same for a service everywhere.
pub(super) fn colour(service: &str) -> u64 {
    const COLOURS: u64 = 12;
    let mut hasher = DefaultHasher::new();
    service.hash(&mut hasher);
    hasher.finish() % COLOURS
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
            (1_250_000, "1.25 ms"),
            (31_000_000, "31 ms"),
            (3_100_000_000, "3.1 s"),
            (125_000_000_000, "2 min 5 s"),
        ] {
            assert_eq!(duration(nanos), text);
        }
    }
}
