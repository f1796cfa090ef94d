//! The meter provider: with the readers that the settings name, or the user's own.

mod idle;
mod push;

use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    metrics::{
        Instrument, MeterProviderBuilder, SdkMeterProvider, Stream, Temporality,
        exporter::PushMetricExporter, reader::MetricReader,
    },
};

use self::push::End;
use super::{
    error::SetupError,
    ledger::Ledger,
    otlp, prometheus,
    report::Report,
    settings::{self, Histograms, MetricExporter, Metrics, Otlp, Reader},
    transport::thread::Thread,
    views::unselected,
};

/// A reader of the user's, whose type is forgotten.
type AddReader = Box<dyn FnOnce(MeterProviderBuilder) -> MeterProviderBuilder + Send>;
type View = Arc<dyn Fn(&Instrument) -> Option<Stream> + Send + Sync>;

/// What code gives.
#[derive(Default)]
pub(super) struct Own {
    pub(super) provider: Option<SdkMeterProvider>,
    readers: Vec<AddReader>,
    views: Vec<View>,
}

/// A running provider.
#[derive(Clone, Debug)]
pub(super) struct Meters {
    pub(super) provider: SdkMeterProvider,
    /// Where `/metrics` is served.
    pub(super) address: Option<SocketAddr>,
    /// Of each reader of ours that pushes.
    ends: Vec<End>,
    /// Whether all readers are ours: what the SDK says of them is then no more than that it has not waited.
    is_ours: bool,
    ledgers: Vec<Arc<Ledger>>,
}

/// A provider in the making.
struct Readers<'a> {
    builder: MeterProviderBuilder,
    count: usize,
    address: Option<SocketAddr>,
    ends: Vec<End>,
    ledgers: Vec<Arc<Ledger>>,
    thread: &'a Thread,
    report: &'a Report,
}

impl Own {
    /// Whether readers or a provider stand instead of what the settings name.
    pub(super) fn is_given(&self) -> bool {
        self.provider.is_some() || !self.readers.is_empty()
    }

    pub(super) fn reader(&mut self, reader: impl MetricReader) {
        self.readers
            .push(Box::new(move |builder| builder.with_reader(reader)));
    }

    pub(super) fn view(
        &mut self,
        view: impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static,
    ) {
        self.views.push(Arc::new(view));
    }
}

impl Meters {
    /// The user's provider, else one with the user's readers, else with those of the settings. None of these is none:
    /// nothing is measured then.
    pub(super) fn start(
        own: Own,
        settings: &Metrics,
        resource: &Resource,
        thread: &Thread,
        report: &Report,
    ) -> Result<Option<Self>, SetupError> {
        let mut readers = Readers {
            builder: SdkMeterProvider::builder().with_resource(resource.clone()),
            count: own.readers.len(),
            address: None,
            ends: Vec::new(),
            ledgers: Vec::new(),
            thread,
            report,
        };
        if let Some(provider) = own.provider {
            return Ok(Some(readers.around(provider, false)));
        }
        let is_ours = own.readers.is_empty();
        if is_ours {
            for reader in &settings.readers {
                readers = readers.and(reader)?;
            }
            let (selecting, limits) = (own.views.clone(), settings.limits.clone());
            let histograms = histograms(&settings.readers, report);
            readers.builder = readers.builder.with_view(move |instrument: &Instrument| {
                let is_selected = selecting.iter().any(|view| view(instrument).is_some());
                (!is_selected).then(|| unselected(instrument, histograms, &limits))?
            });
        }
        for add in own.readers {
            readers.builder = add(readers.builder);
        }
        for view in own.views {
            let view = move |instrument: &Instrument| view(instrument);
            readers.builder = readers.builder.with_view(view);
        }
        if readers.count == 0 {
            return Ok(None);
        }
        let provider = std::mem::take(&mut readers.builder).build();
        Ok(Some(readers.around(provider, is_ours)))
    }

    /// Sends what was measured until now.
    pub(super) fn flush(&self) -> OTelSdkResult {
        self.provider.force_flush()
    }

