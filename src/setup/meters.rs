//! The meter provider: with the readers that the settings name, or the user's own.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use opentelemetry_sdk::{
    Resource,
    metrics::{
        Aggregation, Instrument, InstrumentKind, MeterProviderBuilder, PeriodicReader,
        SdkMeterProvider, Stream, Temporality, exporter::PushMetricExporter, reader::MetricReader,
    },
};

use super::{
    error::SetupError,
    prometheus,
    report::Report,
    settings::{self, Histograms, MetricExporter, Metrics, Reader},
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
}

impl Own {
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
        report: &Report,
    ) -> Result<Option<Self>, SetupError> {
        if let Some(provider) = own.provider {
            return Ok(Some(Self {
                provider,
                address: None,
            }));
        }
        let mut builder = SdkMeterProvider::builder().with_resource(resource.clone());
        let mut address = None;
        let mut reads = !own.readers.is_empty();
        for add in own.readers {
            builder = add(builder);
        }
        if !reads {
            let histograms = histograms(&settings.readers, report);
            for reader in &settings.readers {
                builder = match reader {
                    Reader::Periodic {
                        exporter, interval, ..
                    } => match exporter {
                        MetricExporter::Console { temporality } => {
                            reads = true;
                            let console = opentelemetry_stdout::MetricExporter::builder()
                                .with_temporality(temporality_of(*temporality))
                                .build();
                            builder.with_reader(periodic(console, *interval))
                        }
                        MetricExporter::Otlp { .. } => builder,
                    },
                    Reader::Prometheus { host, port } => {
                        let (builder, served) = prometheus::serve(builder, host, *port, report)?;
                        reads |= served.is_some();
                        address = address.or(served);
                        builder
                    }
                };
            }
            if histograms == Histograms::Base2Exponential {
                builder = builder.with_view(exponential(own.views.clone()));
            }
        }
        for view in own.views {
            builder = builder.with_view(move |instrument: &Instrument| view(instrument));
        }
        Ok(reads.then(|| Self {
            provider: builder.build(),
            address,
        }))
    }
}

fn periodic<E: PushMetricExporter>(exporter: E, interval: Duration) -> PeriodicReader<E> {
    PeriodicReader::builder(exporter)
        .with_interval(interval)
        .build()
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

/// The default aggregation of histograms; the size and scale of the specification's Metrics SDK, section "Base2
/// Exponential Bucket Histogram Aggregation". An instrument's own buckets are advice for explicit ones. What a view of
/// the user's matches is left to it: a second view would make a second stream.
fn exponential(views: Vec<View>) -> impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static {
    move |instrument| {
        let is_other = instrument.kind() != InstrumentKind::Histogram;
        if is_other || views.iter().any(|view| view(instrument).is_some()) {
            return None;
        }
        Stream::builder()
            .with_aggregation(Aggregation::Base2ExponentialHistogram {
                max_size: 160,
                max_scale: 20,
                record_min_max: true,
            })
            .build()
            .ok()
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
