//! Where warnings go: the user's function, else `tracing`, else stderr.

use std::{
    fmt,
    io::{self, Write},
    sync::Arc,
};

use tracing::{dispatcher, subscriber::NoSubscriber};

type Function = dyn Fn(&str) + Send + Sync;

/// Tells people what they should know. Cloning is one increment.
#[derive(Clone, Default)]
pub(super) struct Report(Option<Arc<Function>>);

impl Report {
    pub(super) fn to(function: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(function)))
    }

    /// Something is wrong.
    pub(super) fn warn(&self, text: &str) {
        match &self.0 {
            Some(function) => function(text),
            None if is_heard() => tracing::warn!(target: "throughline", "{text}"),
            None => to_stderr(text),
        }
    }

    /// Something that was wrong is well again.
    pub(super) fn info(&self, text: &str) {
        match &self.0 {
            Some(function) => function(text),
            None if is_heard() => tracing::info!(target: "throughline", "{text}"),
            None => to_stderr(text),
        }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
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
