//! Measurements of exchanges, through OpenTelemetry's metrics API: the instruments of a pipeline, shared by its layers.

mod catalog;
mod family;
pub(crate) mod global;
mod group;
mod instrument;
mod key;
mod labels;

use std::{
    any::Any,
    collections::HashSet,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use opentelemetry::{
    InstrumentationScope,
    metrics::{Counter, Histogram, Meter, MeterProvider, UpDownCounter},
};

pub(crate) use self::labels::Labels;
use self::{
    family::Folded,
    group::Groups,
    instrument::{Instrument, Kind, Recorder},
    key::Key,
};
use crate::{
    otel_sdk,
    semconv::measure::{Answer, Facts},
};

/// What tells people of a warning.
pub(crate) type Warn = dyn Fn(&str) + Send + Sync;

/// Where a pipeline's measurements go: the layers' meter, and what is known of its provider.
#[derive(Clone)]
pub(crate) struct Metering {
    meter: Meter,
    /// Whether instruments can be bound to their attributes. Elsewhere OpenTelemetry loses what a bound one records.
    binds: bool,
    /// Told once of each attribute that has too many values.
    warn: Option<Arc<Warn>>,
}

/// The instruments of a pipeline. Each is made when the first measurement is, and keeps the sets of attributes that were
/// seen, whichever layer saw them.
#[derive(Debug)]
pub(crate) struct Meters {
    metering: Metering,
    durations: [Instrument<Histogram<f64>>; 4],
    groups: [Groups<Duration>; 4],
    active: [Instrument<UpDownCounter<i64>>; 2],
    request_sizes: [Instrument<Histogram<u64>>; 2],
    response_sizes: [Instrument<Histogram<u64>>; 2],
    folding: Folding,
}

/// Records the durations of one series.
type Duration = Recorder<Histogram<f64>>;

/// Requests that differ by their ends alone.
pub(crate) type Group = group::Group<Duration>;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Server,
    Client,
    ServerCall,
    ClientCall,
}

/// What a measurement says besides its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) labels: &'a Labels,
    /// How many values an attribute may have.
    pub(crate) limit: usize,
}

/// An exchange that is counted as active. Dropping it counts nothing: [`end`](Self::end) does.
#[derive(Debug)]
pub(crate) struct Active(Arc<Recorder<UpDownCounter<i64>>>);

/// What became of values for which there was no room.
#[derive(Debug)]
struct Folding {
    measurements: AtomicU64,
    counter: Instrument<Counter<u64>>,
    told: Mutex<HashSet<String>>,
}

impl Metering {
    /// Takes the layers' meter from this provider now. Instruments are made when a layer first serves a request; a provider
    /// that has been shut down by then takes none.
    pub(crate) fn of<P: MeterProvider + 'static>(
        provider: &P,
        scope: InstrumentationScope,
    ) -> Self {
        Self {
            meter: provider.meter_with_scope(scope),
            binds: otel_sdk::is_meter_provider(provider as &dyn Any),
            warn: None,
        }
    }

    /// Tells warnings to this function instead of `tracing`.
    #[allow(dead_code, reason = "set-up alone has a place for warnings")]
    pub(crate) fn warn(mut self, warn: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.warn = Some(Arc::new(warn));
        self
    }
}

impl Meters {
    pub(crate) fn new(metering: Metering) -> Self {
        Self {
            metering,
            durations: catalog::DURATIONS.map(Instrument::new),
            groups: [(); 4].map(|()| Groups::new()),
            active: catalog::ACTIVE.map(Instrument::new),
            request_sizes: catalog::REQUEST_SIZES.map(Instrument::new),
            response_sizes: catalog::RESPONSE_SIZES.map(Instrument::new),
            folding: Folding {
                measurements: AtomicU64::new(0),
                counter: Instrument::new(catalog::FOLDED),
                told: Mutex::default(),
            },
        }
    }

    /// Whether a context may be of use to whoever records: the SDK's bound instruments look at none.
    pub(crate) fn sees_context(&self) -> bool {
        !self.metering.binds
    }

    /// The group of exchanges that begin like this.
    pub(crate) fn group(&self, of: Of, asked: &Facts<'_>) -> Arc<Group> {
        of.among(&self.groups).get(asked)
    }

