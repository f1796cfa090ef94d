//! The envelopes of answers and errors, which differ from one interface to the next.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use serde_json::{Value, json, ser::PrettyFormatter};

use super::params::{Params, Wrong};
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

/// A list of names as Jaeger's first interface tells it: only of these it says how many there are.
pub(crate) fn v1_names(params: &Params, names: Vec<Value>) -> Response {
    let total = names.len();
    v1_whole(params, names, total, None)
}

/// Anything else, with what went wrong with parts of it.
pub(crate) fn v1(params: &Params, data: Vec<Value>, errors: Option<Vec<Value>>) -> Response {
    v1_whole(params, data, 0, errors)
}

fn v1_whole(
    params: &Params,
    data: Vec<Value>,
    total: usize,
    errors: Option<Vec<Value>>,
) -> Response {
    let body = json!({ "data": data, "total": total, "limit": 0, "offset": 0, "errors": errors });
    let is_pretty = params
        .text("prettyPrint")
        .is_some_and(|value| value != "false");
    if is_pretty {
        pretty(&body)
    } else {
        Json(body).into_response()
    }
}

fn pretty(body: &Value) -> Response {
    let mut text = Vec::new();
    let mut writer =
        serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"    "));
    match body.serialize(&mut writer) {
        Ok(()) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(_) => Json(body).into_response(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(response: Response) -> (u16, String) {
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        (status, String::from_utf8(body.unwrap().into()).unwrap())
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_told_in_each_interfaces_words() {
        let failures: [(fn() -> StoreError, u16); 4] = [
            (|| StoreError::Overloaded, 429),
            (|| StoreError::Timeout, 503),
            (|| StoreError::Closed, 503),
            (|| StoreError::Sqlite(rusqlite::Error::InvalidQuery), 500),
        ];
        for (failure, expected) in failures {
            let message = failure().to_string();
            let (status, body) = told(V1::from(failure()).into_response()).await;
            assert_eq!(status, expected);
            let body: Value = serde_json::from_str(&body).unwrap();
            let errors = json!([{ "code": expected, "msg": message }]);
            let v1 = json!({ "data": null, "total": 0, "limit": 0, "offset": 0, "errors": errors });
            assert_eq!(body, v1);

            let (status, body) = told(V3::from(failure()).into_response()).await;
            assert_eq!(status, expected);
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(
                body,
                json!({ "error": { "httpCode": expected, "message": message } })
            );

            let plain = told(Plain::from(failure()).into_response()).await;
            assert_eq!(plain, (expected, message));
        }
    }
}
