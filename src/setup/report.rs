//! Where warnings go: the user's function, else `tracing`, else stderr.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::{dispatcher, subscriber::NoSubscriber};

use super::settings::Level;

type Function = dyn Fn(&str) + Send + Sync;

/// Tells people what they should know. Cloning is one increment or two.
#[derive(Clone, Default)]
pub(super) struct Report {
    function: Option<Arc<Function>>,
    /// What is more is not told.
    level: Level,
    held: Held,
}

/// What is kept back, while it is.
type Held = Arc<Mutex<Option<Vec<Said>>>>;

/// Keeps warnings back until it is dropped: until there is a subscriber to tell them to.
#[must_use = "warnings are told when it is dropped"]
pub(super) struct Hold(Report);

#[derive(Debug)]
enum Said {
    Warning(String),
    Information(String),
}

impl Report {
    pub(super) fn to(function: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            function: Some(Arc::new(function)),
            level: Level::default(),
            held: Held::default(),
        }
    }

    /// The same, at another level.
    pub(super) fn at(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Something is wrong.
    pub(super) fn warn(&self, text: &str) {
        self.say(Said::Warning(text.to_owned()));
    }

    /// Something that was wrong is well again.
    pub(super) fn info(&self, text: &str) {
        self.say(Said::Information(text.to_owned()));
    }

    /// What was asked for by `OTEL_LOG_LEVEL=debug`.
    pub(super) fn debug(&self, text: &str) {
        if self.tells(Level::Debug) {
            self.say(Said::Information(text.to_owned()));
        }
    }

    pub(super) fn tells(&self, level: Level) -> bool {
        level <= self.level
    }

    pub(super) fn hold(&self) -> Hold {
        self.held().get_or_insert_default();
        Hold(self.clone())
    }

    fn say(&self, said: Said) {
        let (text, level) = match &said {
            Said::Warning(text) => (text, Level::Warn),
            Said::Information(text) => (text, Level::Info),
        };
        if !self.tells(level) {
            return;
        }
        if let Some(function) = &self.function {
            return function(text);
        }
        if let Some(held) = self.held().as_mut() {
            return held.push(said);
        }
        match &said {
            _ if !is_heard() => to_stderr(text),
            Said::Warning(text) => tracing::warn!(target: "throughline", "{text}"),
            Said::Information(text) => tracing::info!(target: "throughline", "{text}"),
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Vec<Said>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let held = self.0.held().take();
        for said in held.into_iter().flatten() {
            self.0.say(said);
        }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.function.is_some() {
            "Function"
        } else {
            "TracingOrStderr"
        })
    }
}

/// Whether this thread has a subscriber. Events without one vanish.
fn is_heard() -> bool {
    dispatcher::get_default(|dispatch| !dispatch.is::<NoSubscriber>())
}

/// A closed stderr is no reason to panic.
fn to_stderr(text: &str) {
    writeln!(io::stderr().lock(), "throughline: {text}").ok();
}
