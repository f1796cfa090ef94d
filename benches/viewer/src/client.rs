//! A connection that asks one thing after the other.

use std::{
    error::Error,
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, StatusCode, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::load::Packet;

pub(crate) struct Client {
    sender: http1::SendRequest<Full<Bytes>>,
    host: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: address.to_string(),
        })
    }

    /// Sends until it is taken; how often it was told to come again.
    pub(crate) async fn send(
        &mut self,
        packet: Packet,
    ) -> Result<u64, Box<dyn Error + Send + Sync>> {
        let body = Bytes::from(packet.body);
        for refused in 0.. {
            let (status, _) = self.ask(Method::POST, packet.path, body.clone()).await?;
            match status {
                StatusCode::OK => return Ok(refused),
                StatusCode::TOO_MANY_REQUESTS => tokio::time::sleep(Duration::from_secs(1)).await,
                other => return Err(format!("{} was answered with {other}", packet.path).into()),
            }
        }
        Ok(0)
    }

    /// How long it took until the last byte, and the bytes. What was found a moment ago may have given way.
    pub(crate) async fn get(
        &mut self,
        path: &str,
    ) -> Result<(Duration, Bytes), Box<dyn Error + Send + Sync>> {
        let start = Instant::now();
        let (status, body) = self.ask(Method::GET, path, Bytes::new()).await?;
        if status != StatusCode::OK && status != StatusCode::NOT_FOUND {
            return Err(format!("{path} was answered with {status}").into());
        }
        Ok((start.elapsed(), body))
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
        self.sender.ready().await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", "application/x-protobuf")
            .body(Full::new(body))?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}
