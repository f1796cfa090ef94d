//! How a trace crosses from a process to one that it starts: by variables of the environment.

use std::process::Command;

use crate::{context::Context, telemetry::Telemetry};

impl Telemetry {
    /// The context that whoever started this process put into its environment, for a batch job or a command: `TRACEPARENT`,
    /// `TRACESTATE` and `BAGGAGE`, or the variables of the other formats that this pipeline reads, called as their headers
    /// are, in upper case and with `_` for all but letters and digits (`B3`, `UBER_TRACE_ID`, …).
    ///
    /// The environment is read now. Where it holds no valid trace, spans made in the context begin one. Whoever starts a
    /// process is trusted: its sampling decision is followed as a caller's is.
    ///
    /// ```no_run
    /// # fn import() {}
    /// # async fn clean_up() {}
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = throughline::init()?;
    /// let parent = telemetry.parent_from_env();
    /// parent.in_scope(|| import());
    /// parent.carry(clean_up()).await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Of a pipeline with [`Setup::lookup`](crate::Setup::lookup), that function is asked; it cannot list variables, so
    /// headers that are known by the start of their names alone (`uberctx-…`, `ot-baggage-…`) are not read then.
    pub fn parent_from_env(&self) -> Context {
        let base = opentelemetry::Context::current();
        let propagation = self.handle.propagation();
        Context(propagation.extract_variables(self.handle.environment(), &base))
    }

    /// Gives the current context to a process that is about to be started, so that
    /// [`parent_from_env`](Self::parent_from_env) finds it there: sets the variables of this command, and takes out those
    /// that it would inherit from this process's own caller. Where no span is current, those stay.
    ///
    /// Call it on the thread, and in the context, that the process belongs to. For a `Command` of Tokio's there is its
    /// `as_std_mut()`.
    ///
    /// ```no_run
    /// # fn example(telemetry: throughline::Telemetry) -> std::io::Result<()> {
    /// let mut command = std::process::Command::new("import");
    /// telemetry.inject_env(&mut command);
    /// command.spawn()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Baggage goes with it. Variables can be read by others than the process on many systems.
    pub fn inject_env(&self, command: &mut Command) {
        opentelemetry::Context::map_current(|context| {
            let propagation = self.handle.propagation();
            for name in propagation.stale_variables(context) {
                command.env_remove(name);
            }
            command.envs(propagation.inject_variables(context));
        });
    }

    /// The variables that [`inject_env`](Self::inject_env) sets, for what starts processes otherwise: a container's or a
    /// job's specification. Empty where there is neither a span nor baggage.
    pub fn env_vars(&self) -> Vec<(String, String)> {
        opentelemetry::Context::map_current(|context| {
            self.handle.propagation().inject_variables(context)
        })
    }
}
