//! Tasks of Tokio's that belong to the request that starts them.

use tokio::task::{self, JoinHandle};

use crate::context::{Context, carry};

/// [`tokio::spawn`], with the current context: the spans and calls of the task are children of the span that is current
/// here, in a handler the request's, and it has the request's baggage.
///
/// The request is not held up by it. Its span ends with its exchange, and those of the task may end after that: they stay
/// its children, and a viewer shows them reaching beyond it. Where the task is to be a trace of its own, use
/// [`Context::root`].
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// # async fn audit() {}
/// let task = throughline::spawn(audit());
/// # task.await.unwrap();
/// # }
/// ```
///
/// # Panics
///
/// Outside of a Tokio runtime, as [`tokio::spawn`] does.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    task::spawn(carry(future))
}

/// [`tokio::task::spawn_blocking`], with the current context: see [`spawn`].
///
/// ```
/// # #[tokio::main]
/// # async fn main() {
/// let digest = throughline::spawn_blocking(|| "slow work").await;
/// # assert_eq!(digest.unwrap(), "slow work");
/// # }
/// ```
///
/// # Panics
///
/// Outside of a Tokio runtime.
#[track_caller]
pub fn spawn_blocking<R: Send + 'static>(
    function: impl FnOnce() -> R + Send + 'static,
) -> JoinHandle<R> {
    let context = Context::current();
    task::spawn_blocking(move || context.in_scope(function))
}
