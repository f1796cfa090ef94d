//! Logs that name their trace: a whole `tracing` subscriber in one call.
//!
//!     OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none OTEL_LOGS_EXPORTER=none cargo run --features tracing --example logs
//!     curl localhost:3000/buy/socks
//!
//! Each line has a `trace_id`. Without the variables the log records go to a collector at localhost:4318 too, beside the
//! spans, and with the same ids. `RUST_LOG=warn` leaves the warnings. With `-- --once` it asks itself once and ends.

use std::{error::Error, net::SocketAddr};

use axum::{Router, extract::Path, routing::get};
use throughline::{ServerLayer, Setup, Subscriber};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = Setup::new()
        .subscriber(Subscriber::json().default_filter("info"))
        .init()?;

    let app = Router::new()
        .route("/buy/{sku}", get(buy))
        .layer(ServerLayer::new());

    let once = std::env::args().any(|word| word == "--once");
    let listener = TcpListener::bind(("127.0.0.1", if once { 0 } else { 3000 })).await?;
    let address = listener.local_addr()?;
    // Outside of any request: a line without ids.
    tracing::info!(%address, "open");
    let stop = async move {
        match once {
            true => ask(address).await,
            false => throughline::stop_signal().await,
        }
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;

    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

async fn buy(Path(sku): Path<String>) -> String {
    tracing::info!(sku, "sold");
    // A task of its own belongs to the request if it is spawned so.
    throughline::spawn(restock(sku.clone()));
    format!("{sku}, put aside for you\n")
}

/// A span of `tracing` is a child of the request's; lines within it have its id.
#[tracing::instrument]
async fn restock(sku: String) {
    tracing::warn!("the shelf is nearly empty");
}

/// What `curl` does.
async fn ask(address: SocketAddr) {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = b"GET /buy/socks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await
    };
    asked.await.expect("the server answers itself");
}
