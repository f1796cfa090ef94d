//! A whole `tracing` subscriber.

use std::io::{self, IsTerminal};

use tracing::{dispatcher, level_filters::LevelFilter};
use tracing_log::{AsLog, LogTracer};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::FilterExt,
    fmt::{self, MakeWriter, writer::BoxMakeWriter},
    layer::SubscriberExt,
};

use super::{
    builder::Setup,
    env::Env,
    error::SetupError,
    layers::{OfSpans, spans},
};
use crate::{logs::WithTraceIds, telemetry::Telemetry};

const RUST_LOG: &str = "RUST_LOG";
const DEFAULT_FILTER: &str = "info";

/// A `tracing` subscriber for the whole process: log lines with the ids of their trace, spans into the pipeline, log
/// records to the exporters that `OTEL_LOGS_EXPORTER` names.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use throughline::{Setup, Subscriber};
///
/// let telemetry = Setup::new().subscriber(Subscriber::json()).init()?;
/// tracing::info!(port = 8080, "listening");
/// # telemetry.shutdown().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Defaults
///
/// * Lines and log records are those that `RUST_LOG` lets through, in the syntax of
///   [`EnvFilter`]; `info` and above where it is not set.
/// * Lines go to stdout, in colour if that is a terminal and `NO_COLOR` is not set.
/// * Spans of level `info` and above become spans of OpenTelemetry, whatever `RUST_LOG` says: who turns the log down keeps
///   the traces.
/// * An event is a log record and no event of its span, but for those of level `error`: they mark the span as failed, as
///   tracing-opentelemetry does.
/// * Log records go where `OTEL_LOGS_EXPORTER` says (`otlp`, `console`, `none`), in batches; `OTEL_SDK_DISABLED` leaves
///   the lines alone.
/// * Records of the crate `log` are events like others.
/// * What an exporter's own connections say is neither a span nor a log record.
#[derive(Debug)]
#[must_use = "give it to Setup::subscriber"]
pub struct Subscriber {
    format: Format,
    /// Instead of `RUST_LOG`.
    filter: Option<String>,
    default_filter: String,
    spans: String,
    /// `None` is stdout.
    writer: Option<BoxMakeWriter>,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Text,
    Compact,
    Pretty,
    Json,
}

/// The subscriber that code asks for.
#[derive(Debug, Default)]
pub(super) struct Wanted(Option<Subscriber>);

impl Setup {
    /// Installs this `tracing` subscriber for the whole process, with [`init`](Self::init). What set-up warns of is
    /// then said through it.
    ///
    /// A process has one subscriber: where one is set already `init` fails and leaves everything as it was. Parts for a
    /// subscriber of one's own are [`logs::WithTraceIds`](crate::logs::WithTraceIds), [`Telemetry::spans_layer`] and
    /// [`Telemetry::logs_layer`].
    pub fn subscriber(mut self, subscriber: Subscriber) -> Self {
        self.subscriber = Wanted(Some(subscriber));
        self
    }
}

impl Subscriber {
    /// Lines of text: time, level, spans, target, message, fields, ids.
    pub fn text() -> Self {
        Self::new(Format::Text)
    }

    /// Shorter lines of text.
    pub fn compact() -> Self {
        Self::new(Format::Compact)
    }

    /// Several lines of text for each event, for a developer's eyes.
    pub fn pretty() -> Self {
        Self::new(Format::Pretty)
    }

    /// An object of JSON on each line.
    pub fn json() -> Self {
        Self::new(Format::Json)
    }

    fn new(format: Format) -> Self {
        Self {
            format,
            filter: None,
            default_filter: DEFAULT_FILTER.to_owned(),
            spans: DEFAULT_FILTER.to_owned(),
            writer: None,
        }
    }

    /// Which events are lines and log records, instead of what `RUST_LOG` says: directives of [`EnvFilter`], such as
    /// `info,sqlx=warn`.
    pub fn filter(mut self, directives: impl Into<String>) -> Self {
        self.filter = Some(directives.into());
        self
    }

