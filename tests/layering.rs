//! Who may know whom, read from the sources. The table is the plan: a new module or a new acquaintance is entered here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The modules of each level. A module knows those of the levels below its own.
const LEVELS: [&[&str]; 9] = [
    // Only `http`, `smallvec` and std.
    &[
        "captured", "guard", "head", "outcome", "protocol", "scan", "value",
    ],
    // Frameworks, behind one door each.
    &["extensions"],
    // OpenTelemetry's API, and pure conventions.
    &[
        "decision",
        "forced",
        "lost",
        "metrics",
        "propagate",
        "remarks",
        "remote",
        "semconv",
        "span",
        "span_mut",
        "targets",
        "telemetry",
        "threshold",
        "unrecorded",
    ],
    &["config", "context"],
    &["conventions", "process", "tasks"],
    &["exchange"],
    &["body", "future", "label", "route"],
    &["client", "server"],
    // Integrations and doors: nobody below knows them.
    &["axum", "guide", "logs", "otel", "reqwest", "setup"],
];

/// Acquaintances within a level.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("captured", "protocol"),
    ("future", "body"),
    ("forced", "decision"),
    ("head", "scan"),
    ("metrics", "semconv"),
    ("metrics", "span"),
    ("propagate", "decision"),
    ("propagate", "unrecorded"),
    ("remarks", "metrics"),
    ("remote", "semconv"),
    ("setup", "logs"),
    ("setup", "otel"),
    ("span", "decision"),
    ("span", "semconv"),
    ("span", "telemetry"),
    ("span", "unrecorded"),
    ("span_mut", "remarks"),
    ("span_mut", "semconv"),
    ("span_mut", "span"),
    ("targets", "semconv"),
    ("telemetry", "lost"),
    ("telemetry", "metrics"),
    ("telemetry", "propagate"),
    ("telemetry", "span"),
    ("unrecorded", "threshold"),
];

/// Files that know a level above: what set-up adds to [`otel`](throughline::otel).
const EXCEPTIONS: [(&str, &str); 1] = [("extensions/sdk.rs", "setup")];

/// Where gRPC has a name: what it is, how it is told, its headers, and its own way to carry a trace.
const GRPC: [&str; 8] = [
    "captured.rs",
    "conventions/measured.rs",
    "conventions.rs",
    "otel.rs",
    "propagate/binary.rs",
    "protocol.rs",
    "scan.rs",
    "semconv/rpc.rs",
];

/// Files that are longer than [`LONGEST`], and how long they may be until they are split.
const TOO_LONG: [(&str, usize); 0] = [];

const LONGEST: usize = 320;

struct Source {
    /// Below `src`, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The top module that the file belongs to.
    fn module(&self) -> &str {
        let top = self.path.split('/').next().unwrap();
        top.strip_suffix(".rs").unwrap_or(top)
    }

