//! A collector's answer over HTTP, and what it left out of what it took.

use bytes::Bytes;
use prost::Message;

use super::super::{
    client::{Answer, Cut},
    status,
    transport::{Failure, Taken},
};

/// The response of each signal: they differ in names alone.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<Partial>,
}

#[derive(Clone, PartialEq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

/// What a body in protobuf says. One that says nothing readable came with a good status all the same.
pub(super) fn taken(body: &Bytes) -> Taken {
    let partial = Response::decode(body.clone())
        .ok()
        .and_then(|response| response.partial_success);
    partial.map_or_else(Taken::default, |partial| Taken {
        rejected: partial.rejected.try_into().unwrap_or_default(),
        message: partial.message,
    })
}

/// An answer that says yes.
pub(super) fn of_http(answer: Result<Answer, Cut>) -> Result<Answer, Failure> {
    match answer {
        Ok(answer) => match status::failure(answer.status, &answer.headers) {
            None => Ok(answer),
            Some(failure) => Err(failure),
        },
        Err(cut) => Err(status::failure(cut.status, &cut.headers).unwrap_or_else(|| cut.failure())),
    }
}
