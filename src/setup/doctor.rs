//! What a pipeline can tell of itself: what was read, what was chosen, whether anyone answers, what became of the spans.

mod chosen;
mod given;
mod lock;
mod otlp;
mod probe;
mod resource;
mod sampler;
mod signals;

use std::{fmt, sync::Arc, thread};

use opentelemetry_sdk::Resource;
use tracing::dispatcher;

use self::{lock::Versions, probe::Probe};
use super::{
    batch::SpanCounts,
    env::Env,
    pipeline::{Disabled, Pipeline},
    report::Report,
    sampler::TailCounts,
    settings::{Level, Settings},
};
use crate::telemetry::Telemetry;

/// How a pipeline is set up and how it does, for people: its `Display` is some lines of text, without a secret.
///
/// From [`Telemetry::report`]. The wording may change.
#[derive(Clone, Debug)]
pub struct TelemetryReport {
    said: Option<Arc<Said>>,
    answers: Vec<(String, Result<(), String>)>,
    counts: Option<SpanCounts>,
    tail: Option<TailCounts>,
    versions: Versions,
}

/// What was said when a pipeline was built. It does not change.
#[derive(Debug)]
pub(super) struct Said {
    /// Variables that were set, as they may be shown.
    read: Vec<String>,
    chosen: Vec<Line>,
    probes: Vec<Probe>,
    env: Env,
}

/// A setting, and who said it.
#[derive(Debug)]
struct Line {
    what: String,
    value: String,
    origin: String,
}

/// What code gave, whose place no setting has.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) service_name: bool,
    /// Keys of the resource.
    pub(super) attributes: Vec<String>,
    pub(super) propagator: bool,
    pub(super) provider: bool,
    pub(super) sampler: bool,
    pub(super) exporters: usize,
    pub(super) processors: usize,
    pub(super) meters: bool,
    pub(super) loggers: bool,
    pub(super) queue_bytes: bool,
    pub(super) when_full: bool,
}

impl Telemetry {
    /// What was read from where, what was chosen, whether the collectors answer, what became of the spans so far, and whether
    /// another version of `opentelemetry` is in the build, which has contexts and globals of its own.
    ///
    /// It asks each collector with an empty export, and waits two seconds at most: it blocks, so an async task calls it by
    /// `spawn_blocking`. The versions are those of a `Cargo.lock` that has this crate, above `CARGO_MANIFEST_DIR`, the current
    /// directory or the executable; elsewhere it says that there is none. With `OTEL_LOG_LEVEL=debug` it is told once the
    /// pipeline runs.
    ///
    /// ```no_run
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = throughline::init()?;
    /// println!("{}", telemetry.report());
    /// # Ok(())
    /// # }
    /// ```
    pub fn report(&self) -> TelemetryReport {
        let pipeline = self.pipeline();
        let said = match &pipeline {
            Some(pipeline) => Some(Arc::clone(&pipeline.said)),
            None => self.disabled().map(|disabled| Arc::clone(&disabled.0)),
        };
        TelemetryReport::of(said, pipeline.as_ref())
    }

    /// Tells the report where it is asked for. A thread does it, since collectors take their time.
    pub(super) fn tell(&self, report: &Report) {
        if !report.tells(Level::Debug) {
            return;
        }
        let (pipeline, said) = match (self.pipeline(), self.disabled()) {
            (Some(pipeline), _) => {
                let said = Arc::clone(&pipeline.said);
                (Some(pipeline), said)
            }
            (None, Some(disabled)) => (None, Arc::clone(&disabled.0)),
            (None, None) => return,
        };
        let report = report.clone();
        let dispatch = dispatcher::get_default(Clone::clone);
        let spawned = thread::Builder::new()
            .name("throughline-report".to_owned())
            .spawn(move || {
                let made = TelemetryReport::of(Some(said), pipeline.as_ref());
                dispatcher::with_default(&dispatch, || report.debug(&made.to_string()));
            });
        // Without a thread there is no report, and that is all.
        drop(spawned);
    }

    fn disabled(&self) -> Option<&Disabled> {
        let lifecycle: &dyn std::any::Any = self.lifecycle.as_deref()?;
        lifecycle.downcast_ref()
    }
}

impl Said {
    pub(super) fn new(
        settings: &Settings,
        made: Option<&Resource>,
        given: &Given,
        env: &Env,
    ) -> Arc<Self> {
        Arc::new(Self {
            read: env.set(),
            chosen: chosen::lines(settings, made, given, env),
            probes: probe::of(settings, given),
            env: env.clone(),
        })
    }
}

impl TelemetryReport {
    /// Whether every collector that was asked took an empty export. True where there is none to ask.
    pub fn is_answered(&self) -> bool {
        self.answers.iter().all(|(_, answer)| answer.is_ok())
    }

    fn of(said: Option<Arc<Said>>, pipeline: Option<&Pipeline>) -> Self {
        let answers = match (&said, pipeline) {
            (Some(said), Some(pipeline)) => {
                let logs = pipeline.loggers.are_running();
                let probes = said.probes.iter();
                let probes: Vec<_> = probes.filter(|probe| logs || !probe.is_of_logs()).collect();
                probe::ask(&probes, &pipeline.thread)
            }
            _ => Vec::new(),
        };
        Self {
            answers,
            counts: pipeline.map(|pipeline| {
                let accounts = pipeline.accounts.iter();
                accounts.map(|account| account.counts()).sum()
            }),
            tail: pipeline
                .and_then(|pipeline| pipeline.tail.as_ref())
                .map(|tail| tail.read()),
            versions: Versions::find(said.as_ref().map(|said| &said.env)),
            said,
        }
    }
}

impl fmt::Display for TelemetryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "throughline {}", env!("CARGO_PKG_VERSION"))?;
        let Some(said) = &self.said else {
            writeln!(f, "  a provider of your own: no more is known of it")?;
            return write!(f, "{}", self.versions);
        };
        writeln!(f, "read")?;
        if said.read.is_empty() {
            writeln!(f, "  nothing: no variable is set")?;
        }
        for read in &said.read {
            writeln!(f, "  {read}")?;
        }
        writeln!(f, "chosen")?;
        for Line {
            what,
            value,
            origin,
        } in &said.chosen
        {
            writeln!(f, "  {what} = {value} ({origin})")?;
        }
        if !self.answers.is_empty() {
            writeln!(f, "collectors")?;
        }
        for (target, answer) in &self.answers {
            match answer {
                Ok(()) => writeln!(f, "  {target}: answers")?,
                Err(why) => writeln!(f, "  {target}: {why}")?,
            }
        }
        if let Some(counts) = &self.counts {
            writeln!(
                f,
                "spans\n  made {}: acknowledged {}, rejected {}, dropped {} (queue full {}, undelivered {}, closed {}), unknown {}, \
                 queued {}",
                counts.made,
                counts.acknowledged,
                counts.rejected,
                counts.dropped,
                counts.dropped_queue_full,
                counts.dropped_undelivered,
                counts.dropped_closed,
                counts.unknown,
                counts.queued
            )?;
        }
        if let Some(tail) = &self.tail {
            writeln!(
                f,
                "undecided spans\n  kept {}, discarded {}, lost {}, waiting {}",
                tail.kept, tail.discarded, tail.lost, tail.waiting
            )?;
        }
        write!(f, "{}", self.versions)
    }
}
