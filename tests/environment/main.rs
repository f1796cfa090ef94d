//! What each variable of the environment does: set, empty, and wrong. Every variable that the documentation lists has
//! its row.

#[cfg(unix)]
mod bytes;
mod cases;
mod headers;
mod limits;
mod past;

use std::{
    collections::{BTreeSet, HashMap},
    env::temp_dir,
    fs, process,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use cases::Empty;
use throughline::Setup;

type Vars<'a> = &'a [(&'a str, &'a str)];

const DOCUMENT: &str = include_str!("../../docs/environment.md");

/// Those that take the place of all others: `tests/config_file.rs`.
const FILES: [&str; 2] = ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"];

/// What was warned of.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A setup that sees these variables and no others.
fn setup(vars: Vars<'_>) -> (Setup, Warnings) {
    let vars: HashMap<String, String> = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let warnings = Warnings::default();
    let kept = warnings.clone();
    let setup = Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(move |text| kept.0.lock().unwrap().push(text.to_owned()));
    (setup, warnings)
}

/// A certificate and its key, in files that stay for the whole run.
fn pem() -> (&'static str, &'static str) {
    static FILES: LazyLock<[String; 2]> = LazyLock::new(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let [certificate, key] = [made.cert.pem(), made.signing_key.serialize_pem()];
        [("certificate", certificate), ("key", key)].map(|(name, pem)| {
            let name = format!("throughline-environment-{}-{name}.pem", process::id());
            let path = temp_dir().join(name);
            fs::write(&path, pem).unwrap();
            path.into_os_string().into_string().unwrap()
        })
    });
    let [certificate, key] = &*FILES;
    (certificate, key)
}

/// What comes of these variables: the settings, each with who said it, and the warnings.
fn effective(vars: Vars<'_>) -> (Vec<String>, Vec<String>) {
    let (setup, warnings) = setup(vars);
    // Nothing is sent that somebody would wait for.
    let setup = setup.shutdown_timeout(Duration::from_millis(1));
    let telemetry = setup.build().unwrap();
    // Those of variables begin with their names; the others are of who does not answer.
    let mut warned = warnings.all();
    warned.retain(|warning| warning.starts_with(|c: char| c.is_ascii_uppercase()));
    let report = telemetry.report().to_string();
    let lines = report.lines().skip_while(|line| *line != "chosen").skip(1);
    let lines = lines.take_while(|line| line.starts_with("  "));
    (lines.map(|line| line.trim().to_owned()).collect(), warned)
}

/// The settings of the same name.
fn like(lines: &[String], wanted: &str) -> Vec<String> {
    let name = |line: &str| line.split(" = ").next().unwrap_or_default().to_owned();
    let alike = lines.iter().filter(|line| name(line) == name(wanted));
    alike.cloned().collect()
}

/// The variables of the documentation's tables that are read in this way.
fn documented(here: &str) -> BTreeSet<String> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.filter(|row| {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        cell == here || cell.starts_with(&format!("{here}:"))
    });
    let names = rows.flat_map(|row| {
        let cell = row.split(" | ").next().unwrap();
        let names = cell.trim_start_matches("| ").split("<br>");
        names.map(|name| name.trim_matches('`').to_owned())
    });
    names
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        .collect()
}

#[test]
fn every_documented_variable_has_its_row() {
    let mut documented = documented("read");
    documented.extend(self::documented("not read, and told of"));
    assert!(
        documented.len() > 90,
        "the tables are found: {documented:?}"
    );
    let mut tested: BTreeSet<_> = cases::all().into_iter().map(|case| case.name).collect();
    tested.extend(FILES.map(str::to_owned));
    let strange: Vec<_> = documented.symmetric_difference(&tested).collect();
    assert!(
        strange.is_empty(),
        "documented or tested alone: {strange:?}"
    );
}

