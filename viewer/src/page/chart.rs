//! A route over time: how many requests, how many of them failed, how long they took.

use super::format;
use crate::store::stats::quantile;

/// Two pictures of the same time, each [`WIDTH`] by [`HEIGHT`].
#[derive(Debug)]
pub(super) struct Chart {
    /// What is in each part of the time, where there is something.
    pub(super) steps: Vec<Step>,
    /// Lines of the percentiles.
    pub(super) p50: String,
    pub(super) p95: String,
    pub(super) p99: String,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) x: f64,
    /// Heights of the bars, from below.
    pub(super) requests: f64,
    pub(super) errors: f64,
    pub(super) link: String,
    pub(super) label: String,
}

/// Requests of a part of the time.
#[derive(Clone, Default)]
struct Bin {
    durations: Vec<u64>,
    errors: usize,
}

/// Parts of the time.
const STEPS: usize = 30;
pub(super) const WIDTH: f64 = 180.0;
pub(super) const HEIGHT: f64 = 34.0;
const STEP: f64 = WIDTH / STEPS as f64;
/// So that one of many can be seen.
const LEAST: f64 = 1.5;

impl Chart {
    /// Of requests: when each began, how long it took, whether it failed. `link` leads to traces of which more is asked.
    pub(super) fn of(
        requests: &[(i64, u64, bool)],
        (from, to): (i64, i64),
        link: impl Fn(&[(&str, &str)]) -> String,
    ) -> Self {
        let bins = bins(requests, (from, to));
        let most = bins.iter().map(|bin| bin.durations.len()).max();
        let most = most.unwrap_or_default().max(1) as f64;
        let high = |count: usize| match count {
            0 => 0.0,
            count => (count as f64 / most * HEIGHT).max(LEAST),
        };
        let steps = bins
            .iter()
            .enumerate()
            .filter(|(_, bin)| !bin.durations.is_empty())
            .map(|(turn, bin)| {
                let (begins, ends) = ends(turn, (from, to));
                let times = [begins, ends].map(format::exact);
                Step {
                    x: turn as f64 * STEP,
                    requests: high(bin.durations.len()),
                    errors: high(bin.errors),
                    link: link(&[("from", &times[0]), ("to", &times[1])]),
                    label: bin.label(&format::time(begins)),
                }
            })
            .collect();
        let slowest = requests.iter().map(|(_, took, _)| *took).max();
        let line = |share| line(&bins, share, slowest.unwrap_or_default());
        Self {
            steps,
            p50: line(0.5),
            p95: line(0.95),
            p99: line(0.99),
        }
    }
}

impl Bin {
    fn label(&self, begins: &str) -> String {
        let count = self.durations.len();
        let took = |share| format::duration(quantile(&self.durations, share));
        format!(
            "{begins}: {count} request{}, {} failed, p50 {}, p95 {}, p99 {}",
            if count == 1 { "" } else { "s" },
            format::share(self.errors, count),
            took(0.5),
            took(0.95),
            took(0.99)
        )
    }
}

fn bins(requests: &[(i64, u64, bool)], (from, to): (i64, i64)) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); STEPS];
    let length = (i128::from(to) - i128::from(from)).max(1);
    for (start, took, failed) in requests {
        let at = (i128::from(*start) - i128::from(from)) * STEPS as i128 / length;
        let at = usize::try_from(at).unwrap_or_default().min(STEPS - 1);
        if let Some(bin) = bins.get_mut(at) {
            bin.durations.push(*took);
            bin.errors += usize::from(*failed);
        }
    }
    for bin in &mut bins {
        bin.durations.sort_unstable();
    }
    bins
}

/// The first and the last moment of a part of the time, as [`bins`] has them.
fn ends(turn: usize, (from, to): (i64, i64)) -> (i64, i64) {
    let length = (i128::from(to) - i128::from(from)).max(1);
    let begins = |turn: usize| {
        i128::from(from) + (length * turn as i128 + STEPS as i128 - 1) / STEPS as i128
    };
    let moment = |at: i128| i64::try_from(at).unwrap_or(i64::MAX);
    let last = match turn + 1 {
        STEPS => to,
        next => moment(begins(next) - 1),
    };
    (moment(begins(turn)), last)
}

/// A line through the parts in which there is something; it is broken where there is nothing.
fn line(bins: &[Bin], share: f64, slowest: u64) -> String {
    let mut path = String::new();
    let mut goes_on = false;
    for (turn, bin) in bins.iter().enumerate() {
        if bin.durations.is_empty() {
            goes_on = false;
            continue;
        }
        let took = quantile(&bin.durations, share) as f64 / slowest.max(1) as f64;
        let y = HEIGHT - 1.0 - took * (HEIGHT - 2.0);
        let x = turn as f64 * STEP;
        if !goes_on {
            path.push_str(&format!("M{x:.0} {y:.1}"));
        }
        path.push_str(&format!("L{:.0} {y:.1}", x + STEP));
        goes_on = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_in_its_part_of_the_time() {
        let requests = [(0, 10, false), (1, 30, true), (2_999, 20, false)];
        let chart = Chart::of(&requests, (0, 3_000), |more| format!("{more:?}"));
        assert_eq!(chart.steps.len(), 2);
        let (first, last) = (&chart.steps[0], &chart.steps[1]);
        assert_eq!((first.x, first.requests, first.errors), (0.0, 34.0, 17.0));
        assert_eq!((last.x, last.requests, last.errors), (174.0, 17.0, 0.0));
        assert!(first.label.contains("2 requests, 50.0 % failed, p50 10 ns"));
        assert!(last.link.contains("1970-01-01 00:00:00.000"));
        // Of 30 at most: the first part's is at the top.
        assert_eq!(chart.p99, "M0 1.0L6 1.0M174 11.7L180 11.7");
    }

    #[test]
    fn requests_of_one_moment_or_of_none_are_no_trouble() {
        let chart = Chart::of(&[(5, 1, true)], (5, 5), |_| String::new());
        assert_eq!(chart.steps.len(), 1);
        assert!(Chart::of(&[], (0, 0), |_| String::new()).steps.is_empty());
        let far = Chart::of(&[(i64::MAX, u64::MAX, true)], (i64::MIN, i64::MAX), |_| {
            String::new()
        });
        assert_eq!(far.steps.len(), 1);
    }
}