    /// Without comments and tests, which come last.
    fn code(&self) -> String {
        let code = self.text.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().map(|line| match line.find("//") {
            Some(at) if !line[..at].contains('"') => &line[..at],
            _ => line,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    fn is_test(&self) -> bool {
        self.path.contains("/tests") || self.path.ends_with("/properties.rs")
    }
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    let sources: Vec<_> = found
        .into_iter()
        .map(|path| Source {
            text: fs::read_to_string(&path).unwrap(),
            path: path
                .strip_prefix(&root)
                .unwrap()
                .components()
                .map(|part| part.as_os_str().to_str().unwrap())
                .collect::<Vec<_>>()
                .join("/"),
        })
        .collect();
    assert!(sources.len() > 40, "the sources are found");
    sources
}

/// What follows each `crate::`, and within braces each first name.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    for part in code.split("crate::").skip(1) {
        let Some(list) = part.strip_prefix('{') else {
            names.insert(part.chars().take_while(|c| is_word(*c)).collect());
            continue;
        };
        let (mut depth, mut starts) = (0, true);
        for (at, c) in list.char_indices() {
            match c {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => starts = true,
                _ if starts && is_word(c) => {
                    names.insert(list[at..].chars().take_while(|c| is_word(*c)).collect());
                    starts = false;
                }
                _ => {}
            }
        }
    }
    names
}

/// The doors to frameworks and the SDK are files of one folder.
fn door(name: &str) -> &str {
    if name.ends_with("_extensions") || matches!(name, "absent" | "otel_sdk") {
        "extensions"
    } else {
        name
    }
}

#[test]
fn modules_know_only_what_is_below_them() {
    let levels: BTreeMap<&str, usize> = LEVELS
        .iter()
        .enumerate()
        .flat_map(|(level, modules)| modules.iter().map(move |module| (*module, level)))
        .collect();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for source in sources() {
        let module = source.module();
        if module == "lib" || source.is_test() {
            continue;
        }
        let Some(level) = levels.get(module) else {
            wrong.push(format!("{}: the module is in no level", source.path));
            continue;
        };
        let code = source.code();
        if !source.path.contains('/') && code.contains("super::") {
            wrong.push(format!(
                "{}: says super:: for the crate's root",
                source.path
            ));
        }
        for name in named(&code) {
            let known = door(&name);
            let pair = (module, known);
            if known == module {
                continue;
            }
            let Some(other) = levels.get(known) else {
                wrong.push(format!("{}: crate::{name} is no module", source.path));
                continue;
            };
            let exception = EXCEPTIONS.contains(&(&*source.path, known));
            if exception || NEIGHBOURS.contains(&pair) {
                used.insert((source.path.clone(), known.to_owned()));
                used.insert((module.to_owned(), known.to_owned()));
            } else if other >= level {
                wrong.push(format!(
                    "{}: knows {known}, which is not below",
                    source.path
                ));
            }
        }
    }
    for (knows, known) in NEIGHBOURS.iter().chain(&EXCEPTIONS) {
        if !used.contains(&((*knows).to_owned(), (*known).to_owned())) {
            wrong.push(format!(
                "{knows} does not know {known} any more: take it out here"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_ground_floor_needs_no_crate_but_http() {
    let crates = [
        "::axum",
        "bytes::",
        "http_body::",
        "hyper",
        "opentelemetry",
        "pin_project_lite",
        "tokio",
        "tonic",
        "tower",
        "tracing",
    ];
    for source in sources() {
        let code = source.code();
        if LEVELS[0].contains(&source.module()) {
            for name in crates {
                assert!(!code.contains(name), "{} says {name}", source.path);
            }
        }
        // Conventions are pure: they describe, and know neither spans nor services.
        if source.module() == "semconv" && !source.is_test() && source.path != "semconv/error.rs" {
            for name in ["opentelemetry", "tower", "hyper", "http_body::"] {
                assert!(!code.contains(name), "{} says {name}", source.path);
            }
        }
    }
}

#[test]
fn the_sdk_enters_by_set_up_alone() {
    for source in sources() {
        let may = source.module() == "setup" || source.path == "extensions/sdk.rs";
        assert!(
            may || !source.code().contains("opentelemetry_sdk"),
            "{} knows the SDK",
            source.path
        );
    }
}

#[test]
fn one_file_knows_a_tracer() {
    let knows = |source: &Source| {
        let code = source.code();
        code.contains("Tracer,") || code.contains("Tracer}") || code.contains("Tracer;")
    };
    let known: Vec<_> = sources()
        .into_iter()
        .filter(|source| source.module() != "setup" && knows(source))
        .map(|source| source.path)
        .collect();
    // And the door, whose bounds name it.
    assert_eq!(known, ["otel.rs", "span.rs"]);
}

#[test]
fn grpc_is_known_where_it_must_be() {
    let known: Vec<_> = sources()
        .into_iter()
        .filter(|source| !source.is_test() && source.module() != "setup")
        .filter(|source| source.code().to_lowercase().contains("grpc"))
        .map(|source| source.path)
        .collect();
    assert_eq!(known, GRPC);
}

#[test]
fn features_choose_modules_and_nothing_else() {
    for source in sources() {
        let may = matches!(&*source.path, "lib.rs" | "setup/mod.rs");
        let code = source.code();
        let chooses = code.contains("feature =");
        assert!(may || !chooses, "{} depends on a feature", source.path);
    }
}

#[test]
fn files_are_short() {
    for source in sources() {
        let lines = source.text.lines().count();
        let exception = TOO_LONG.iter().find(|(path, _)| *path == source.path);
        let longest = exception.map_or(LONGEST, |(_, lines)| *lines);
        assert!(lines <= longest, "{} has {lines} lines", source.path);
        assert!(
            exception.is_none() || lines > LONGEST,
            "{} is short: take it out here",
            source.path
        );
    }
}

#[test]
fn the_parser_of_this_test_sees_what_is_there() {
    let code = "use crate::{\n    a,\n    b::{self, c},\n    d::{e::{f, g}, h},\n};\nuse crate::i::j;\nlet k = crate::l::m(crate::N);";
    let seen: Vec<_> = named(code).into_iter().collect();
    assert_eq!(seen, ["N", "a", "b", "d", "i", "l"]);
}