    /// Which events are lines and log records where `RUST_LOG` is not set; `info` unless said.
    pub fn default_filter(mut self, directives: impl Into<String>) -> Self {
        self.default_filter = directives.into();
        self
    }

    /// Which spans of `tracing` become spans of OpenTelemetry; `info` unless said.
    pub fn spans(mut self, directives: impl Into<String>) -> Self {
        self.spans = directives.into();
        self
    }

    /// Writes lines to this instead of stdout, without colour: `std::io::stderr`, a file, a non-blocking writer.
    pub fn writer(mut self, writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) -> Self {
        self.writer = Some(BoxMakeWriter::new(writer));
        self
    }

    /// `RUST_LOG` is the user's, and a wrong one is worth a warning; directives in code are worth an error.
    fn directives(&self, env: &Env) -> Result<EnvFilter, SetupError> {
        if let Some(filter) = &self.filter {
            return parse("Subscriber::filter", filter);
        }
        let default = parse("Subscriber::default_filter", &self.default_filter)?;
        let Some(text) = env.text(RUST_LOG) else {
            return Ok(default);
        };
        EnvFilter::builder().parse(&text).or_else(|error| {
            let instead = format!("{} is used instead", self.default_filter);
            env.wrong(
                RUST_LOG,
                &text,
                &format!("cannot be read: {error}"),
                &instead,
            );
            Ok(default)
        })
    }

    fn lines(self, env: &Env) -> Box<dyn Layer<Registry> + Send + Sync> {
        let wants_none = env.text("NO_COLOR").is_some();
        let colours = self.writer.is_none() && io::stdout().is_terminal() && !wants_none;
        let writer = self
            .writer
            .unwrap_or_else(|| BoxMakeWriter::new(io::stdout));
        let lines = fmt::layer().with_ansi(colours).with_writer(writer);
        match self.format {
            Format::Text => lines.map_event_format(WithTraceIds::new).boxed(),
            Format::Compact => lines.compact().map_event_format(WithTraceIds::new).boxed(),
            Format::Pretty => lines.pretty().map_event_format(WithTraceIds::new).boxed(),
            Format::Json => lines.json().map_event_format(WithTraceIds::new).boxed(),
        }
    }
}

impl Wanted {
    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// A pipeline that is not the process's has no part in what is.
    pub(super) fn refuse(&self) -> Result<(), SetupError> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(SetupError::new(
                "Setup::subscriber is for the whole process, and Setup::build is not: call init, or build a subscriber of \
                 Telemetry::spans_layer, Telemetry::logs_layer and logs::WithTraceIds",
            )),
        }
    }

    /// Sets the subscriber, for good.
    pub(super) fn install(self, telemetry: &Telemetry, env: &Env) -> Result<(), SetupError> {
        let Some(subscriber) = self.0 else {
            return Ok(());
        };
        let filter = subscriber.directives(env)?;
        let wanted = parse("Subscriber::spans", &subscriber.spans)?;
        let spans = telemetry.tracer_provider()?.as_ref().map(spans);
        let records = telemetry.logs_layer()?;
        let events = subscriber.lines(env).and_then(records).with_filter(filter);
        let subscriber = Registry::default()
            .with(events)
            .with(spans.with_filter(OfSpans.and(wanted)));
        dispatcher::set_global_default(subscriber.into()).map_err(|_| {
            SetupError::new(
                "Setup::subscriber: this process has a `tracing` subscriber already, and it cannot be replaced; leave one of \
                 them out, or add Telemetry::spans_layer, Telemetry::logs_layer and logs::WithTraceIds to that one",
            )
        })?;
        let of_log = LogTracer::builder().with_max_level(LevelFilter::current().as_log());
        if of_log.init().is_err() {
            env.warn(
                "the crate `log` has a logger already: its records do not reach the `tracing` subscriber that was installed"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

fn parse(call: &str, directives: &str) -> Result<EnvFilter, SetupError> {
    EnvFilter::builder().parse(directives).map_err(|error| {
        SetupError::new(format!("{call}({directives:?}) cannot be read")).with_source(error)
    })
}
