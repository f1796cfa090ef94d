//! Without set-up nothing is known of the SDK, and OpenTelemetry's API would lose what its bound instruments record.

use opentelemetry::{
    KeyValue,
    metrics::{Histogram, UpDownCounter},
};

/// Records a value with the attributes that it was bound to.
pub(crate) type Bound<T> = Box<dyn Fn(T) + Send + Sync>;

pub(crate) fn histogram<T>(
    _histogram: &Histogram<T>,
    _attributes: &[KeyValue],
) -> Option<Bound<T>> {
    None
}

pub(crate) fn up_down_counter<T>(
    _counter: &UpDownCounter<T>,
    _attributes: &[KeyValue],
) -> Option<Bound<T>> {
    None
}