    /// Sends what was measured until now, for the last time.
    pub(super) fn shutdown(&self, deadline: Duration) -> OTelSdkResult {
        let begin = Instant::now();
        match self.provider.shutdown_with_timeout(deadline) {
            Err(OTelSdkError::AlreadyShutdown) => Ok(()),
            Err(_) if self.is_ours => {
                let left = || deadline.saturating_sub(begin.elapsed());
                if self.ends.iter().all(|end| end.wait(left())) {
                    Ok(())
                } else {
                    Err(OTelSdkError::Timeout(deadline))
                }
            }
            result => result,
        }
    }

    /// Whether there may be a reader that sends on its own, the last at the end.
    pub(super) fn push(&self) -> bool {
        !self.is_ours || !self.ends.is_empty()
    }

    /// Why the last that was lost was, where nobody was told how much it is.
    pub(super) fn undelivered(&self) -> Option<String> {
        self.ledgers.iter().find_map(|ledger| {
            let (lost, cause) = ledger.untold();
            cause.filter(|_| lost > 0)
        })
    }
}

impl Readers<'_> {
    fn and(mut self, reader: &Reader) -> Result<Self, SetupError> {
        match reader {
            Reader::Periodic {
                exporter,
                interval,
                timeout,
            } => match exporter {
                MetricExporter::Console { temporality } => {
                    let console = opentelemetry_stdout::MetricExporter::builder()
                        .with_temporality(temporality_of(*temporality));
                    self.push(console.build(), None, *interval);
                }
                MetricExporter::Otlp {
                    otlp, temporality, ..
                } => {
                    let otlp = Otlp {
                        timeout: shorter(otlp.timeout, *timeout),
                        ..Otlp::clone(otlp)
                    };
                    let (exporter, ledger) =
                        otlp::metrics(&otlp, *temporality, self.thread, self.report)?;
                    self.ledgers.push(Arc::clone(&ledger));
                    self.push(exporter, Some(ledger), *interval);
                }
            },
            Reader::Prometheus { host, port } => {
                let served = prometheus::serve(self.builder, host, *port, self.report)?;
                self.builder = served.0;
                self.count += usize::from(served.1.is_some());
                self.address = self.address.or(served.1);
            }
        }
        Ok(self)
    }

    fn push(
        &mut self,
        exporter: impl PushMetricExporter,
        ledger: Option<Arc<Ledger>>,
        interval: Duration,
    ) {
        let (reader, end) = push::reader(exporter, ledger, interval);
        self.ends.push(end);
        self.count += 1;
        self.builder = std::mem::take(&mut self.builder).with_reader(reader);
    }

    fn around(self, provider: SdkMeterProvider, is_ours: bool) -> Meters {
        Meters {
            provider,
            address: self.address,
            ends: self.ends,
            is_ours,
            ledgers: self.ledgers,
        }
    }
}

/// `None` is without limit.
fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// One for all readers: the SDK has no aggregation of a single reader's. Prometheus' text knows explicit buckets alone.
fn histograms(readers: &[Reader], report: &Report) -> Histograms {
    let wanted = readers.iter().any(|reader| {
        matches!(
            reader,
            Reader::Periodic {
                exporter: MetricExporter::Otlp {
                    histograms: Histograms::Base2Exponential,
                    ..
                },
                ..
            }
        )
    });
    let serves = readers
        .iter()
        .any(|reader| matches!(reader, Reader::Prometheus { .. }));
    match (wanted, serves) {
        (true, false) => Histograms::Base2Exponential,
        (true, true) => {
            report.warn(
                "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION asks for exponential histograms, which Prometheus \
                 cannot be served beside: explicit buckets are used for both",
            );
            Histograms::ExplicitBuckets
        }
        (false, _) => Histograms::ExplicitBuckets,
    }
}

fn temporality_of(temporality: settings::Temporality) -> Temporality {
    match temporality {
        settings::Temporality::Cumulative => Temporality::Cumulative,
        settings::Temporality::Delta => Temporality::Delta,
        settings::Temporality::LowMemory => Temporality::LowMemory,
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own")
            .field("provider", &self.provider.is_some())
            .field("readers", &self.readers.len())
            .field("views", &self.views.len())
            .finish()
    }
}
