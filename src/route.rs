//! Where the route of a request is looked for, and the mark by which a handler reaches its request's exchange.

use std::{borrow::Cow, sync::Arc};

use http::Extensions;

pub(crate) use crate::axum_extensions::matched;
use crate::{
    exchange::{self, Exchange, Slot, State},
    span_mut::SpanMut,
};

/// The one thing that a service can see of its layer: an extension of a type that only this crate can name. It says that
/// the request has its span already, and takes a route.
#[derive(Clone, Debug)]
struct Mark(Arc<Slot>);

/// The same for an exchange whose span is not recorded but which is measured: inserting it allocates nothing. It needs no
/// route, or has one. What a handler says of it is taken from the task that serves it.
#[derive(Clone, Copy, Debug)]
struct Unrecorded;

/// The same for an exchange of which nobody learns anything. It is never the current one of its task: another may be.
#[derive(Clone, Copy, Debug)]
struct Unwatched;

/// Names the route of a request, where no router did or where the handler knows better: a template of few values, in
/// one's own syntax (`/stock/{sku}`), never the path.
///
/// The span is renamed to `{method} {route}` when it ends, and `http.route` says the same. The first call wins; an
/// empty text is no route. Without a [`ServerLayer`](crate::ServerLayer) outside it does nothing.
///
/// ```
/// # fn handle(request: http::Request<()>) {
/// throughline::set_route(request.extensions(), "/stock/{sku}");
/// # }
/// ```
pub fn set_route(extensions: &Extensions, route: impl Into<Cow<'static, str>>) {
    let route = route.into();
    if route.is_empty() {
        return;
    }
    reach(extensions, |state| state.name_route(route.into()));
}

/// Shows a handler the span of its request, as hooks see it: to set an attribute in place of another, to rename it, to say
/// that it failed. `None`, and nothing is done, where the request has no [`ServerLayer`](crate::ServerLayer) outside, has
/// ended, or is not recorded and nobody else would learn of it: no metric and no hook. A request that is not recorded may be
/// out of reach of a task or thread of its own, as for [`label`](crate::label()).
///
/// What is set here wins over what the layer sets at the end, and each key comes once. What it has set already stays, which
/// is what it knows when the request comes in, and headers; an [`on_request`](crate::ServerLayer::on_request) hook replaces
/// these.
///
/// ```
/// # fn reserve() -> std::io::Result<()> { Ok(()) }
/// # fn handle(request: http::Request<()>) {
/// throughline::request_span(request.extensions(), |span| {
///     span.set("order.items", 3);
///     if let Err(error) = reserve() {
///         span.record_error(&error);
///     }
/// });
/// # }
/// ```
pub fn request_span<T>(
    extensions: &Extensions,
    show: impl FnOnce(&mut SpanMut<'_>) -> T,
) -> Option<T> {
    reach(extensions, |state| state.show(show)).flatten()
}

/// Leads from a request to its exchange.
fn reach<T>(extensions: &Extensions, look: impl FnOnce(State<'_>) -> T) -> Option<T> {
    if let Some(Mark(slot)) = extensions.get() {
        return slot.state().map(look);
    }
    extensions.get::<Unrecorded>()?;
    // A client may send a request of its own meanwhile.
    let served = |slot: &Slot| slot.state().filter(|state| state.is_server()).map(look);
    exchange::current(served).flatten()
}

/// Marks a request as one that has its exchange.
pub(crate) fn mark(extensions: &mut Extensions, exchange: &Exchange) {
    match exchange {
        Exchange::None => {}
        Exchange::Passing(_) => {
            extensions.insert(Unwatched);
        }
        Exchange::Live(owner) => match owner.shared() {
            Some((_, state)) if !state.is_told() && !state.is_measured() => {
                extensions.insert(Unwatched);
            }
            Some((_, state)) if state.is_found_by_its_task() => {
                extensions.insert(Unrecorded);
            }
            Some((slot, _)) => {
                extensions.insert(Mark(Arc::clone(slot)));
            }
            None => {}
        },
    }
}

/// Takes the marks from a request that goes out: it is another one, though a handler may have made it of its own.
pub(crate) fn unmark(extensions: &mut Extensions) {
    extensions.remove::<Mark>();
    extensions.remove::<Unrecorded>();
    extensions.remove::<Unwatched>();
}

/// Whether the request has its exchange already. If so, what a router has found since goes to it.
pub(crate) fn fill(extensions: &Extensions) -> bool {
    let Some(Mark(slot)) = extensions.get() else {
        return extensions.get::<Unrecorded>().is_some() || extensions.get::<Unwatched>().is_some();
    };
    if let (Some(state), Some(route)) = (slot.state(), matched(extensions)) {
        state.match_route(route);
    }
    true
}
