//! The environment of a process as a carrier: of what starts a batch job, and for what the job starts.
//!
//! OpenTelemetry's specification, "Environment Variables as Context Propagation Carriers".

use std::{env, fmt, sync::Arc};

use http::HeaderValue;
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::TraceContextExt,
};

use super::{Propagation, fields};

/// Looks a variable up. What of it is no UTF-8 becomes U+FFFD.
pub(crate) type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Where variables are read: the process's own, or what a function says.
#[derive(Clone, Default)]
pub(crate) struct Environment(Option<Arc<Lookup>>);

/// Variables by their names, of which the carrier knows none but those of upper-case letters, digits and `_`.
#[derive(Debug, Default)]
struct Variables(Vec<(String, String)>);

impl Environment {
    pub(crate) fn of(lookup: Arc<Lookup>) -> Self {
        Self(Some(lookup))
    }

    /// The function that is asked.
    #[allow(dead_code, reason = "set-up alone reads settings")]
    pub(crate) fn lookup(&self) -> Arc<Lookup> {
        match &self.0 {
            Some(lookup) => Arc::clone(lookup),
            None => Arc::new(process),
        }
    }

    /// The text of a variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Some(lookup) => lookup(name),
            None => process(name),
        };
        value.filter(|value| !value.is_empty())
    }

    /// All variables of the process; of a function, those of these fields.
    fn variables(&self, propagator: &dyn TextMapPropagator) -> Variables {
        let variables = match &self.0 {
            None => all().collect(),
            Some(_) => {
                let names = propagator.fields().map(normalized);
                let found = names.filter_map(|name| Some((self.get(&name)?, name)));
                found.map(|(value, name)| (name, value)).collect()
            }
        };
        Variables(variables)
    }
}

impl Propagation {
    /// Reads what whoever started the process put into its environment, upon this context.
    pub(crate) fn extract_variables(&self, environment: &Environment, base: &Context) -> Context {
        self.with_propagator(|propagator| {
            propagator.extract_with_context(base, &environment.variables(propagator))
        })
    }

    /// The variables by which a process that is started gets this context.
    pub(crate) fn inject_variables(&self, context: &Context) -> Vec<(String, String)> {
        self.with_propagator(|propagator| {
            let mut variables = Variables::default();
            propagator.inject_context(context, &mut variables);
            variables.0
        })
    }

    /// Those that this process has and a process with this context must not inherit.
    pub(crate) fn stale_variables(&self, context: &Context) -> Vec<String> {
        // Without a span here, whoever started this process is the other one's caller too.
        if !context.span().span_context().is_valid() {
            return Vec::new();
        }
        self.with_propagator(|propagator| {
            let fields: Vec<_> = propagator.fields().map(normalized).collect();
            let prefixes: Vec<_> = fields::prefixes(propagator).map(normalized).collect();
            let is_stale = |name: &String| {
                fields.contains(name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
            };
            all().map(|(name, _)| name).filter(is_stale).collect()
        })
    }
}

impl Extractor for Variables {
    fn get(&self, key: &str) -> Option<&str> {
        let key = normalized(key);
        let found = self.0.iter().find(|(name, _)| *name == key);
        found.map(|(_, value)| &**value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| &**name).collect()
    }
}

impl Injector for Variables {
    /// A value that no header could hold is left out.
    fn set(&mut self, key: &str, value: String) {
        if !value.is_empty() && HeaderValue::from_str(&value).is_ok() {
            self.0.push((normalized(key), value));
        }
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

/// The name of a field as a variable has it ("Environment Variable Names").
fn normalized(key: &str) -> String {
    let starts_badly = key.bytes().next().is_none_or(|byte| byte.is_ascii_digit());
    let characters = key.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
        _ => '_',
    });
    starts_badly
        .then_some('_')
        .into_iter()
        .chain(characters)
        .collect()
}

/// The process's variables, but for those whose names no field becomes, or that are no text.
fn all() -> impl Iterator<Item = (String, String)> {
    env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        (normalized(&name) == name).then_some((name, value))
    })
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
fn process(name: &str) -> Option<String> {
    let value = env::var_os(name)?;
    Some(value.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_upper_case_words() {
        for (key, name) in [
            ("traceparent", "TRACEPARENT"),
            ("x-b3-traceid", "X_B3_TRACEID"),
            ("uberctx-user.id", "UBERCTX_USER_ID"),
            ("1st", "_1ST"),
            ("_X", "_X"),
            ("ß a", "__A"),
            ("", "_"),
        ] {
            assert_eq!(normalized(key), name, "{key}");
            assert_eq!(normalized(name), name, "{key}");
        }
    }

    #[test]
    fn what_is_not_normalized_is_not_read() {
        let variables = Variables(vec![("traceparent".to_owned(), "1".to_owned())]);
        assert_eq!(variables.get("traceparent"), None);
        assert_eq!(variables.get("TraceParent"), None);
    }
}
