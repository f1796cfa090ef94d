//! OTLP over HTTP, on port 4318 unless said.

use std::io::Read;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    response::{IntoResponse, Response},
    routing::post,
};
use flate2::read::MultiGzDecoder;
use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
};
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use prost::Message;
use serde::{Serialize, de::DeserializeOwned};

use super::zipkin;
use crate::{
    batch::Batch,
    store::{Store, StoreError},
};

/// A request is no larger, compressed and decompressed.
pub(crate) const LARGEST_BODY: usize = 16 << 20;
pub(crate) const LARGEST: usize = 64 << 20;

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Protobuf,
    Json,
}

/// Why a request is refused, in the protocol's own shape (`google.rpc.Status`).
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    encoding: Encoding,
    why: String,
}

/// `google.rpc.Status` without details.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

pub(crate) fn routes(store: &Store) -> Router {
    Router::new()
        .route("/v1/traces", post(traces))
        .route("/v1/logs", post(logs))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(store.clone())
        .merge(zipkin::routes(store))
}

async fn traces(
    State(store): State<Store>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let encoding = Encoding::of(&headers)?;
    let request: ExportTraceServiceRequest = decode(encoding, &headers, &body)?;
    let mut batch = Batch::of_spans(request.resource_spans);
    let rejected = std::mem::take(&mut batch.rejected);
    store
        .write(batch)
        .await
        .map_err(|error| Refused::of(encoding, &error))?;
    let partial_success = rejected.why.map(|why| ExportTracePartialSuccess {
        rejected_spans: rejected.count,
        error_message: why.to_owned(),
    });
    Ok(answer(
        encoding,
        &ExportTraceServiceResponse { partial_success },
    ))
}

async fn logs(
    State(store): State<Store>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let encoding = Encoding::of(&headers)?;
    let request: ExportLogsServiceRequest = decode(encoding, &headers, &body)?;
    let mut batch = Batch::of_logs(request.resource_logs);
    let rejected = std::mem::take(&mut batch.rejected);
    store
        .write(batch)
        .await
        .map_err(|error| Refused::of(encoding, &error))?;
    let partial_success = rejected.why.map(|why| ExportLogsPartialSuccess {
        rejected_log_records: rejected.count,
        error_message: why.to_owned(),
    });
    Ok(answer(
        encoding,
        &ExportLogsServiceResponse { partial_success },
    ))
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase());
        match kind.as_deref() {
            Some("application/x-protobuf") => Ok(Self::Protobuf),
            Some("application/json") => Ok(Self::Json),
            _ => Err(Refused {
                status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                encoding: Self::Json,
                why: "content-type is neither application/x-protobuf nor application/json"
                    .to_owned(),
            }),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

fn decode<M: Message + DeserializeOwned + Default>(
    encoding: Encoding,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<M, Refused> {
    let bad = |why: String| Refused {
        status: StatusCode::BAD_REQUEST,
        encoding,
        why,
    };
    let body = unpack(headers, body).map_err(|(status, why)| Refused {
        status,
        encoding,
        why,
    })?;
    match encoding {
        Encoding::Protobuf => {
            M::decode(body).map_err(|error| bad(format!("the body is no such message: {error}")))
        }
        Encoding::Json => {
            // Some senders write null for a parent that is not there, which the message does not know.
            let mut json: serde_json::Value = serde_json::from_slice(&body)
                .map_err(|error| bad(format!("the body is no JSON: {error}")))?;
            drop_nulls(&mut json);
            serde_json::from_value(json)
                .map_err(|error| bad(format!("the body is no such message: {error}")))
        }
    }
}

/// The body as it was before it was compressed.
pub(crate) fn unpack(headers: &HeaderMap, body: &Bytes) -> Result<Bytes, (StatusCode, String)> {
    let Some(name) = headers.get(CONTENT_ENCODING) else {
        return Ok(body.clone());
    };
    match name.to_str() {
        Ok("identity") => Ok(body.clone()),
        Ok("gzip") => {
            let mut plain = Vec::new();
            MultiGzDecoder::new(&**body)
                .take(LARGEST as u64 + 1)
                .read_to_end(&mut plain)
                .map_err(|error| {
                    let why = format!("the body is no gzip: {error}");
                    (StatusCode::BAD_REQUEST, why)
                })?;
            if plain.len() > LARGEST {
                let why = format!("the body is larger than {LARGEST} bytes");
                return Err((StatusCode::PAYLOAD_TOO_LARGE, why));
            }
            Ok(plain.into())
        }
        _ => Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content-encoding is neither gzip nor identity".to_owned(),
        )),
    }
}

fn drop_nulls(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn answer<M: Message + Serialize>(encoding: Encoding, message: &M) -> Response {
    let body = match encoding {
        Encoding::Protobuf => message.encode_to_vec(),
        // A message of ours is always JSON.
        Encoding::Json => {
            let mut json = serde_json::to_value(message).unwrap_or_default();
            words_for_long_numbers(&mut json);
            json.to_string().into_bytes()
        }
    };
    ([(CONTENT_TYPE, encoding.name())], body).into_response()
}

/// JSON's numbers are short: protobuf's mapping writes those of 64 bits as text, which the message itself does not.
fn words_for_long_numbers(json: &mut serde_json::Value) {
    if let Some(partial) = json.get_mut("partialSuccess") {
        for name in ["rejectedSpans", "rejectedLogRecords"] {
            if let Some(count) = partial.get_mut(name)
                && count.is_number()
            {
                *count = count.to_string().into();
            }
        }
    }
    // No part was refused: then nothing is said.
    if let serde_json::Value::Object(members) = json {
        members.retain(|_, value| !value.is_null());
    }
}

impl Refused {
    fn of(encoding: Encoding, error: &StoreError) -> Self {
        Self {
            status: error.status(),
            encoding,
            why: error.to_string(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = match self.encoding {
            Encoding::Protobuf => Status {
                code: 0,
                message: self.why,
            }
            .encode_to_vec(),
            Encoding::Json => serde_json::json!({ "message": self.why })
                .to_string()
                .into_bytes(),
        };
        let mut response =
            (self.status, [(CONTENT_TYPE, self.encoding.name())], body).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let second = http::HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, second);
        }
        response
    }
}
