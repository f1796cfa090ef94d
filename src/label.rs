//! What a handler adds to the measurements of its request.

use std::borrow::Cow;

use crate::{exchange, value::Value};

/// Adds an attribute to the metrics of the current request, in place of an earlier value of this name: a tenant's tier,
/// an API's version, whether a cache had it.
///
/// The current request is the innermost that a layer of this crate serves or sends on this task: call it in a handler or
/// in a service inside of the layer, in any depth, up to the end of the response's body. A task or thread of its own has no current
/// request, also where it is started by [`spawn`](crate::spawn) or has the context [`carry`](crate::carry) gave it. It counts for each of the
/// request's metrics that is recorded at the end, sampled or not, and not for the active requests. Elsewhere, and where
/// nothing is measured, it does nothing. A hook has [`SpanMut::label`](crate::SpanMut::label) instead.
///
/// Each value is a time series of its own: there must be few. Beyond the layer's `cardinality_limit` they become
/// `_OTHER`. A value is text, a whole number or a flag; a name that is empty or that the metric has already, and a ninth
/// label of one request, are left out.
///
/// ```
/// # async fn handle() {
/// throughline::label("tenant.tier", "gold");
/// # }
/// ```
pub fn label<'v>(name: impl Into<Cow<'static, str>>, value: impl Into<Value<'v>>) {
    exchange::current(|slot| {
        if let Some(state) = slot.state() {
            state.label(name.into(), value.into());
        }
    });
}
