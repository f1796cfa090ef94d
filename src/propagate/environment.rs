//! The environment of a process as a carrier: of what starts a batch job, and of what it starts.
//!
//! OpenTelemetry's specification, "Environment Variables as Context Propagation Carriers".

use std::{fmt, sync::Arc};

/// Looks a variable up.
pub(crate) type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where variables are read: the process's own, or what a function says.
#[derive(Clone, Default)]
pub(crate) struct Environment(Option<Arc<Lookup>>);

impl Environment {
    pub(crate) fn of(lookup: Arc<Lookup>) -> Self {
        Self(Some(lookup))
    }

    /// The text of a variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Some(lookup) => lookup(name),
            None => process(name),
        };
        value.filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Some(_) => "Environment(a function)",
            None => "Environment(the process)",
        })
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "propagators are used without set-up too"
)]
fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
