//! Metrics for Prometheus: those of the layer, and a counter of the service's own.
//!
//!     OTEL_METRICS_EXPORTER=prometheus OTEL_TRACES_EXPORTER=none cargo run --features prometheus --example prometheus
//!     curl localhost:3000/orders/7
//!     curl localhost:9464/metrics
//!
//! With `-- --once` it asks itself once, prints what a scrape finds, and ends.

use std::{error::Error, net::SocketAddr};

use axum::{Router, extract::State, routing::get};
use opentelemetry::{global, metrics::Counter};
use throughline::ServerLayer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = throughline::init()?;
    let metrics = telemetry
        .prometheus_address()
        .ok_or("no metrics are served: set OTEL_METRICS_EXPORTER=prometheus")?;

    // Prometheus knows it as `orders_shown_total`.
    let shown = global::meter("orders").u64_counter("orders.shown").build();
    let app = Router::new()
        .route("/orders/{id}", get(show))
        .layer(ServerLayer::new())
        .with_state(shown);

    let once = std::env::args().any(|word| word == "--once");
    let listener = TcpListener::bind(("127.0.0.1", if once { 0 } else { 3000 })).await?;
    let address = listener.local_addr()?;
    println!("curl http://{address}/orders/7\ncurl http://{metrics}/metrics");
    let stop = async move {
        if !once {
            return throughline::stop_signal().await;
        }
        ask(address, "/orders/7").await.expect("it answers itself");
        let found = ask(metrics, "/metrics").await.expect("metrics are served");
        assert!(found.contains("orders_shown_total"), "{found}");
        println!("{found}");
    };
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;

    // The address is free again.
    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

async fn show(State(shown): State<Counter<u64>>) -> &'static str {
    shown.add(1, &[]);
    "order\n"
}

/// What `curl` does.
async fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
