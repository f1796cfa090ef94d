//! OTLP over gRPC, on port 4317 unless said.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use http::{
    HeaderMap, HeaderValue, Request, StatusCode,
    header::{CONTENT_TYPE, HeaderName},
};
use http_body_util::{BodyExt, Full};
use tonic::Status;

use super::{
    Signal, Ways,
    body::{Coding, open, receive},
    decode::{Encoding, answer, decode, media_type},
    refused::{Cause, Refused},
};

/// A flag that says whether it is packed, and its length, stand before a message.
const HEAD: usize = 5;
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");

pub(crate) fn routes(ways: Ways) -> Router {
    let export = |signal: Signal| {
        post(
            move |State(ways): State<Ways>, request: Request<Body>| async move {
                call(&ways, signal, request).await
            },
        )
    };
    Router::new()
        .route(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            export(Signal::Traces),
        )
        .route(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            export(Signal::Logs),
        )
        .with_state(ways)
        .fallback(async || {
            Status::unimplemented("only traces and logs are taken").into_http::<Body>()
        })
}

async fn call(ways: &Ways, signal: Signal, request: Request<Body>) -> Response {
    // A page of a stranger can send any other type without asking.
    if !is_grpc(request.headers()) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    match take(ways, signal, request).await {
        Ok(message) => whole(&message),
        Err(refused) => refused_with(refused),
    }
}

async fn take(ways: &Ways, signal: Signal, request: Request<Body>) -> Result<Vec<u8>, Refused> {
    let coding = Coding::named(request.headers().get(ENCODING))?;
    let body = receive(request.into_body(), ways.patience).await?;
    let (coding, message) = message(coding, &body)?;
    let decode = move |body: &[u8]| decode(signal, Encoding::Protobuf, body);
    let batch = open(coding, message, decode).await?;
    let rejected = ways.store(batch).await?;
    Ok(answer(signal, Encoding::Protobuf, rejected))
}

fn is_grpc(headers: &HeaderMap) -> bool {
    media_type(headers)
        .as_deref()
        .and_then(|kind| kind.strip_prefix("application/grpc"))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// The one message of a body, and how it is packed.
fn message(coding: Coding, body: &Bytes) -> Result<(Coding, Bytes), Refused> {
    let Some((&[flag, a, b, c, d], rest)) = body.split_first_chunk::<HEAD>() else {
        return Err(Refused::malformed("the body is no message of gRPC"));
    };
    if u32::try_from(rest.len()) != Ok(u32::from_be_bytes([a, b, c, d])) {
        let why = "the body is not one message of gRPC, as long as it says";
        return Err(Refused::malformed(why));
    }
    let coding = match (flag, coding) {
        (0, _) => Coding::Identity,
        (1, Coding::Gzip) => Coding::Gzip,
        (1, Coding::Identity) => {
            let why = "the message is packed, and grpc-encoding does not say how";
            return Err(Refused::new(Cause::Unpacked, why));
        }
        _ => {
            return Err(Refused::malformed("the message has a flag that is none"));
        }
    };
    Ok((coding, body.slice(HEAD..)))
}

fn whole(message: &[u8]) -> Response {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut frame = vec![0];
    frame.extend(length.to_be_bytes());
    frame.extend(message);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body = Full::from(frame).with_trailers(std::future::ready(Some(Ok(trailers))));
    let kind = HeaderValue::from_static("application/grpc");
    ([(CONTENT_TYPE, kind)], Body::new(body)).into_response()
}

fn refused_with(refused: Refused) -> Response {
    let is_coding = refused.cause == Cause::Unsupported;
    let mut response = Status::from(refused).into_http::<Body>();
    if is_coding {
        response.headers_mut().insert(
            HeaderName::from_static("grpc-accept-encoding"),
            HeaderValue::from_static("gzip,identity"),
        );
    }
    response
}
