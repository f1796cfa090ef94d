//! OTLP over gRPC: one unary call, which is a POST with a frame and trailers.

use std::time::Duration;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, header::TE};
use percent_encoding::percent_decode_str;
use prost::Message;

use super::{
    client::{Answer, Client, Cut, Destination},
    error::SetupError,
    status,
    transport::{Again, Failure, Perhaps},
};
use crate::semconv::rpc;

const PREFIX: usize = 5;

/// `google.rpc.Status`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

pub(super) fn client(mut to: Destination<'_>, method: &'static str) -> Result<Client, SetupError> {
    to.url.set_path(method);
    to.headers.insert(TE, HeaderValue::from_static("trailers"));
    Client::new(to, "application/grpc", |builder| {
        builder.http2_prior_knowledge()
    })
}

/// A message behind its prefix.
pub(super) fn frame(message: &[u8], is_compressed: bool) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(is_compressed.into());
    frame.put_u32(message.len().try_into().unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// The one message of an answer whose status is good.
pub(super) fn message(answer: Result<Answer, Cut>) -> Result<Bytes, Failure> {
    let (status, headers, mut body, trailers) = match answer {
        Ok(answer) => (answer.status, answer.headers, answer.body, answer.trailers),
        Err(cut) => {
            return Err(match status::failure(cut.status, &cut.headers) {
                Some(failure) => failure,
                None => Failure {
                    again: Again::Soon,
                    ..cut.failure()
                },
            });
        }
    };
    // An answer of trailers alone has them in its head.
    let verdict = [&trailers, &headers]
        .into_iter()
        .find_map(|map| Some((code(map)?, map)));
    let Some((code, map)) = verdict else {
        return Err(status::failure(status, &headers)
            .unwrap_or_else(|| Failure::silent("its answer has no grpc-status")));
    };
    if code != 0 {
        return Err(failure(code, map));
    }
    if body.len() >= PREFIX {
        body.advance(PREFIX);
    }
    Ok(body)
}

fn code(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// OTLP, section "Failures": which codes may be tried again.
fn failure(code: u32, trailers: &HeaderMap) -> Failure {
    let asked = retry_info(trailers);
    let (taken, again) = match code {
        // CANCELLED, DEADLINE_EXCEEDED, OUT_OF_RANGE, DATA_LOSS
        1 | 4 | 11 | 15 => (Perhaps::Perhaps, Again::Later(asked)),
        // ABORTED, UNAVAILABLE
        10 | 14 => (Perhaps::No, Again::Later(asked)),
        // RESOURCE_EXHAUSTED is for good, unless the collector says when.
        8 if asked.is_some() => (Perhaps::No, Again::Later(asked)),
        // UNIMPLEMENTED
        12 => (Perhaps::No, Again::Unserved),
        _ => (Perhaps::No, Again::Never),
    };
    let name = usize::try_from(code)
        .ok()
        .and_then(rpc::code)
        .unwrap_or("an unknown code");
    let text = trailers
        .get("grpc-message")
        .and_then(|text| text.to_str().ok())
        .map(|text| percent_decode_str(text).decode_utf8_lossy())
        .unwrap_or_default();
    let why = if text.is_empty() {
        format!("it answers {name}")
    } else {
        format!("it answers {name}: {text:?}")
    };
    Failure { why, taken, again }
}

/// How long the collector wants to be left alone.
fn retry_info(trailers: &HeaderMap) -> Option<Duration> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let bytes = trailers.get("grpc-status-details-bin")?;
    let status = Status::decode(&*LENIENT.decode(bytes).ok()?).ok()?;
    let info = status
        .details
        .iter()
        .find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&*info.value).ok()?.delay?;
    Some(Duration::new(
        delay.seconds.try_into().ok()?,
        delay.nanos.try_into().ok()?,
    ))
}
