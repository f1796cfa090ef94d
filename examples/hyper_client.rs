//! hyper-util's client: one layer, and each request is a span that hands the trace on.
//!
//!     OTEL_TRACES_EXPORTER=console cargo run --features hyper-util --example hyper_client
//!     OTEL_TRACES_EXPORTER=console cargo run --features hyper-util --example hyper_client -- http://example.org/
//!
//! Without a URL it calls a small server of its own, which shows the headers it got. It ends by itself.
//! The feature `hyper-util` adds the address of the server's end, `network.peer.address`, to the span.

use std::error::Error;

use axum::{Router, http::HeaderMap, routing::get};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use throughline::ClientLayer;
use tower::{Service, ServiceBuilder, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = throughline::init()?;

    let mut client = ServiceBuilder::new()
        .layer(ClientLayer::new())
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());

    let request = Request::get(url().await?).body(Full::default())?;
    let response = client.ready().await?.call(request).await?;
    let status = response.status();
    // The span ends here, with the last byte.
    let body = response.into_body().collect().await?.to_bytes();
    println!("{status}\n{}", String::from_utf8_lossy(&body));

    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

/// The one on the command line, else that of a server of our own.
async fn url() -> Result<String, Box<dyn Error>> {
    if let Some(url) = std::env::args().find(|word| word.starts_with("http://")) {
        return Ok(url);
    }
    let app = Router::new().route(
        "/orders/{id}",
        get(|headers: HeaderMap| async move { format!("came with {headers:?}") }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/orders/7", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}
