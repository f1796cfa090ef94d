//! Servers and clients over real sockets.

use std::{
    convert::Infallible,
    fmt::Debug,
    net::{Ipv4Addr, SocketAddr},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tower::Service;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub type Plain = Client<HttpConnector, Full<Bytes>>;

/// A hyper server for HTTP/1.1, HTTP/2 without TLS, upgrades and extended CONNECT.
pub struct Server {
    pub addr: SocketAddr,
    /// The task of each connection, in the order they were accepted. Its result is what hyper made of the connection.
    pub connections: mpsc::UnboundedReceiver<JoinHandle<Result<(), BoxError>>>,
}

pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

pub async fn serve<S, B>(service: S) -> Server
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (listener, addr) = listen().await;
    let (tasks, connections) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            socket.set_nodelay(true).unwrap();
            let service = TowerToHyperService::new(service.clone());
            let task = tokio::spawn(async move {
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http2().enable_connect_protocol();
                builder
                    .serve_connection_with_upgrades(TokioIo::new(socket), service)
                    .await
            });
            let _kept = tasks.send(task);
        }
    });
    Server { addr, connections }
}

/// `axum::serve`, without end.
pub async fn serve_axum(app: axum::Router) -> SocketAddr {
    let (listener, addr) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    addr
}

pub fn http1() -> Plain {
    Client::builder(TokioExecutor::new()).build_http()
}

pub fn http2() -> Plain {
    Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http()
}

pub fn get(addr: SocketAddr, path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://{addr}{path}"))
        .body(Full::default())
        .unwrap()
}

/// Reads a body to its end.
pub async fn read<B: Body<Error: Debug>>(response: Response<B>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// A connection by hand.
pub async fn connect(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).await.unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

/// Sends bytes and gives back all that is answered until the server closes.
pub async fn raw(addr: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut socket = connect(addr).await;
    socket.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    answer
}

/// Reads until this text has come.
pub async fn read_until(socket: &mut TcpStream, text: &str) -> String {
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).contains(text) {
        let mut chunk = [0; 1024];
        let count = socket.read(&mut chunk).await.unwrap();
        assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&got));
        got.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8_lossy(&got).into_owned()
}

/// A service without an error of its own.
pub type Never = Infallible;
