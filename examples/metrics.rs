//! Metrics of a server: durations, active requests and sizes, with an attribute of the handler's own.
//!
//!     OTEL_METRICS_EXPORTER=console OTEL_TRACES_EXPORTER=none cargo run --example metrics
//!     curl localhost:3000/orders/7
//!
//! They are printed every ten seconds and at the end; without the variables they go to a collector at localhost:4318. With
//! `-- --once` it asks itself once and ends.

use std::{error::Error, net::SocketAddr};

use axum::{Router, extract::Path, routing::get};
use throughline::ServerLayer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = throughline::init()?;

    // Durations need no word.
    let layer = ServerLayer::new()
        .measure_active_requests(true)
        .measure_body_sizes(true);
    let app = Router::new().route("/orders/{id}", get(show)).layer(layer);

    let once = std::env::args().any(|word| word == "--once");
    let listener = TcpListener::bind(("127.0.0.1", if once { 0 } else { 3000 })).await?;
    let address = listener.local_addr()?;
    println!("curl http://{address}/orders/7");
    let stop = async move {
        match once {
            true => ask(address).await,
            false => throughline::stop_signal().await,
        }
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;

    // Collects and sends a last time.
    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

/// A label has few values: each is a time series of its own.
async fn show(Path(id): Path<u64>) -> String {
    let tier = if id < 100 { "gold" } else { "standard" };
    throughline::label("tenant.tier", tier);
    format!("order {id}\n")
}

/// What `curl` does.
async fn ask(address: SocketAddr) {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = b"GET /orders/7 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await
    };
    asked.await.expect("the server answers itself");
}
