//! The instruments by name, unit and buckets (HTTP metrics; RPC metrics), and what records on them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter, UpDownCounter},
};

use super::{
    Metering,
    family::{Family, Folded},
    key::Key,
    labels::Labels,
};
use crate::{
    bound_extensions::{self, Bound},
    semconv::{Name, Sink, measure::Facts},
    span::attributes::to_otel,
    value::Value,
};

/// An instrument of one kind, with its series. It is made when the first measurement is.
#[derive(Debug)]
pub(super) struct Instrument<I: Kind> {
    what: What,
    made: OnceLock<I>,
    series: Family<Recorder<I>>,
}

/// What an instrument measures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    name: &'static str,
    description: &'static str,
    unit: Unit,
    /// Writes the attributes of a measurement.
    says: fn(&Facts<'_>, &mut Prepared),
    /// What it calls the method, and the route or template.
    open: (&'static str, &'static str),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Seconds,
    Bytes,
    Requests,
    Measurements,
}

/// The attributes of a series, as they are handed to OpenTelemetry.
#[derive(Debug, Default)]
pub(super) struct Prepared(Vec<KeyValue>);

/// An instrument with its attributes.
pub(crate) enum Recorder<I: Kind> {
    Bound(Bound<I::Value>),
    /// Where instruments cannot be bound.
    Prepared(I, Box<[KeyValue]>),
}

/// What the instruments of OpenTelemetry have in common.
pub(crate) trait Kind: Clone {
    type Value: Copy + 'static;

    fn make(meter: &Meter, what: &What) -> Self;
    fn record(&self, value: Self::Value, attributes: &[KeyValue]);
    fn bind(&self, attributes: &[KeyValue]) -> Option<Bound<Self::Value>>;
}

impl<I: Kind> Instrument<I> {
    pub(super) fn new(what: What) -> Self {
        let (method, target) = what.open;
        Self {
            what,
            made: OnceLock::new(),
            series: Family::new(method, target),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.what.name
    }

    /// What records measurements of this key.
    #[inline]
    pub(super) fn with(
        &self,
        metering: &Metering,
        key: &Key<'_>,
        limit: usize,
        folded: &mut Folded,
    ) -> Arc<Recorder<I>> {
        self.series
            .series(key, limit, folded, |key| self.recorder(metering, key))
    }

    fn recorder(&self, metering: &Metering, key: &Key<'_>) -> Recorder<I> {
        let instrument = self
            .made
            .get_or_init(|| I::make(&metering.meter, &self.what));
        let mut prepared = Prepared::default();
        (self.what.says)(key.facts, &mut prepared);
        let attributes = prepared.with(key.labels);
        let bound = metering.binds.then(|| instrument.bind(&attributes));
        match bound.flatten() {
            Some(bound) => Recorder::Bound(bound),
            None => Recorder::Prepared(instrument.clone(), attributes.into()),
        }
    }
}

impl Prepared {
    /// With the labels whose names are not taken, in the order in which the SDK keeps them, which saves it from sorting.
    fn with(mut self, labels: &Labels) -> Vec<KeyValue> {
        for label in labels.iter() {
            if self.0.iter().all(|kept| kept.key.as_str() != label.name) {
                self.0.push(label.key_value());
            }
        }
        self.0.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        self.0
    }
}

impl Sink for Prepared {
    fn set<'v>(&mut self, name: impl Into<Name>, value: impl Into<Value<'v>>) {
        let key = match name.into() {
            Name::Static(name) => opentelemetry::Key::from_static_str(name),
            Name::Shared(name) => opentelemetry::Key::from(name),
        };
        self.0.push(KeyValue::new(key, to_otel(value.into())));
    }
}

impl<I: Kind> Recorder<I> {
    pub(super) fn record(&self, value: I::Value) {
        match self {
            Self::Bound(record) => record(value),
            Self::Prepared(instrument, attributes) => instrument.record(value, attributes),
        }
    }
}

impl What {
    /// `open` names the method, and the route or template.
    pub(super) const fn new(
        name: &'static str,
        description: &'static str,
        unit: Unit,
        says: fn(&Facts<'_>, &mut Prepared),
        open: (&'static str, &'static str),
    ) -> Self {
        Self {
            name,
            description,
            unit,
            says,
            open,
        }
    }
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "By",
            Self::Requests => "{request}",
            Self::Measurements => "{measurement}",
        }
    }

    /// The conventions' own for durations; the SDK's would be for milliseconds. For sizes they advise none, so those are
    /// the provider's.
    fn buckets(self) -> Option<Vec<f64>> {
        const SECONDS: [f64; 14] = [
            0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
        ];
        match self {
            Self::Seconds => Some(SECONDS.to_vec()),
            Self::Bytes | Self::Requests | Self::Measurements => None,
        }
    }
}

impl Kind for Histogram<f64> {
    type Value = f64;

    fn make(meter: &Meter, what: &What) -> Self {
        let builder = meter
            .f64_histogram(what.name)
            .with_description(what.description)
            .with_unit(what.unit.as_str());
        match what.unit.buckets() {
            Some(buckets) => builder.with_boundaries(buckets).build(),
            None => builder.build(),
        }
    }

    fn record(&self, value: f64, attributes: &[KeyValue]) {
        self.record(value, attributes);
    }

    fn bind(&self, attributes: &[KeyValue]) -> Option<Bound<f64>> {
        bound_extensions::histogram(self, attributes)
    }
}

impl Kind for Histogram<u64> {
    type Value = u64;

    fn make(meter: &Meter, what: &What) -> Self {
        let builder = meter
            .u64_histogram(what.name)
            .with_description(what.description)
            .with_unit(what.unit.as_str());
        match what.unit.buckets() {
            Some(buckets) => builder.with_boundaries(buckets).build(),
            None => builder.build(),
        }
    }

    fn record(&self, value: u64, attributes: &[KeyValue]) {
        self.record(value, attributes);
    }

    fn bind(&self, attributes: &[KeyValue]) -> Option<Bound<u64>> {
        bound_extensions::histogram(self, attributes)
    }
}

impl Kind for UpDownCounter<i64> {
    type Value = i64;

    fn make(meter: &Meter, what: &What) -> Self {
        meter
            .i64_up_down_counter(what.name)
            .with_description(what.description)
            .with_unit(what.unit.as_str())
            .build()
    }

    fn record(&self, value: i64, attributes: &[KeyValue]) {
        self.add(value, attributes);
    }

    fn bind(&self, attributes: &[KeyValue]) -> Option<Bound<i64>> {
        bound_extensions::up_down_counter(self, attributes)
    }
}

impl Kind for Counter<u64> {
    type Value = u64;

    fn make(meter: &Meter, what: &What) -> Self {
        meter
            .u64_counter(what.name)
            .with_description(what.description)
            .with_unit(what.unit.as_str())
            .build()
    }

    fn record(&self, value: u64, attributes: &[KeyValue]) {
        self.add(value, attributes);
    }

    /// It counts what should not be, and need not be fast.
    fn bind(&self, _attributes: &[KeyValue]) -> Option<Bound<u64>> {
        None
    }
}

impl<I: Kind> fmt::Debug for Recorder<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bound(_) => "Bound",
            Self::Prepared(..) => "Prepared",
        })
    }
}
