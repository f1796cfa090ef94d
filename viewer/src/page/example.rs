//! From a number to a trace that shows it.

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;

use super::failed;
use crate::{
    api::params::{Params, Wrong},
    ids::hex,
    store::{Store, StoreError},
};

/// The trace with this very request, and the request in it.
pub(super) async fn of(
    State(store): State<Store>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let params = Params::of(pairs);
    let text = |name| params.text(name).unwrap_or_default().to_owned();
    let times = || -> Result<_, Wrong> { Ok((params.number("start")?, params.number("took")?)) };
    let (Some(start), Some(took)) = times().unwrap_or_default() else {
        return Ok(gone());
    };
    let finish = start.saturating_add(took);
    let found = store
        .request(text("service"), text("operation"), start, finish)
        .await?;
    Ok(match found {
        Some((trace, span)) => {
            Redirect::to(&format!("/trace/{trace}?span={}", hex(&span.0))).into_response()
        }
        None => gone(),
    })
}

fn gone() -> Response {
    failed(
        StatusCode::NOT_FOUND,
        "This request is not here",
        "Its trace gave way to newer ones.".to_owned(),
    )
}
