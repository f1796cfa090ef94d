//! Where the route of a request is looked for, and the mark by which it can be named late.

use std::{borrow::Cow, sync::Arc};

use http::Extensions;

pub(crate) use crate::axum_extensions::matched;
use crate::exchange::{Exchange, State};

/// The one thing that a service can see of its layer: an extension of a type that only this crate can name. It says that
/// the request has its span already, and takes a route.
#[derive(Clone, Debug)]
struct Mark(Arc<State>);

/// The same for an exchange that nobody watches, which needs no route: inserting it allocates nothing.
#[derive(Clone, Copy, Debug)]
struct Passing;

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
    if let Some(Mark(state)) = extensions.get::<Mark>()
        && !route.is_empty()
    {
        state.name_route(route.into());
    }
}

/// Marks a request as one that has its exchange.
pub(crate) fn mark(extensions: &mut Extensions, exchange: &Exchange) {
    match exchange {
        Exchange::None => {}
        Exchange::Passing(_) => {
            extensions.insert(Passing);
        }
        Exchange::Live(state) => {
            extensions.insert(Mark(Arc::clone(state)));
        }
    }
}

/// Takes the marks from a request that goes out: it is another one, though a handler may have made it of its own.
pub(crate) fn unmark(extensions: &mut Extensions) {
    extensions.remove::<Mark>();
    extensions.remove::<Passing>();
}

/// Whether the request has its exchange already. If so, what a router has found since goes to it.
pub(crate) fn fill(extensions: &Extensions) -> bool {
    let Some(Mark(state)) = extensions.get::<Mark>() else {
        return extensions.get::<Passing>().is_some();
    };
    if let Some(route) = matched(extensions) {
        state.match_route(route);
    }
    true
}
