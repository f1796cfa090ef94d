//! The envelopes of answers and errors, which differ from one interface to the next.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::params::Wrong;
use crate::store::StoreError;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    message: String,
}

/// A failure as Jaeger's first interface tells it.
#[derive(Debug)]
pub(crate) struct V1(pub(crate) Failure);

/// … as its third.
#[derive(Debug)]
pub(crate) struct V3(pub(crate) Failure);

/// … as Zipkin.
#[derive(Debug)]
pub(crate) struct Plain(pub(crate) Failure);

impl Failure {
    pub(crate) fn not_found(message: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            message: message.to_owned(),
        }
    }

    pub(crate) fn bad(message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.to_owned(),
        }
    }
}

/// Jaeger's first interface: all of a list at once.
pub(crate) fn v1(data: Vec<Value>) -> Response {
    let total = data.len();
    Json(json!({ "data": data, "total": total, "limit": 0, "offset": 0, "errors": null }))
        .into_response()
}

impl<E: Into<Failure>> From<E> for V1 {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<E: Into<Failure>> From<E> for V3 {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<E: Into<Failure>> From<E> for Plain {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<Wrong> for Failure {
    fn from(Wrong(message): Wrong) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self {
            status: error.status(),
            message: error.to_string(),
        }
    }
}

impl IntoResponse for V1 {
    fn into_response(self) -> Response {
        let Failure { status, message } = self.0;
        let errors = json!([{ "code": status.as_u16(), "msg": message }]);
        let body = json!({ "data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors });
        (status, Json(body)).into_response()
    }
}

impl IntoResponse for V3 {
    fn into_response(self) -> Response {
        let Failure { status, message } = self.0;
        let body = json!({ "error": { "httpCode": status.as_u16(), "message": message } });
        (status, Json(body)).into_response()
    }
}

impl IntoResponse for Plain {
    fn into_response(self) -> Response {
        let Failure { status, message } = self.0;
        (status, message).into_response()
    }
}
