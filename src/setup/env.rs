//! The environment: the one place that reads it, and the rules of its values.
//!
//! An empty value is as good as none. A wrong value is reported with the variable, the value and what is used instead,
//! and then ignored.

mod http;
pub(super) mod limits;
mod logs;
pub(super) mod metrics;
pub(super) mod otlp;
mod read;
mod resource;
mod sampler;
mod traces;
pub(super) mod values;
pub(super) mod variables;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use self::{
    values::Words,
    variables::{Here, Seen},
};
use super::{
    endpoint,
    error::SetupError,
    file,
    report::Report,
    settings::{Level, Propagator, Settings},
};

/// Where a variable is looked up.
pub(super) use crate::propagate::environment::Lookup;

/// Variables by name, and what is wrong with them.
#[derive(Clone)]
pub(super) struct Env {
    lookup: Arc<Lookup>,
    record: Arc<Mutex<Record>>,
}

/// What has been asked so far.
#[derive(Debug, Default)]
struct Record {
    /// What is to be told, each once: a variable of all signals is read for each.
    warnings: Vec<String>,
    /// What was set, as it may be shown, and whether it is right.
    set: BTreeMap<&'static str, (String, bool)>,
    /// What a configuration file refers to, and whether it is set.
    referred: BTreeMap<String, bool>,
    /// What a configuration file says, by the lines of its paths.
    filed: BTreeMap<String, usize>,
}

pub(super) const PROPAGATORS: Words<Propagator> = Words {
    unknown: "is no known propagator",
    known: &[
        ("tracecontext", Propagator::TraceContext),
        ("baggage", Propagator::Baggage),
        ("b3", Propagator::B3),
        ("b3multi", Propagator::B3Multi),
        ("jaeger", Propagator::Jaeger),
        ("xray", Propagator::XRay),
        ("xray-lambda", Propagator::XRayLambda),
        ("ottrace", Propagator::OtTrace),
        ("datadog", Propagator::Datadog),
    ],
    unsupported: &[],
    default: "tracecontext,baggage",
    nothing: "nothing is propagated",
};

pub(super) const LEVELS: Words<Level> = Words {
    unknown: "is no known level",
    known: &[
        ("none", Level::None),
        ("off", Level::None),
        ("fatal", Level::None),
        ("error", Level::Error),
        ("warn", Level::Warn),
        ("warning", Level::Warn),
        ("info", Level::Info),
        ("debug", Level::Debug),
        ("verbose", Level::Debug),
        ("trace", Level::Debug),
        ("all", Level::Debug),
    ],
    unsupported: &[],
    default: "info",
    nothing: "",
};

const FILE: &str = "OTEL_CONFIG_FILE";
const OLD_FILE: &str = "OTEL_EXPERIMENTAL_CONFIG_FILE";

impl Settings {
    /// What a file says, if the environment names one, else the environment.
    pub(super) fn load(env: &Env) -> Result<Self, SetupError> {
        let Some((name, path)) = env.first(&[FILE, OLD_FILE]) else {
            return Ok(Self::from_env(env));
        };
        if name == OLD_FILE {
            env.warn(format!(
                "{OLD_FILE} is an older name of {FILE}; it is followed"
            ));
        }
        file::settings(name, &path, env)
    }

    /// What the environment says, and the defaults where it says nothing.
    pub(super) fn from_env(env: &Env) -> Self {
        env.refuse();
        Self {
            disabled: env.flag("OTEL_SDK_DISABLED"),
            log_level: env.word("OTEL_LOG_LEVEL", &LEVELS),
            resource: resource::resource(env),
            propagators: env.words("OTEL_PROPAGATORS", &PROPAGATORS),
            traces: traces::traces(env),
            metrics: metrics::metrics(env),
            logs: logs::logs(env),
            http: http::http(env),
        }
    }
}

impl Env {
    pub(super) fn new(lookup: Arc<Lookup>) -> Self {
        Self {
            lookup,
            record: Arc::default(),
        }
    }

    /// Tells what is wrong.
    pub(super) fn tell(&self, report: &Report) {
        let warnings = std::mem::take(&mut self.record().warnings);
        for warning in warnings {
            report.warn(&warning);
        }
    }

    /// To be told.
    pub(super) fn warn(&self, text: String) {
        let warnings = &mut self.record().warnings;
        if !warnings.contains(&text) {
            warnings.push(text);
        }
    }

    /// Tells that a value, or this part of it, is wrong and what is used instead.
    pub(super) fn wrong(&self, name: &'static str, part: &str, why: &str, instead: &str) {
        let shown = shown(name, part);
        if let Some((_, right)) = self.record().set.get_mut(name) {
            *right = false;
        }
        self.warn(format!("{name}={shown:?} {why}; {instead}"));
    }

    /// A variable's text without the spaces around it.
    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        let value = (self.lookup)(name)?;
        let value = value.trim();
        if value.is_empty() {
            return None;
        }
        let mut record = self.record();
        let entry = record.set.entry(name);
        entry.or_insert_with(|| (shown(name, value).into_owned(), true));
        Some(value.to_owned())
    }

    /// A variable that a configuration file refers to.
    #[allow(dead_code, reason = "files are a feature")]
    pub(super) fn referred(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name);
        self.record()
            .referred
            .insert(name.to_owned(), value.is_some());
        value
    }

    /// What a configuration file says, in the place of all variables.
    #[allow(dead_code, reason = "files are a feature")]
    pub(super) fn file(&self, paths: BTreeMap<String, usize>) {
        self.record().filed = paths;
    }

    pub(super) fn is_filed(&self, path: &str) -> bool {
        self.record().filed.contains_key(path)
    }

    /// What was set, for people.
    pub(super) fn set(&self) -> Vec<String> {
        let record = self.record();
        let set = record.set.iter().map(|(name, (shown, is_right))| {
            let wrong = if *is_right {
                ""
            } else {
                ", of which not all is right: see the warnings"
            };
            format!("{name}={shown:?}{wrong}")
        });
        let referred = record.referred.iter().map(|(name, is_set)| {
            let is_set = if *is_set { "set" } else { "not set" };
            format!("{name}, to which the file refers: {is_set}")
        });
        set.chain(referred).collect()
    }

    /// Who said a setting: a line of the file, else the first of these variables that is set and right, else nobody.
    pub(super) fn origin(&self, names: &[&'static str], path: &str) -> String {
        let record = self.record();
        if !record.filed.is_empty() {
            let line = record.filed.get(path);
            return line.map_or_else(
                || "default".to_owned(),
                |line| format!("line {line} of the file"),
            );
        }
        let is_right = |name: &&&'static str| {
            record
                .set
                .get(**name)
                .is_some_and(|(_, is_right)| *is_right)
        };
        let said: Vec<_> = names.iter().filter(is_right).copied().collect();
        said.first().map_or("default", |name| name).to_owned()
    }

    /// Tells of what is set and not read.
    fn refuse(&self) {
        for row in variables::rows() {
            if let Here::Refused(why) = row.here {
                for name in row.names {
                    if let Some(value) = self.text(name) {
                        self.wrong(name, &value, "is not read", why);
                    }
                }
            }
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

/// As much of a value as people may see.
fn shown<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    match variables::find(name).map(|row| row.seen) {
        Some(Seen::All) => Cow::Borrowed(value),
        Some(Seen::Url) => endpoint::shown(value),
        Some(Seen::Nothing) | None => Cow::Borrowed("…"),
    }
}
