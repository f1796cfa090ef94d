//! What became of spans, as metrics: observed when they are collected, at no cost for who ends a span.
//!
//! The names are those of the semantic conventions, "OpenTelemetry SDK metrics". Nothing is observed before there is a
//! first span: who never traces is silent.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::{
    InstrumentationScope, KeyValue,
    metrics::{AsyncInstrument, Meter, MeterProvider},
};

use super::{
    batch::{Account, Snapshot},
    sampler::{TailCounts, tail::Counts},
};
use crate::{
    semconv::names::{ERROR_TYPE, SERVER_ADDRESS, SERVER_PORT},
    telemetry::SCHEMA_URL,
};

/// The scope of these metrics alone: they are no reason to send anything.
pub(super) const SCOPE: &str = "throughline.setup";

const COMPONENT_NAME: &str = "otel.component.name";
const COMPONENT_TYPE: &str = "otel.component.type";
const TAIL_DECISION: &str = "throughline.tail.decision";
const PROCESSOR: &str = "batching_span_processor";
const SPAN: &str = "{span}";

/// Several numbers of one source, each a series.
type Numbers<C> = fn(&C) -> Vec<(Option<&'static str>, u64)>;

/// A metric of the queues, or of the exporters behind them.
struct Metric<C> {
    name: &'static str,
    description: &'static str,
    kind: Kind,
    numbers: Numbers<C>,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    UpDownCounter,
}

/// Exporters with their queues, all as they were at one moment.
struct Watched {
    accounts: Vec<Arc<Account>>,
    processors: Vec<Vec<KeyValue>>,
    exporters: Vec<Vec<KeyValue>>,
    now: Mutex<Now>,
}

/// One collection, as far as it has come.
#[derive(Default)]
struct Now {
    snapshots: Vec<Snapshot>,
    /// The metrics that were read of them.
    read: Vec<&'static str>,
}

/// Counts of these go where metrics of this provider go.
pub(super) fn observe(
    provider: &impl MeterProvider,
    accounts: &[Arc<Account>],
    tail: Option<&Arc<Counts>>,
) {
    let scope = InstrumentationScope::builder(SCOPE)
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL);
    let meter = provider.meter_with_scope(scope.build());
    if !accounts.is_empty() {
        let watched = Arc::new(Watched::new(accounts.to_vec()));
        for metric in OF_PROCESSORS {
            let watched = Arc::clone(&watched);
            metric.observe(&meter, ERROR_TYPE, move |metric, series| {
                watched.each(&watched.processors, metric, series);
            });
        }
        for metric in OF_EXPORTERS {
            let watched = Arc::clone(&watched);
            metric.observe(&meter, ERROR_TYPE, move |metric, series| {
                watched.each(&watched.exporters, metric, series);
            });
        }
    }
    if let Some(tail) = tail {
        for metric in OF_TAIL {
            let tail = Arc::clone(tail);
            metric.observe(&meter, TAIL_DECISION, move |metric, series| {
                let counts = tail.read();
                if counts != TailCounts::default() {
                    series(&[], (metric.numbers)(&counts));
                }
            });
        }
    }
}

/// Where a callback puts series: attributes that they share, and the numbers.
type Series<'a> = dyn Fn(&[KeyValue], Vec<(Option<&'static str>, u64)>) + 'a;

impl<C: 'static> Metric<C> {
    fn observe(
        self,
        meter: &Meter,
        label: &'static str,
        callback: impl Fn(&Self, &Series<'_>) + Send + Sync + 'static,
    ) {
        let (name, description) = (self.name, self.description);
        match self.kind {
            Kind::Counter => {
                let _registered = meter
                    .u64_observable_counter(name)
                    .with_description(description)
                    .with_unit(SPAN)
                    .with_callback(move |counter| {
                        callback(&self, &|shared, numbers| {
                            put(counter, label, shared, numbers, |number| number);
                        });
                    })
                    .build();
            }
            Kind::UpDownCounter => {
                let _registered = meter
                    .i64_observable_up_down_counter(name)
                    .with_description(description)
                    .with_unit(SPAN)
                    .with_callback(move |counter| {
                        callback(&self, &|shared, numbers| {
                            put(counter, label, shared, numbers, |number| {
                                i64::try_from(number).unwrap_or(i64::MAX)
                            });
                        });
                    })
                    .build();
            }
        }
    }
}

