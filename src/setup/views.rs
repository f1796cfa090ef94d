//! Views of metrics, as settings and as what the SDK takes.

use opentelemetry::Key;
use opentelemetry_sdk::metrics::{self, Instrument, InstrumentKind};

use super::settings::Histograms;

/// What becomes of some instruments.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) selector: Selector,
    pub(super) stream: Stream,
}

/// Which instruments: those for which all that is said is so.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    /// With `*` for any characters and `?` for one.
    pub(super) instrument_name: Option<String>,
    pub(super) kind: Option<Kind>,
    pub(super) unit: Option<String>,
    pub(super) meter_name: Option<String>,
    pub(super) meter_version: Option<String>,
    pub(super) meter_schema_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
}

/// What is said instead of the instrument's own.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) aggregation: Option<Aggregation>,
    pub(super) cardinality_limit: Option<usize>,
    /// The attributes that stay.
    pub(super) attribute_keys: Option<Vec<String>>,
}

/// How many attribute sets a stream tells apart, where no view says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Of other kinds. `None` leaves it to the SDK.
    pub(super) default: Option<usize>,
    pub(super) of_kinds: Vec<(Kind, usize)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Aggregation {
    Default,
    Drop,
    Sum,
    LastValue,
    ExplicitBuckets {
        boundaries: Option<Vec<f64>>,
        record_min_max: bool,
    },
    Base2Exponential {
        max_size: u32,
        max_scale: i8,
        record_min_max: bool,
    },
}

/// The specification's (Metrics SDK, "Explicit Bucket Histogram Aggregation").
const BOUNDARIES: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10000.0,
];

impl View {
    /// What the SDK asks for each instrument.
    pub(super) fn of(&self, instrument: &Instrument, limits: &Limits) -> Option<metrics::Stream> {
        if !self.selector.selects(instrument) {
            return None;
        }
        let own = self.stream.cardinality_limit;
        let stream = Stream {
            cardinality_limit: own.or_else(|| limits.of(instrument)),
            ..self.stream.clone()
        };
        stream.build().ok()
    }
}

impl Selector {
    fn selects(&self, instrument: &Instrument) -> bool {
        let scope = instrument.scope();
        let is = |wanted: &Option<String>, is: Option<&str>| match wanted {
            None => true,
            Some(wanted) => Some(wanted.as_str()) == is,
        };
        let name = self.instrument_name.as_deref();
        name.is_none_or(|pattern| matches(pattern, instrument.name()))
            && self
                .kind
                .is_none_or(|kind| kind.of_sdk() == instrument.kind())
            && is(&self.unit, Some(instrument.unit()))
            && is(&self.meter_name, Some(scope.name()))
            && is(&self.meter_version, scope.version())
            && is(&self.meter_schema_url, scope.schema_url())
    }
}

impl Limits {
    fn of(&self, instrument: &Instrument) -> Option<usize> {
        let mut of_kinds = self.of_kinds.iter();
        let own = of_kinds.find(|(kind, _)| kind.of_sdk() == instrument.kind());
        own.map(|(_, limit)| *limit).or(self.default)
    }
}

impl Kind {
    fn of_sdk(self) -> InstrumentKind {
        match self {
            Self::Counter => InstrumentKind::Counter,
            Self::Gauge => InstrumentKind::Gauge,
            Self::Histogram => InstrumentKind::Histogram,
            Self::ObservableCounter => InstrumentKind::ObservableCounter,
            Self::ObservableGauge => InstrumentKind::ObservableGauge,
            Self::ObservableUpDownCounter => InstrumentKind::ObservableUpDownCounter,
            Self::UpDownCounter => InstrumentKind::UpDownCounter,
        }
    }
}

impl Stream {
    /// An error says what the SDK does not take.
    pub(super) fn build(&self) -> Result<metrics::Stream, String> {
        let mut stream = metrics::Stream::builder();
        if let Some(name) = &self.name {
            stream = stream.with_name(name.clone());
        }
        if let Some(description) = &self.description {
            stream = stream.with_description(description.clone());
        }
        if let Some(aggregation) = &self.aggregation {
            stream = stream.with_aggregation(aggregation.of_sdk());
        }
        if let Some(limit) = self.cardinality_limit {
            stream = stream.with_cardinality_limit(limit);
        }
        if let Some(keys) = &self.attribute_keys {
            let keys = keys.iter().cloned().map(Key::from);
            stream = stream.with_allowed_attribute_keys(keys);
        }
        stream.build().map_err(|error| error.to_string())
    }
}

impl Aggregation {
    fn of_sdk(&self) -> metrics::Aggregation {
        match self {
            Self::Default => metrics::Aggregation::Default,
            Self::Drop => metrics::Aggregation::Drop,
            Self::Sum => metrics::Aggregation::Sum,
            Self::LastValue => metrics::Aggregation::LastValue,
            Self::ExplicitBuckets {
                boundaries,
                record_min_max,
            } => metrics::Aggregation::ExplicitBucketHistogram {
                boundaries: boundaries.clone().unwrap_or_else(|| BOUNDARIES.to_vec()),
                record_min_max: *record_min_max,
            },
            Self::Base2Exponential {
                max_size,
                max_scale,
                record_min_max,
            } => metrics::Aggregation::Base2ExponentialHistogram {
                max_size: *max_size,
                max_scale: *max_scale,
                record_min_max: *record_min_max,
            },
        }
    }
}

/// What becomes of an instrument that no view selects: a second view would make a second stream.
pub(super) fn unselected(
    instrument: &Instrument,
    histograms: Histograms,
    limits: &Limits,
) -> Option<metrics::Stream> {
    let is_exponential = instrument.kind() == InstrumentKind::Histogram
        && histograms == Histograms::Base2Exponential;
    let stream = Stream {
        aggregation: is_exponential.then_some(EXPONENTIAL),
        cardinality_limit: limits.of(instrument),
        ..Stream::default()
    };
    let says_something = stream.aggregation.is_some() || stream.cardinality_limit.is_some();
    says_something.then(|| stream.build().ok())?
}

/// The size and scale of the specification's Metrics SDK, section "Base2 Exponential Bucket Histogram Aggregation". An
/// instrument's own buckets are advice for explicit ones.
const EXPONENTIAL: Aggregation = Aggregation::Base2Exponential {
    max_size: 160,
    max_scale: 20,
    record_min_max: true,
};

/// Whether a name is of this pattern, in any case of its letters, as instruments' names are.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_ascii_lowercase().chars().collect();
    // Which beginnings of the pattern the name so far can be.
    let mut open = vec![false; pattern.len() + 1];
    let close = |open: &mut [bool]| {
        for (at, c) in pattern.iter().enumerate() {
            if *c == '*'
                && open.get(at) == Some(&true)
                && let Some(next) = open.get_mut(at + 1)
            {
                *next = true;
            }
        }
    };
    if let Some(first) = open.first_mut() {
        *first = true;
    }
    close(&mut open);
    for c in name.to_ascii_lowercase().chars() {
        let mut next = vec![false; open.len()];
        for (at, wanted) in pattern.iter().enumerate() {
            if open.get(at) != Some(&true) {
                continue;
            }
            let to = if *wanted == '*' { at } else { at + 1 };
            if (matches!(wanted, '*' | '?') || *wanted == c)
                && let Some(place) = next.get_mut(to)
            {
                *place = true;
            }
        }
        open = next;
        close(&mut open);
    }
    open.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, is) in [
            ("a.b", "a.b", true),
            ("A.b", "a.B", true),
            ("a.b", "a.bc", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }
}
