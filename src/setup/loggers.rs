//! The logger provider: made when something wants log records exported, and not before.

mod gate;
mod record;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    logs::{LogExporter, LogProcessor, LoggerProviderBuilder, SdkLoggerProvider},
};

use self::{gate::Gate, record::Trim};
use super::{
    error::SetupError,
    ledger::Ledger,
    otlp,
    pipeline::Last,
    report::Report,
    settings::{self, Batch, Logs},
    transport::thread::Thread,
};

/// A processor whose type is forgotten.
type Add = Box<dyn FnOnce(LoggerProviderBuilder) -> LoggerProviderBuilder + Send>;
/// An exporter whose type is forgotten, behind its queue.
type MakeGate = Box<dyn FnOnce(Batch) -> Gate + Send>;

/// What code gives.
#[derive(Default)]
pub(super) struct Own {
    pub(super) provider: Option<SdkLoggerProvider>,
    processors: Vec<Add>,
    exporters: Vec<MakeGate>,
}

/// The logger provider of a pipeline. Cloning is one increment.
#[derive(Clone)]
pub(super) struct Loggers(Arc<Mutex<State>>);

struct State {
    /// Until somebody asks.
    recipe: Option<Recipe>,
    /// `None` if nothing is exported.
    running: Option<Running>,
}

#[derive(Clone, Debug)]
struct Running {
    provider: SdkLoggerProvider,
    ledgers: Vec<Arc<Ledger>>,
    /// Whose last flush or shutdown took too long.
    late: Vec<Arc<AtomicBool>>,
}

struct Recipe {
    own: Own,
    settings: Logs,
    resource: Resource,
    thread: Thread,
    report: Report,
}

impl Own {
    pub(super) fn processor(&mut self, processor: impl LogProcessor + 'static) {
        self.processors
            .push(Box::new(|builder| builder.with_log_processor(processor)));
    }

    pub(super) fn exporter(&mut self, exporter: impl LogExporter + 'static) {
        self.exporters
            .push(Box::new(|batch| Gate::to(exporter, Some(batch), None)));
    }
}

impl Loggers {
    pub(super) fn new(
        own: Own,
        settings: Logs,
        resource: Resource,
        thread: Thread,
        report: Report,
    ) -> Self {
        Self(Arc::new(Mutex::new(State {
            recipe: Some(Recipe {
                own,
                settings,
                resource,
                thread,
                report,
            }),
            running: None,
        })))
    }

    /// The provider, made now if it was not yet. `None` if nothing is exported.
    pub(super) fn provider(&self) -> Result<Option<SdkLoggerProvider>, SetupError> {
        let mut state = self.state();
        if let Some(recipe) = state.recipe.take() {
            state.running = recipe.make()?;
        }
        Ok(state
            .running
            .as_ref()
            .map(|running| running.provider.clone()))
    }

    /// How it ends. `None` if there is nothing to end.
    pub(super) fn ending(
        &self,
        last: Last,
        deadline: Duration,
    ) -> Option<impl FnOnce() -> OTelSdkResult + Send + use<>> {
        let Running { provider, late, .. } = self.state().running.clone()?;
        Some(move || {
            let end = match last {
                Last::Flush => provider.force_flush(),
                Last::Shutdown => provider.shutdown_with_timeout(deadline),
            };
            match end {
                Err(_) if late.iter().any(|late| late.load(Ordering::Relaxed)) => {
                    Err(OTelSdkError::Timeout(deadline))
                }
                // A second end finds nothing to do.
                Err(OTelSdkError::AlreadyShutdown) => Ok(()),
                end => end,
            }
        })
    }

    /// Why the last that was lost was, where nobody was told how much it is.
    pub(super) fn undelivered(&self) -> Option<String> {
        let running = self.state().running.clone()?;
        running.ledgers.iter().find_map(|ledger| {
            let (lost, cause) = ledger.untold();
            cause.filter(|_| lost > 0)
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recipe {
    /// The user's provider, else one with the user's exporters, else with those of the settings.
    fn make(self) -> Result<Option<Running>, SetupError> {
        let Self {
            own,
            settings,
            resource,
            thread,
            report,
        } = self;
        if let Some(provider) = own.provider {
            return Ok(Some(Running {
                provider,
                ledgers: Vec::new(),
                late: Vec::new(),
            }));
        }
        let make = |make: MakeGate| make(settings.batch);
        let mut gates: Vec<Gate> = own.exporters.into_iter().map(make).collect();
        if gates.is_empty() {
            for processing in settings.processors {
                gates.push(exporter(processing, &thread, &report)?);
            }
        }
        if own.processors.is_empty() && gates.is_empty() {
            return Ok(None);
        }
        let ledgers = gates.iter().filter_map(Gate::ledger).collect();
        let late = gates.iter().map(Gate::lateness).collect();
        let mut builder = SdkLoggerProvider::builder().with_resource(resource);
        for add in own.processors {
            builder = add(builder);
        }
        builder = builder.with_log_processor(Trim::to(settings.limits, report));
        for gate in gates {
            builder = builder.with_log_processor(gate);
        }
        let provider = builder.build();
        Ok(Some(Running {
            provider,
            ledgers,
            late,
        }))
    }
}

/// An exporter that the settings name.
fn exporter(
    processing: settings::Processing<settings::LogExporter>,
    thread: &Thread,
    report: &Report,
) -> Result<Gate, SetupError> {
    let settings::Processing { exporter, batch } = processing;
    Ok(match exporter {
        settings::LogExporter::Console => {
            Gate::to(opentelemetry_stdout::LogExporter::default(), batch, None)
        }
        settings::LogExporter::Otlp(mut otlp) => {
            // An export has as long as the queue's owner and the exporter's both give it.
            let limits = [otlp.timeout, batch.and_then(|batch| batch.timeout)];
            otlp.timeout = limits.into_iter().flatten().min();
            let (exporter, ledger) = otlp::logs(&otlp, thread, report)?;
            Gate::to(exporter, batch, Some(ledger))
        }
    })
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own")
            .field("provider", &self.provider.is_some())
            .field("processors", &self.processors.len())
            .field("exporters", &self.exporters.len())
            .finish()
    }
}

impl fmt::Debug for Loggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Loggers")
            .field(&self.state().running)
            .finish()
    }
}
