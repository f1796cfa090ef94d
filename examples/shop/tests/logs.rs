//! Every line that the services log within a request names its trace, in text and JSON, whatever `RUST_LOG` says; and the
//! same ids come to the collector.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

/// A line of the log, by what it is.
#[derive(Debug)]
struct Line {
    text: String,
    level: String,
    target: String,
    trace: Option<String>,
}

/// What a round of the shop showed.
struct Round {
    lines: Vec<Line>,
    /// Those whose trees were printed.
    traces: BTreeSet<String>,
    /// How many log records came to the collector from within the requests.
    records: usize,
}

impl Round {
    fn of(logs: &str, filter: &str) -> Self {
        let output = Command::new(env!("CARGO_BIN_EXE_shop"))
            .args(["--once", logs])
            .env("RUST_LOG", filter)
            .env("NO_COLOR", "1")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}\n{errors}");
        let after = |line: &str, word| {
            let (_, rest) = line.split_once(word)?;
            Some(rest.split([' ', ',']).next()?.to_owned())
        };
        let trees = text.lines().filter(|line| line.starts_with("  trace "));
        let traces = trees.filter_map(|line| after(line, "  trace ")).collect();
        let came = " log records came from within the requests.";
        let records = text
            .lines()
            .find_map(|line| line.strip_suffix(came))
            .unwrap();
        let is_json = logs == "--json";
        let is_line = |line: &&str| match is_json {
            true => line.starts_with('{'),
            false => line.starts_with("20"),
        };
        let lines = text.lines().filter(is_line).map(|line| match is_json {
            true => Line::of_json(line),
            false => Line::of_text(line),
        });
        Self {
            lines: lines.collect(),
            traces,
            records: records.parse().unwrap(),
        }
    }

    fn within(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.trace.is_some())
    }

    /// Checks what holds for every round.
    #[track_caller]
    fn check(&self) {
        assert_eq!(self.traces.len(), 9);
        for line in &self.lines {
            // All that the services' handlers say is said within requests.
            let trace = line
                .trace
                .as_ref()
                .unwrap_or_else(|| panic!("no trace: {line:?}"));
            assert!(
                self.traces.contains(trace),
                "of no trace that was made: {line:?}"
            );
        }
        assert_eq!(self.records, self.lines.len(), "{:#?}", self.lines);
    }
}

impl Line {
    #[track_caller]
    fn of_text(line: &str) -> Self {
        let mut words = line.split_whitespace().skip(1);
        let level = words.next().unwrap().to_owned();
        let target = words.next().unwrap().trim_end_matches(':').to_owned();
        let trace = words.find_map(|word| word.strip_prefix("trace_id="));
        Self {
            text: line.to_owned(),
            level,
            target,
            trace: trace.map(str::to_owned),
        }
    }

    #[track_caller]
    fn of_json(line: &str) -> Self {
        let json: Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| {
            json.get(name)
                .map(|value| value.as_str().unwrap().to_owned())
        };
        Self {
            text: line.to_owned(),
            level: field("level").unwrap(),
            target: field("target").unwrap(),
            trace: field("trace_id"),
        }
    }
}

#[test]
fn lines_of_every_service_name_their_trace() {
    for logs in ["--logs", "--json"] {
        let round = Round::of(logs, "shop=info");
        round.check();
        let mut services: BTreeMap<&str, usize> = BTreeMap::new();
        for line in round.within() {
            *services.entry(&line.target).or_default() += 1;
        }
        let names: Vec<_> = services.keys().copied().collect();
        let modules = ["orders", "pricing", "stock", "storefront"]
            .map(|name| format!("shop::services::{name}"));
        assert_eq!(names, modules, "{logs}");
        // Lines in each of the traces, and the same trace in the lines of several services.
        let traces: BTreeSet<_> = round
            .within()
            .filter_map(|line| line.trace.clone())
            .collect();
        assert_eq!(traces, round.traces, "{logs}");
    }
}

#[test]
fn so_do_the_warnings_that_are_left_of_them() {
    for logs in ["--logs", "--json"] {
        let round = Round::of(logs, "warn");
        round.check();
        for said in [
            "the shelf fell over",
            "the stock is broken",
            "busy",
            "no price: nobody has ever sold one",
            "the price list is torn",
        ] {
            let found = round
                .within()
                .filter(|line| line.text.contains(said))
                .count();
            assert_eq!(found, 1, "{logs} {said}: {:#?}", round.lines);
        }
        assert!(
            round.lines.iter().all(|line| line.level != "INFO"),
            "{:#?}",
            round.lines
        );
    }
}