fn put<T>(
    instrument: &dyn AsyncInstrument<T>,
    label: &'static str,
    shared: &[KeyValue],
    numbers: Vec<(Option<&'static str>, u64)>,
    number_of: impl Fn(u64) -> T,
) {
    for (value, number) in numbers {
        let mut attributes = shared.to_vec();
        attributes.extend(value.map(|value| KeyValue::new(label, value)));
        instrument.observe(number_of(number), &attributes);
    }
}

impl Watched {
    fn new(accounts: Vec<Arc<Account>>) -> Self {
        let mut kinds = Vec::new();
        let exporters = accounts.iter().map(|account| {
            let exporter = &account.exporter;
            let before = kinds.iter().filter(|kind| **kind == exporter.kind).count();
            kinds.push(exporter.kind);
            let mut attributes = component(exporter.kind, before);
            if let Some((address, port)) = &exporter.server {
                attributes.push(KeyValue::new(SERVER_ADDRESS, address.clone()));
                attributes.push(KeyValue::new(SERVER_PORT, i64::from(*port)));
            }
            attributes
        });
        let exporters = exporters.collect();
        let processors = (0..accounts.len()).map(|index| component(PROCESSOR, index));
        Self {
            processors: processors.collect(),
            exporters,
            accounts,
            now: Mutex::default(),
        }
    }

    /// A metric that is read again begins a collection: which is the first of one, the user's views decide.
    fn each(&self, of: &[Vec<KeyValue>], metric: &Metric<Snapshot>, series: &Series<'_>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.snapshots.is_empty() || now.read.contains(&metric.name) {
            let snapshots = self.accounts.iter().map(|account| account.snapshot());
            now.snapshots = snapshots.collect();
            now.read.clear();
        }
        now.read.push(metric.name);
        for (shared, snapshot) in of.iter().zip(&now.snapshots) {
            if snapshot.counts.made > 0 {
                series(shared, (metric.numbers)(snapshot));
            }
        }
    }
}

fn component(kind: &'static str, index: usize) -> Vec<KeyValue> {
    vec![
        KeyValue::new(COMPONENT_TYPE, kind),
        KeyValue::new(COMPONENT_NAME, format!("{kind}/{index}")),
    ]
}

const OF_PROCESSORS: [Metric<Snapshot>; 3] = [
    Metric {
        name: "otel.sdk.processor.span.processed",
        description: "Spans that were handed to the exporter, or dropped before.",
        kind: Kind::Counter,
        numbers: |now| {
            let counts = &now.counts;
            let failed = counts.dropped_queue_full + counts.dropped_closed;
            vec![
                (None, counts.made - failed - now.waiting),
                (Some("queue_full"), counts.dropped_queue_full),
                (
                    Some("already_shutdown"),
                    counts.dropped_closed - now.abandoned,
                ),
                (Some("shutdown_timeout"), now.abandoned),
            ]
        },
    },
    Metric {
        name: "otel.sdk.processor.span.queue.size",
        description: "Spans that wait for the exporter.",
        kind: Kind::UpDownCounter,
        numbers: |now| vec![(None, now.waiting)],
    },
    Metric {
        name: "otel.sdk.processor.span.queue.capacity",
        description: "As many spans may wait for the exporter; large ones may find less room.",
        kind: Kind::UpDownCounter,
        numbers: |now| vec![(None, now.capacity)],
    },
];

const OF_EXPORTERS: [Metric<Snapshot>; 2] = [
    Metric {
        name: "otel.sdk.exporter.span.exported",
        description: "Spans whose export is over, well or not.",
        kind: Kind::Counter,
        numbers: |now| {
            let counts = &now.counts;
            vec![
                (None, counts.acknowledged),
                (Some("rejected"), counts.rejected),
                (Some("undelivered"), counts.dropped_undelivered),
                (Some("unknown"), counts.unknown),
            ]
        },
    },
    Metric {
        name: "otel.sdk.exporter.span.inflight",
        description: "Spans that were handed to the exporter, and whose export is not over.",
        kind: Kind::UpDownCounter,
        numbers: |now| vec![(None, now.in_flight)],
    },
];

const OF_TAIL: [Metric<TailCounts>; 2] = [
    Metric {
        name: "throughline.tail.span.decided",
        description: "Spans that nobody had sampled when they ended, by what became of them.",
        kind: Kind::Counter,
        numbers: |counts| {
            vec![
                (Some("kept"), counts.kept),
                (Some("discarded"), counts.discarded),
                (Some("lost"), counts.lost),
            ]
        },
    },
    Metric {
        name: "throughline.tail.span.waiting",
        description: "Spans that wait for their local root to end.",
        kind: Kind::UpDownCounter,
        numbers: |counts| vec![(None, counts.waiting)],
    },
];
