//! What tools made for Jaeger and Zipkin ask. `openapi.yaml` describes all of it.

mod answer;
mod jaeger;
mod jaeger_v3;
mod lookup;
pub(crate) mod params;
mod zipkin;

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use http::header::CONTENT_TYPE;

use crate::store::Store;

/// What is answered, by path.
type Table = Vec<(String, MethodRouter<Store>)>;

const DESCRIPTION: &str = include_str!("../../openapi.yaml");

/// All of them.
pub(crate) fn routes(store: &Store) -> Router {
    table()
        .into_iter()
        .fold(Router::new(), |router, (path, answer)| {
            router.route(&path, answer)
        })
        .with_state(store.clone())
}

fn table() -> Table {
    let mut table = jaeger::table();
    table.extend(jaeger_v3::table());
    table.extend(zipkin::table());
    table.push(("/openapi.yaml".to_owned(), get(description)));
    table
}

async fn description() -> Response {
    ([(CONTENT_TYPE, "application/yaml")], DESCRIPTION).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn each_route_is_described_and_each_path_described_is_a_route() {
        let description: Value = serde_saphyr::from_str(DESCRIPTION).unwrap();
        let mut described = BTreeSet::new();
        for (path, item) in description["paths"].as_object().unwrap() {
            let servers = item
                .get("servers")
                .unwrap_or_else(|| &description["servers"]);
            for server in servers.as_array().unwrap() {
                let prefix = server["url"].as_str().unwrap().trim_end_matches('/');
                described.insert(format!("{prefix}{path}"));
            }
        }
        let routes: BTreeSet<_> = table().into_iter().map(|(path, _)| path).collect();
        assert_eq!(described, routes);
    }
}
