//! What has been asked of the environment, for those who want to know who said a thing.

use std::{
    collections::BTreeMap,
    sync::{MutexGuard, PoisonError},
};

use super::{Env, shown};

/// What has been asked so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// What is to be told, each once: a variable of all signals is read for each.
    pub(super) warnings: Vec<String>,
    set: BTreeMap<&'static str, Set>,
    /// What a configuration file refers to, and whether it is set.
    referred: BTreeMap<String, bool>,
    /// What a configuration file says, by the lines of its paths.
    filed: BTreeMap<String, usize>,
}

/// A variable that is set.
#[derive(Debug)]
struct Set {
    /// Its value, as it may be shown.
    shown: String,
    /// Whether something of it is wrong.
    is_wrong: bool,
    /// Whether something of it is right all the same.
    is_used: bool,
}

impl Env {
    pub(super) fn remember(&self, name: &'static str, shown: impl FnOnce() -> String) {
        self.record().set.entry(name).or_insert_with(|| Set {
            shown: shown(),
            is_wrong: false,
            is_used: true,
        });
    }

    /// This variable is wrong, and not used.
    pub(super) fn blame(&self, name: &'static str) {
        if let Some(set) = self.record().set.get_mut(name) {
            (set.is_wrong, set.is_used) = (true, false);
        }
    }

    /// Something of this variable is used, though not all of it is right.
    pub(super) fn pardon(&self, name: &'static str) {
        if let Some(set) = self.record().set.get_mut(name) {
            set.is_used = true;
        }
    }

    /// A variable that a configuration file refers to. As it stands, but for what is no text.
    #[allow(dead_code, reason = "files are a feature")]
    pub(in crate::setup) fn referred(&self, name: &str) -> Option<String> {
        let value = self.look(name).filter(|value| {
            let is_text = !value.contains(char::REPLACEMENT_CHARACTER);
            if !is_text {
                let shown = shown(name, value);
                self.warn(format!("{name}={shown:?} is not UTF-8; it is ignored"));
            }
            is_text
        });
        self.record()
            .referred
            .insert(name.to_owned(), value.is_some());
        value
    }

    /// What a configuration file says, in the place of all variables.
    #[allow(dead_code, reason = "files are a feature")]
    pub(in crate::setup) fn file(&self, paths: BTreeMap<String, usize>) {
        self.record().filed = paths;
    }

    pub(in crate::setup) fn is_filed(&self, path: &str) -> bool {
        self.record().filed.contains_key(path)
    }

    /// What was set, for people.
    pub(in crate::setup) fn set(&self) -> Vec<String> {
        let record = self.record();
        let set = record.set.iter().map(|(name, set)| {
            let wrong = if set.is_wrong {
                ", of which not all is right: see the warnings"
            } else {
                ""
            };
            format!("{name}={:?}{}{wrong}", set.shown, self.by_code(name))
        });
        let referred = record.referred.iter().map(|(name, is_set)| {
            let is_set = if *is_set { "set" } else { "not set" };
            format!("{name}, to which the file refers: {is_set}")
        });
        set.chain(referred).collect()
    }

    /// Who said a setting: a line of the file, else the first of these variables that is used, else nobody.
    pub(in crate::setup) fn origin(&self, names: &[&'static str], path: &str) -> String {
        let record = self.record();
        if !record.filed.is_empty() {
            let line = record.filed.get(path);
            return line.map_or_else(
                || "default".to_owned(),
                |line| format!("line {line} of the file"),
            );
        }
        let is_used = |name: &&&'static str| record.set.get(**name).is_some_and(|set| set.is_used);
        let said = names.iter().find(is_used);
        said.map_or_else(
            || "default".to_owned(),
            |name| format!("{name}{}", self.by_code(name)),
        )
    }

    fn by_code(&self, name: &str) -> &'static str {
        if self.code.contains_key(name) {
            ", by code"
        } else {
            ""
        }
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
