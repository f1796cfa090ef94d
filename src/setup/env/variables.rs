//! Every variable that the specification or habit knows, and what becomes of it here.

mod export;
mod general;
mod record;

/// Variables of one kind.
#[allow(dead_code, reason = "some of it is for the documentation alone")]
pub(in crate::setup) struct Section {
    pub(in crate::setup) title: &'static str,
    pub(in crate::setup) rows: &'static [Row],
}

/// Variables that are read alike, such as the forms of one for each signal.
#[allow(dead_code, reason = "some of it is for the documentation alone")]
pub(in crate::setup) struct Row {
    pub(in crate::setup) names: &'static [&'static str],
    pub(in crate::setup) default: &'static str,
    pub(in crate::setup) here: Here,
    pub(in crate::setup) seen: Seen,
}

/// What becomes of it.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "some of it is for the documentation alone")]
pub(in crate::setup) enum Here {
    Read(&'static str),
    /// Read by this part of set-up, where it is used.
    Later(&'static str),
    /// Not read. Who sets it is told this.
    Refused(&'static str),
    /// Read by what says so, where it is used.
    By(&'static str),
    /// Nothing is to be done for it.
    Idle(&'static str),
}

/// How much of its value people may see.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::setup) enum Seen {
    All,
    /// All but userinfo, query and fragment.
    Url,
    Nothing,
}

/// `docs/environment.md` says the same.
pub(in crate::setup) const SECTIONS: [Section; 7] = [
    general::GENERAL,
    export::EXPORTERS,
    export::OTLP,
    export::QUEUES,
    record::LIMITS,
    record::INSTRUMENTATION,
    general::KUBERNETES,
];

/// What is known of this one.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    rows().find(|row| row.names.contains(&name))
}

pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    SECTIONS.into_iter().flat_map(|section| section.rows)
}

const fn read(name: &'static [&'static str], default: &'static str, what: &'static str) -> Row {
    Row {
        names: name,
        default,
        here: Here::Read(what),
        seen: Seen::All,
    }
}

const fn later(name: &'static [&'static str], default: &'static str, what: &'static str) -> Row {
    Row {
        names: name,
        default,
        here: Here::Later(what),
        seen: Seen::All,
    }
}

const fn by(name: &'static [&'static str], default: &'static str, what: &'static str) -> Row {
    Row {
        names: name,
        default,
        here: Here::By(what),
        seen: Seen::All,
    }
}

const fn refused(name: &'static [&'static str], why: &'static str) -> Row {
    Row {
        names: name,
        default: "",
        here: Here::Refused(why),
        seen: Seen::All,
    }
}

const fn idle(name: &'static [&'static str], why: &'static str) -> Row {
    Row {
        names: name,
        default: "",
        here: Here::Idle(why),
        seen: Seen::All,
    }
}

impl Row {
    const fn seen(self, seen: Seen) -> Self {
        Self { seen, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fmt::Write,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::setup::{detectors, env::Env, settings::Settings};

    const DOCUMENT: &str = include_str!("../../../docs/environment.md");

    fn table(section: &Section) -> String {
        let mut table = format!(
            "## {}\n\n| variable | default | here |\n|---|---|---|\n",
            section.title
        );
        for row in section.rows {
            let names: Vec<_> = row.names.iter().map(|name| format!("`{name}`")).collect();
            let default = match row.default {
                "" => String::new(),
                default => format!("`{default}`"),
            };
            let here = match row.here {
                Here::Read(what) => format!("read: {what}"),
                Here::Later(what) | Here::By(what) => format!("read by {what}"),
                Here::Refused(why) => format!("not read, and told of: {why}"),
                Here::Idle(why) => format!("not read: {why}"),
            };
            let here = here.trim_end_matches(": ");
            writeln!(table, "| {} | {default} | {here} |", names.join("<br>")).unwrap();
        }
        table
    }

    #[test]
    fn the_document_has_the_table() {
        for section in &SECTIONS {
            let table = table(section);
            assert!(
                DOCUMENT.contains(&table),
                "docs/environment.md has not:\n\n{table}"
            );
        }
        let rows = DOCUMENT
            .lines()
            .filter(|line| {
                let name = line.strip_prefix("| `").unwrap_or_default();
                name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
            })
            .count();
        let known: usize = SECTIONS.iter().map(|section| section.rows.len()).sum();
        assert_eq!(rows, known, "docs/environment.md has other rows");
    }

    /// Each way through the readers, by what must be set to take it.
    #[test]
    fn what_is_listed_is_read_and_nothing_else() {
        let ways: &[&[(&str, &str)]] = &[
            &[],
            &[
                ("OTEL_TRACES_EXPORTER", "otlp,console,zipkin"),
                ("OTEL_METRICS_EXPORTER", "otlp,console,prometheus"),
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ],
            &[("OTEL_TRACES_SAMPLER", "jaeger_remote")],
            &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")],
        ];
        let asked = Arc::new(Mutex::new(BTreeSet::new()));
        for way in ways {
            let (way, seen) = (*way, Arc::clone(&asked));
            let lookup = move |name: &str| {
                seen.lock().unwrap().insert(name.to_owned());
                let set = way.iter().find(|(known, _)| *known == name);
                set.map(|(_, value)| (*value).to_owned())
            };
            let env = Env::new(Arc::new(lookup));
            let settings = Settings::load(&env).unwrap();
            detectors::detect(&settings.resource.detectors, &env);
        }
        let asked = asked.lock().unwrap();
        let asked: BTreeSet<_> = asked.iter().map(String::as_str).collect();
        let rows = SECTIONS
            .iter()
            .filter(|section| detectors::ARE_THERE || section.title != general::KUBERNETES.title)
            .flat_map(|section| section.rows);
        let listed: BTreeSet<_> = rows
            .filter(|row| matches!(row.here, Here::Read(_) | Here::Refused(_)))
            .flat_map(|row| row.names.iter().copied())
            .collect();
        let strange: Vec<_> = asked.symmetric_difference(&listed).collect();
        assert!(strange.is_empty(), "asked or listed alone: {strange:?}");
    }
}
