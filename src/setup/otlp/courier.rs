//! What is to be sent, as bytes of a protocol; and what the collector's answer says.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use prost::Message;

use super::{
    super::{
        client::{Client, Destination},
        error::SetupError,
        grpc, gzip, json,
        settings::{Compression, Otlp, Protocol},
        transport::{Failure, Taken},
        zstd,
    },
    answer,
};

/// Packs a signal's messages and takes them to a collector.
#[derive(Debug)]
pub(in crate::setup) struct Courier {
    client: Client,
    protocol: Protocol,
    compression: Option<Compression>,
}

/// A message as it goes over the wire.
#[derive(Clone, Debug)]
pub(in crate::setup) struct Parcel(Bytes);

impl Courier {
    /// `method` is gRPC's name of what a signal is sent by.
    pub(super) fn new(settings: &Otlp, method: &'static str) -> Result<Self, SetupError> {
        let to = Destination {
            url: settings.endpoint.clone(),
            origin: &settings.origin,
            headers: settings.headers.clone(),
            tls: &settings.tls,
        };
        let client = match settings.protocol {
            Protocol::HttpProtobuf => Client::new(to, "application/x-protobuf", |builder| builder)?,
            Protocol::HttpJson => json::client(to)?,
            Protocol::Grpc => grpc::client(to, method)?,
        };
        Ok(Self {
            client,
            protocol: settings.protocol,
            compression: settings
                .compression
                .filter(|compression| match compression {
                    Compression::Gzip => gzip::IS_ON,
                    Compression::Zstd => zstd::IS_ON,
                }),
        })
    }

    pub(super) fn pack(&self, message: &(impl Message + json::Json)) -> Parcel {
        let bytes = match self.protocol {
            Protocol::HttpProtobuf | Protocol::Grpc => message.encode_to_vec(),
            Protocol::HttpJson => json::encode(message),
        };
        let bytes = match self.compression {
            None => bytes,
            Some(Compression::Gzip) => gzip::compress(bytes),
            Some(Compression::Zstd) => zstd::compress(bytes),
        };
        Parcel(match self.protocol {
            Protocol::HttpProtobuf | Protocol::HttpJson => bytes.into(),
            Protocol::Grpc => grpc::frame(&bytes, self.compression.is_some()),
        })
    }

    /// One attempt.
    pub(super) async fn attempt(&self, parcel: &Parcel) -> Result<Taken, Failure> {
        let encoding = self.compression.map(|compression| {
            HeaderValue::from_static(match compression {
                Compression::Gzip => "gzip",
                Compression::Zstd => "zstd",
            })
        });
        let name = match self.protocol {
            Protocol::HttpProtobuf | Protocol::HttpJson => CONTENT_ENCODING,
            Protocol::Grpc => HeaderName::from_static("grpc-encoding"),
        };
        let headers = encoding.map(|encoding| (name, encoding));
        let answer = self
            .client
            .post(parcel.0.clone(), headers.as_slice())
            .await?;
        match self.protocol {
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                let answer = answer::of_http(answer)?;
                let is_json = answer
                    .headers
                    .get(CONTENT_TYPE)
                    .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
                Ok(if is_json {
                    json::taken(&answer.body)
                } else {
                    answer::taken(&answer.body)
                })
            }
            Protocol::Grpc => grpc::message(answer).map(|body| answer::taken(&body)),
        }
    }
}