    /// Measures an exchange that has ended. If it is by `answer` alone that it differs from others of its group, that is
    /// kept, and [`known`](Group::known) from then on.
    pub(crate) fn duration(
        &self,
        of: Of,
        seconds: f64,
        said: Said<'_>,
        group: &Arc<Group>,
        answer: Option<&Answer<'_>>,
    ) {
        let (recorder, is_folded) = self.find(of.among(&self.durations), said);
        // What goes by the name of others may be made up: there is no end of it.
        if !is_folded && said.facts.method == group.asked().method {
            let group = of.among(&self.groups).place(group);
            // An end without labels is found by its answer. A label may have come after it was looked for.
            if let Some(answer) = answer.filter(|_| said.labels.is_empty()) {
                group.keep(answer, &recorder);
            }
        }
        recorder.record(seconds);
    }

    /// Counts an exchange as active. Calls have no such metric.
    pub(crate) fn active(&self, of: Of, said: Said<'_>) -> Option<Active> {
        let recorder = self.with(of.http(&self.active)?, said);
        recorder.record(1);
        Some(Active(recorder))
    }

    pub(crate) fn request_size(&self, of: Of, bytes: u64, said: Said<'_>) {
        if let Some(instrument) = of.http(&self.request_sizes) {
            self.with(instrument, said).record(bytes);
        }
    }

    pub(crate) fn response_size(&self, of: Of, bytes: u64, said: Said<'_>) {
        if let Some(instrument) = of.http(&self.response_sizes) {
            self.with(instrument, said).record(bytes);
        }
    }

    /// How many measurements have lost a value for want of room.
    pub(crate) fn folded(&self) -> u64 {
        self.folding.measurements.load(Relaxed)
    }

    #[inline]
    fn with<I: Kind>(&self, instrument: &Instrument<I>, said: Said<'_>) -> Arc<Recorder<I>> {
        self.find(instrument, said).0
    }

    /// The series of a measurement, and whether it lost a value.
    fn find<I: Kind>(
        &self,
        instrument: &Instrument<I>,
        said: Said<'_>,
    ) -> (Arc<Recorder<I>>, bool) {
        let mut folded = Folded::new();
        let key = Key {
            facts: &said.facts,
            labels: said.labels,
        };
        let recorder = instrument.with(&self.metering, &key, said.limit, &mut folded);
        if !folded.is_empty() {
            self.tell(instrument.name(), &folded, said.limit);
        }
        (recorder, !folded.is_empty())
    }

    #[cold]
    fn tell(&self, metric: &'static str, folded: &[String], limit: usize) {
        self.folding.measurements.fetch_add(1, Relaxed);
        for attribute in folded {
            let facts = Facts {
                method: metric,
                target: Some(attribute),
                ..Facts::default()
            };
            let (facts, labels) = (&facts, &Labels::default());
            self.folding
                .counter
                .with(
                    &self.metering,
                    &Key { facts, labels },
                    usize::MAX,
                    &mut Folded::new(),
                )
                .record(1);
            if self.folding.is_news(attribute) {
                let text = format!(
                    "{metric}: {attribute} has more than {limit} values, and further ones are measured as _OTHER. \
                     A value must be one of few, a template and never a path or an id; if these are, raise the \
                     layer's cardinality_limit"
                );
                match &self.metering.warn {
                    Some(warn) => warn(&text),
                    None => otel_sdk::warn(&text),
                }
            }
        }
    }
}

impl Group {
    /// Measures an exchange of this group whose end was seen before; false if it was not.
    #[inline(always)]
    pub(crate) fn known(&self, answer: &Answer<'_>, seconds: f64) -> bool {
        let known = self.find(answer);
        if let Some(recorder) = known {
            recorder.record(seconds);
        }
        known.is_some()
    }
}

impl Of {
    fn among<T>(self, [server, client, server_call, client_call]: &[T; 4]) -> &T {
        match self {
            Self::Server => server,
            Self::Client => client,
            Self::ServerCall => server_call,
            Self::ClientCall => client_call,
        }
    }

    fn http<T>(self, [server, client]: &[T; 2]) -> Option<&T> {
        match self {
            Self::Server => Some(server),
            Self::Client => Some(client),
            Self::ServerCall | Self::ClientCall => None,
        }
    }
}

impl Active {
    pub(crate) fn end(&self) {
        self.0.record(-1);
    }
}

impl Folding {
    fn is_news(&self, attribute: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        !told.contains(attribute) && told.insert(attribute.to_owned())
    }
}

impl fmt::Debug for Metering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metering")
            .field("binds", &self.binds)
            .finish_non_exhaustive()
    }
}
