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
mod record;
mod resource;
mod sampler;
mod traces;
pub(super) mod values;
pub(super) mod variables;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use self::{
    record::Record,
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
    /// What code says, over that.
    code: Arc<BTreeMap<String, String>>,
    record: Arc<Mutex<Record>>,
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
            code: Arc::default(),
            record: Arc::default(),
        }
    }

    /// The same, with what code says over it.
    pub(super) fn under(self, code: BTreeMap<String, String>) -> Result<Self, SetupError> {
        let is_read = |name: &&String| {
            variables::find(name)
                .is_some_and(|row| matches!(row.here, Here::Read(_) | Here::Later(_)))
        };
        match code.keys().find(|name| !is_read(name)) {
            Some(wrong) => Err(SetupError::new(format!(
                "Setup::variable({wrong:?}): this is no variable that set-up reads"
            ))),
            None => Ok(Self {
                code: Arc::new(code),
                ..self
            }),
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
        self.blame(name);
        self.warn(format!("{name}={shown:?} {why}; {instead}"));
    }

    /// A variable's text without the spaces around it.
    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        let value = self.look(name)?;
        let value = value.trim();
        if value.is_empty() {
            return None;
        }
        self.remember(name, || shown(name, value).into_owned());
        if value.contains(char::REPLACEMENT_CHARACTER) {
            self.wrong(name, value, "is not UTF-8", "it is ignored");
            return None;
        }
        Some(value.to_owned())
    }

    /// As it stands.
    fn look(&self, name: &str) -> Option<String> {
        let said = self.code.get(name).cloned();
        said.or_else(|| (self.lookup)(name))
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
