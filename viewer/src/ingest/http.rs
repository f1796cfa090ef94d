//! OTLP over HTTP, on port 4318 unless said.

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderMap, header::CONTENT_TYPE};

use super::{
    Signal, Ways,
    body::{Coding, open, receive},
    decode::{Encoding, answer, decode},
    refused::Refused,
    zipkin,
};
use crate::batch::Rejected;

pub(crate) fn routes(ways: Ways) -> Router {
    let zipkin = zipkin::routes(ways.clone());
    let otlp = |signal: Signal| {
        post(
            move |State(ways): State<Ways>, headers: HeaderMap, body: Body| {
                export(ways, signal, headers, body)
            },
        )
    };
    Router::new()
        .route("/v1/traces", otlp(Signal::Traces))
        .route("/v1/logs", otlp(Signal::Logs))
        .with_state(ways)
        .merge(zipkin)
}

async fn export(ways: Ways, signal: Signal, headers: HeaderMap, body: Body) -> Response {
    let encoding = match Encoding::of(&headers) {
        Ok(encoding) => encoding,
        Err(refused) => return refused.answer(Encoding::Json),
    };
    match take(&ways, signal, encoding, &headers, body).await {
        Ok(rejected) => {
            let body = answer(signal, encoding, rejected);
            ([(CONTENT_TYPE, encoding.name())], body).into_response()
        }
        Err(refused) => refused.answer(encoding),
    }
}

async fn take(
    ways: &Ways,
    signal: Signal,
    encoding: Encoding,
    headers: &HeaderMap,
    body: Body,
) -> Result<Rejected, Refused> {
    let coding = Coding::of(headers)?;
    let body = receive(body, ways.patience).await?;
    let batch = open(coding, body, move |body| decode(signal, encoding, body)).await?;
    Ok(ways.store(batch).await?)
}
