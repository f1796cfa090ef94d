//! OTLP over gRPC, on port 4317 unless said.

use std::{future::Future, pin::Pin};

use axum::{Router, body::Body, extract::State, routing::post};
use bytes::{Buf, BufMut, Bytes};
use http_body_util::Full;
use tonic::{
    Request, Response, Status,
    codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, UnaryService},
};

use super::{
    Signal, Ways,
    body::{Coding, LARGEST, open, receive},
    decode::{Encoding, answer, decode},
};

/// A method: takes a signal.
struct Export {
    ways: Ways,
    signal: Signal,
}

/// Messages as they are: what is in them is weighed before it is decoded.
#[derive(Default)]
struct Raw;

pub(crate) fn routes(ways: Ways) -> Router {
    let export = |signal: Signal| {
        post(
            move |State(ways): State<Ways>, request: http::Request<Body>| {
                call(Export { ways, signal }, request)
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

async fn call(export: Export, request: http::Request<Body>) -> http::Response<tonic::body::Body> {
    let (head, body) = request.into_parts();
    let body = match receive(body, export.ways.patience).await {
        Ok(body) => Full::new(body),
        Err(refused) => return Status::from(refused).into_http(),
    };
    Grpc::new(Raw)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(LARGEST)
        .unary(export, http::Request::from_parts(head, body))
        .await
}

impl UnaryService<Bytes> for Export {
    type Response = Vec<u8>;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, Status>> + Send>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (ways, signal) = (self.ways.clone(), self.signal);
        Box::pin(async move {
            let decode = move |body: &[u8]| decode(signal, Encoding::Protobuf, body);
            let batch = open(Coding::Identity, request.into_inner(), decode).await?;
            let rejected = ways
                .store(batch)
                .await
                .map_err(super::refused::Refused::from)?;
            Ok(Response::new(answer(signal, Encoding::Protobuf, rejected)))
        })
    }
}

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
