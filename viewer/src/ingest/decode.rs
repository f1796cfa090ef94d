//! OTLP's messages, in either encoding, and their answers.

use http::{HeaderMap, header::CONTENT_TYPE};
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use prost::Message;

use super::{
    Signal, json,
    refused::{Cause, Refused},
    weight::{self, no_message},
};
use crate::batch::{Batch, Rejected};

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

pub(super) fn decode(signal: Signal, encoding: Encoding, body: &[u8]) -> Result<Batch, Refused> {
    let batch = match encoding {
        Encoding::Protobuf => {
            weight::check_protobuf(signal, body)?;
            match signal {
                Signal::Traces => Batch::of_spans(
                    ExportTraceServiceRequest::decode(body)
                        .map_err(no_message)?
                        .resource_spans,
                ),
                Signal::Logs => Batch::of_logs(
                    ExportLogsServiceRequest::decode(body)
                        .map_err(no_message)?
                        .resource_logs,
                ),
            }
        }
        Encoding::Json => {
            weight::check_json(body)?;
            match signal {
                Signal::Traces => Batch::of_spans(json::traces(body)?),
                Signal::Logs => Batch::of_logs(json::logs(body)?),
            }
        }
    };
    Ok(batch?)
}

/// What is said when all, or a part, was taken.
pub(super) fn answer(signal: Signal, encoding: Encoding, rejected: Rejected) -> Vec<u8> {
    if encoding == Encoding::Json {
        let count = match signal {
            Signal::Traces => "rejectedSpans",
            Signal::Logs => "rejectedLogRecords",
        };
        // JSON's numbers are short: protobuf's mapping writes those of 64 bits as text.
        return match rejected.why {
            None => "{}".to_owned(),
            Some(why) => serde_json::json!({
                "partialSuccess": { count: rejected.count.to_string(), "errorMessage": why }
            })
            .to_string(),
        }
        .into_bytes();
    }
    match signal {
        Signal::Traces => ExportTraceServiceResponse {
            partial_success: rejected.why.map(|why| ExportTracePartialSuccess {
                rejected_spans: rejected.count,
                error_message: why.to_owned(),
            }),
        }
        .encode_to_vec(),
        Signal::Logs => ExportLogsServiceResponse {
            partial_success: rejected.why.map(|why| ExportLogsPartialSuccess {
                rejected_log_records: rejected.count,
                error_message: why.to_owned(),
            }),
        }
        .encode_to_vec(),
    }
}

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        match media_type(headers).as_deref() {
            Some("application/x-protobuf") => Ok(Self::Protobuf),
            Some("application/json") => Ok(Self::Json),
            _ => Err(Refused::new(
                Cause::Unsupported,
                "content-type is neither application/x-protobuf nor application/json",
            )),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// The content type without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default();
    Some(kind.trim().to_ascii_lowercase())
}
