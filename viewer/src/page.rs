//! The pages.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::StatusCode;

use crate::{
    api,
    store::{Found, Search, Store, StoreError},
};

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    services: Vec<String>,
    found: Vec<Found>,
}

pub(crate) fn routes(store: &Store) -> Router {
    Router::new()
        .route("/", get(search))
        .with_state(store.clone())
        .merge(api::routes(store))
}

async fn search(State(store): State<Store>) -> Result<Response, StoreError> {
    let page = SearchPage {
        services: store.services().await?,
        found: store
            .search(Search {
                limit: 50,
                ..Search::default()
            })
            .await?,
    };
    Ok(show(&page))
}

fn show(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

impl IntoResponse for StoreError {
    fn into_response(self) -> Response {
        (self.status(), self.to_string()).into_response()
    }
}
