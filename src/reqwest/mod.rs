//! Tracing reqwest: [`send_traced`](SendTraced::send_traced) at the end of its own builder instead of `send`.
//!
//! ```no_run
//! use throughline::{ClientLayer, reqwest::SendTraced};
//!
//! # async fn get() -> Result<(), reqwest::Error> {
//! let layer = ClientLayer::new();
//! let order = reqwest::Client::new()
//!     .get("http://orders.internal/orders/7")
//!     .send_traced(&layer)
//!     .await?
//!     .error_for_status()?;
//! # Ok(())
//! # }
//! ```
//!
//! One span covers one `send`. reqwest follows redirects and re-sends refused streams inside of it, where nobody sees
//! them; `url.full` is the first URL. reqwest takes neither the trace headers nor the baggage out of a request that it
//! sends to another host: where [`ClientLayer::propagate_to`](crate::ClientLayer::propagate_to) names hosts, give the
//! client [`redirect_policy`] too.

mod redirect;
pub(crate) mod send;

pub use redirect::redirect_policy;
pub use send::SendTraced;
