//! A server of bare hyper. Nothing here knows routes or addresses, so the service says them.
//!
//!     OTEL_TRACES_EXPORTER=console cargo run --example hyper_server
//!     curl localhost:3000/stock/socks
//!
//! With `-- --once` it asks itself once and ends.

use std::{convert::Infallible, error::Error, net::SocketAddr, pin::pin};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown, service::TowerToHyperService};
use throughline::{PeerAddr, ServerLayer, set_route};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::ServiceBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = throughline::init()?;
    let once = std::env::args().any(|word| word == "--once");
    let listener = TcpListener::bind(("127.0.0.1", if once { 0 } else { 3000 })).await?;
    let address = listener.local_addr()?;
    println!("curl http://{address}/stock/socks");
    let mut stop = pin!(async move {
        match once {
            true => ask(address).await,
            false => throughline::stop_signal().await,
        }
    });

    let connections = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = &mut stop => break,
        };
        let service = ServiceBuilder::new()
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(PeerAddr::new(peer));
                request
            })
            .layer(ServerLayer::new())
            .service_fn(answer);
        let service = TowerToHyperService::new(service);
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    connections.shutdown().await;
    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

async fn answer(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let Some(sku) = request.uri().path().strip_prefix("/stock/") else {
        let mut response = Response::new("no such page\n".to_owned());
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        return Ok(response);
    };
    // A router of one's own names its template, so that the span is called `GET /stock/{sku}`.
    set_route(request.extensions(), "/stock/{sku}");
    Ok(Response::new(format!("plenty of {sku}\n")))
}

/// What `curl` does.
async fn ask(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = b"GET /stock/socks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it writes");
    println!("{answer}");
}