#[test]
fn each_variable_set_empty_and_wrong() {
    let mut wrong = Vec::new();
    for case in cases::all() {
        let name = &case.name;
        let with = |value: &str| {
            let mut vars = case.beside.clone();
            vars.extend(case.unneeded());
            vars.push((name, value));
            effective(&vars)
        };
        let mut check = |what: &str, is_right: bool, seen: &dyn std::fmt::Debug| {
            if !is_right {
                wrong.push(format!("{name} {what}: {seen:#?}"));
            }
        };
        let (lines, warnings) = with(case.value);
        for says in &case.says {
            let what = format!("={:?} does not say {says:?}", case.value);
            check(&what, lines.contains(says), &like(&lines, says));
        }
        check(
            &format!("={:?} tells", case.value),
            warnings == case.tells,
            &warnings,
        );

        let empty = &case.empty;
        let is_empty = |lines: &[String]| match empty {
            Empty::Says(line) => lines.contains(line),
            Empty::SaysNothingOf(what) => like(lines, what).is_empty(),
        };
        for blank in ["", " "] {
            let (lines, warnings) = with(blank);
            let what = format!("={blank:?} does not say {empty:?}");
            check(&what, is_empty(&lines), &like(&lines, empty.line()));
            check(
                &format!("={blank:?} tells"),
                warnings == case.empty_tells,
                &warnings,
            );
        }

        for (mistake, warning) in &case.mistakes {
            let (lines, warnings) = with(mistake);
            let what = format!("={mistake:?} does not say {empty:?}");
            check(&what, is_empty(&lines), &like(&lines, empty.line()));
            let what = format!("={mistake:?} does not tell {warning:?} but");
            check(&what, warnings == [warning.clone()], &warnings);
            let hidden = warnings.iter().all(|warning| !warning.contains("hush"));
            check("tells a secret", hidden, &warnings);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Words between commas of which some are right, and numbers of which one bounds the other.
#[test]
fn what_is_right_beside_what_is_wrong_is_used() {
    for (name, value, line, warning) in [
        (
            "OTEL_TRACES_EXPORTER",
            "logging,Console",
            "traces.exporters = console",
            r#""logging" is not supported; the others are used"#,
        ),
        (
            "OTEL_TRACES_EXPORTER",
            "none,console",
            "traces.exporters = console",
            r#""none,console" has none among others; none is ignored"#,
        ),
        (
            "OTEL_PROPAGATORS",
            "w3c,B3,b3",
            "propagators = b3",
            r#""w3c" is no known propagator; the others are used"#,
        ),
        (
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
            "GET,P ST",
            "http.known_methods = GET",
            r#""P ST" is no HTTP method; the others are known"#,
        ),
    ] {
        let (lines, warnings) = effective(&[(name, value)]);
        let line = format!("{line} ({name})");
        assert!(
            lines.contains(&line),
            "{name}={value}: {:?}",
            like(&lines, &line)
        );
        assert_eq!(warnings, [format!("{name}={warning}")]);
    }
    let name = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
    let (lines, warnings) = effective(&[(name, "good=1,a b=hush")]);
    let line = format!("traces.otlp.headers = good=… ({name})");
    assert!(lines.contains(&line), "{:?}", like(&lines, &line));
    let warning = format!("{name}: member 2 has a key that no header can have; it is ignored");
    assert_eq!(warnings, [warning]);
    let (lines, warnings) = effective(&[("OTEL_BSP_MAX_QUEUE_SIZE", "100")]);
    let line = "traces.otlp.max_export_batch_size = 100 (default)";
    assert!(
        lines.iter().any(|other| other == line),
        "{:?}",
        like(&lines, line)
    );
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn one_signal_beats_all() {
    let all = "OTEL_EXPORTER_OTLP_TIMEOUT";
    let own = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT";
    let told = format!("{own}=\"x\" is not a whole number of milliseconds; {all} is used instead");
    for (value, line, warned) in [
        ("2", format!("traces.otlp.timeout = 2 ms ({own})"), vec![]),
        ("", format!("traces.otlp.timeout = 1 ms ({all})"), vec![]),
        (
            "x",
            format!("traces.otlp.timeout = 1 ms ({all})"),
            vec![told],
        ),
    ] {
        let (lines, warnings) = effective(&[(all, "1"), (own, value)]);
        assert!(lines.contains(&line), "{:?}", like(&lines, &line));
        let others = format!("logs.otlp.timeout = 1 ms ({all})");
        assert!(lines.contains(&others), "{:?}", like(&lines, &others));
        assert_eq!(warnings, warned);
    }
}
