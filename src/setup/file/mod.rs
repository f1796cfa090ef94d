//! The configuration file: OpenTelemetry's declarative configuration, file format 1.
//!
//! Nothing in it is passed over: what is wrong, and what is right but not supported, is an error that names its line and
//! its path. A file says all: of the environment only what it refers to by `${NAME}` is read.

mod logs;
mod metrics;
mod otlp;
mod processors;
mod resource;
mod substitute;
mod top;
mod traces;
mod tree;
mod views;
mod walk;

use std::fs;

use self::walk::Problems;
use super::{env::Env, error::SetupError, settings::Settings};

/// What a file says that this variable names.
pub(super) fn settings(name: &str, path: &str, env: &Env) -> Result<Settings, SetupError> {
    let text = fs::read_to_string(path).map_err(|error| {
        SetupError::new(format!("{name}={path:?} cannot be read")).with_source(error)
    })?;
    let problems = Problems::default();
    let settings = match tree::parse(&text, &|name| env.referred(name)) {
        Ok(root) => Some(top::settings(&root, &problems, env)),
        Err(wrong) => {
            problems.add(wrong);
            None
        }
    };
    match (settings, problems.all().as_slice()) {
        (Some(settings), []) => Ok(settings),
        (_, [one]) => Err(SetupError::new(format!("{name}={path:?}, {one}"))),
        (_, all) => Err(SetupError::new(format!(
            "{name}={path:?} cannot be used:\n  {}",
            all.join("\n  ")
        ))),
    }
}
