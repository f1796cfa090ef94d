//! The SDK's bound instruments, which know their attributes already: a measurement looks nothing up.

use opentelemetry::{
    KeyValue,
    metrics::{Histogram, UpDownCounter},
};

/// Records a value with the attributes that it was bound to.
pub(crate) type Bound<T> = Box<dyn Fn(T) + Send + Sync>;

pub(crate) fn histogram<T: 'static>(
    histogram: &Histogram<T>,
    attributes: &[KeyValue],
) -> Option<Bound<T>> {
    let bound = histogram.bind(attributes);
    Some(Box::new(move |value| bound.record(value)))
}

pub(crate) fn up_down_counter<T: 'static>(
    counter: &UpDownCounter<T>,
    attributes: &[KeyValue],
) -> Option<Bound<T>> {
    let bound = counter.bind(attributes);
    Some(Box::new(move |value| bound.add(value)))
}
