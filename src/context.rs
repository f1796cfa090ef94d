//! The context, for handlers and for the tasks they start.

mod baggage;
mod carried;
mod carrier;

use std::fmt;

pub use self::{
    baggage::BaggageError,
    carried::{Carried, CarryExt},
};
use crate::{lost::Wanted, span::SpanIds};

/// The active span, the baggage, and whatever else OpenTelemetry's context holds, such as whether telemetry is
/// suppressed: all of it together, to be taken elsewhere.
///
/// In a handler the current context is the request's, in each poll of the handler and of the response's body. A thread,
/// a task or a callback of its own knows nothing of it until it is handed over:
///
/// ```
/// # async fn chat(socket: ()) {}
/// use throughline::Context;
///
/// # fn handler(on_upgrade: impl FnOnce(())) {}
/// # fn example() {
/// // A thread. For a task there is `throughline::spawn`.
/// let context = Context::current();
/// std::thread::spawn(move || context.in_scope(|| println!("{:?}", throughline::current_ids())));
///
/// // A callback that makes a future, such as that of axum's `on_upgrade`, or of a parallel iterator.
/// let context = Context::current();
/// let on_upgrade = move |socket| context.carry(chat(socket));
/// # let _ = on_upgrade(());
/// # }
/// # example();
/// ```
///
/// It is a value: no change of it is seen by who has another. Cloning is a few increments. What it holds lives as long as
/// it does; the request's span ends with its exchange all the same.
#[derive(Clone)]
pub struct Context(pub(crate) opentelemetry::Context);

/// The ids of the current span: in a handler, the request's. `None` outside of any trace.
///
/// ```
/// if let Some(ids) = throughline::current_ids() {
///     println!("trace {}", ids.trace_id_hex());
/// }
/// ```
pub fn current_ids() -> Option<SpanIds> {
    opentelemetry::Context::map_current(ids)
}

/// Carries the current context into a future or stream that is polled elsewhere: it is current in each of its polls, and
/// when it is dropped. Short for `Context::current().carry(inner)`.
///
/// A task of its own does not know the request that started it; spans made in it would be roots.
///
/// ```
/// # async fn audit() {}
/// # async fn handler() {
/// let mut tasks = tokio::task::JoinSet::new();
/// tasks.spawn(throughline::carry(audit()));
/// # }
/// ```
pub fn carry<T>(inner: T) -> Carried<T> {
    Context::current().carry(inner)
}

impl Context {
    /// What is current on this thread, now.
    pub fn current() -> Self {
        Self(opentelemetry::Context::current())
    }

    /// A context without a span and without baggage: what is made in it begins traces of its own. For work that belongs to
    /// no request, though one may have set it off. Telemetry that is suppressed here stays so.
    pub fn root() -> Self {
        let root = opentelemetry::Context::new().with_value(Wanted);
        if opentelemetry::Context::map_current(opentelemetry::Context::is_telemetry_suppressed) {
            Self(root.with_telemetry_suppressed())
        } else {
            Self(root)
        }
    }

    /// The ids of its span; `None` where it has none.
    pub fn ids(&self) -> Option<SpanIds> {
        ids(&self.0)
    }

    /// Makes a future or a stream run in this context: it is current in each of its polls, and when it is dropped.
    pub fn carry<T>(&self, inner: T) -> Carried<T> {
        Carried::new(inner, self.0.clone())
    }

    /// Runs a function in this context.
    pub fn in_scope<R>(&self, run: impl FnOnce() -> R) -> R {
        let _context = self.0.clone().attach();
        run()
    }
}

impl fmt::Debug for Context {
    /// The ids: what is in a baggage is nobody else's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Context").field(&self.ids()).finish()
    }
}

fn ids(context: &opentelemetry::Context) -> Option<SpanIds> {
    let ids = SpanIds::of(context);
    ids.is_valid().then_some(ids)
}
