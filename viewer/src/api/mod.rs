//! What tools made for Jaeger and Zipkin ask.

mod answer;
mod jaeger;
mod jaeger_v3;
pub(crate) mod params;
mod zipkin;

use axum::Router;

use crate::store::Store;

/// All of them.
pub(crate) fn routes(store: &Store) -> Router {
    jaeger::routes(store)
        .merge(jaeger_v3::routes(store))
        .merge(zipkin::routes(store))
}
