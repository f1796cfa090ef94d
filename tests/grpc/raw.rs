//! HTTP/2 by hand, for requests and answers that tonic would not make.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Request, StatusCode, request::Builder};
use http_body_util::{BodyStream, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};

use crate::support::item;

/// All that came over the wire.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub data: Bytes,
    pub trailers: Option<HeaderMap>,
    /// Whether the body broke.
    pub broken: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.as_ref()?.get(name)?.to_str().ok()
    }
}

/// A gRPC request to some path.
pub fn post(path: &str) -> Builder {
    Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

/// The request with one item in its body.
pub fn with_item(request: Builder) -> Request<Full<Bytes>> {
    request.body(Full::new(framed(&item("sock")))).unwrap()
}

/// A message behind its five bytes: not compressed, its length (gRPC over HTTP2, Length-Prefixed-Message).
pub fn framed(message: &impl Message) -> Bytes {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &bytes].concat().into()
}

/// Sends a request over a connection of its own; a path becomes a whole URI first.
pub async fn send(addr: SocketAddr, mut request: Request<Full<Bytes>>) -> Answer {
    let uri = format!("http://{addr}{}", request.uri().path());
    *request.uri_mut() = uri.parse().unwrap();
    let io = TokioIo::new(TcpStream::connect(addr).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
        .await
        .unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    let (head, body) = response.into_parts();
    let mut answer = Answer {
        status: head.status,
        headers: head.headers,
        data: Bytes::new(),
        trailers: None,
        broken: false,
    };
    let mut body = BodyStream::new(body);
    while let Some(frame) = body.next().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => answer.data = [&answer.data[..], &data].concat().into(),
            Ok(Err(frame)) => answer.trailers = frame.into_trailers().ok(),
            Err(_) => answer.broken = true,
        }
    }
    answer
}

/// A peer that takes HTTP/2 requests and says nothing.
pub async fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(io).await.unwrap();
                let mut open = Vec::new();
                while let Some(Ok(call)) = connection.accept().await {
                    open.push(call);
                }
            });
        }
    });
    addr
}
