//! reqwest: `send_traced` instead of `send`, and each request is a span that hands the trace on.
//!
//!     OTEL_TRACES_EXPORTER=console cargo run --features reqwest --example reqwest
//!     OTEL_TRACES_EXPORTER=console cargo run --features reqwest --example reqwest -- http://example.org/
//!
//! Without a URL it calls a small server of its own, which shows the headers it got. It ends by itself.

use std::error::Error;

use axum::{Router, http::HeaderMap, routing::get};
use throughline::{ClientLayer, Targets, reqwest::SendTraced};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = throughline::init()?;

    let client = reqwest::Client::new();
    // Strangers get no trace headers.
    let layer = ClientLayer::new().propagate_to(Targets::hosts(["127.0.0.1", "*.internal"]));

    let response = client
        .get(url().await?)
        .header("accept", "text/plain")
        .send_traced(&layer)
        .await?;
    let status = response.status();
    // The span ends here, with the last byte.
    println!("{status}\n{}", response.text().await?);

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
