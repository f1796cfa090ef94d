//! An axum server: one layer for all routes, also those of a nested router.
//!
//!     OTEL_TRACES_EXPORTER=console cargo run --example axum
//!     curl localhost:3000/orders/7
//!
//! Without the variable the spans go to a collector at localhost:4318. With `-- --once` it asks itself once and ends.

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

    // Its span is called `GET /orders/{id}`.
    let orders = Router::new().route("/{id}", get(show));
    let app = Router::new()
        .nest("/orders", orders)
        .route("/healthz", get(|| async { "well" }))
        .layer(ServerLayer::new().filter(|request| request.uri().path() != "/healthz"));

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

    // With the addresses of the connections, for `client.address`.
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;

    // Sends what is still queued.
    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

/// A handler knows nothing of all this; but it can know its trace.
async fn show(Path(id): Path<u64>) -> String {
    match throughline::current_ids() {
        Some(ids) => format!("order {id}, trace {}\n", ids.trace_id_hex()),
        None => format!("order {id}\n"),
    }
}

/// What `curl` does.
async fn ask(address: SocketAddr) {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = b"GET /orders/7 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        println!("{answer}");
        std::io::Result::Ok(())
    };
    asked.await.expect("the server answers itself");
}
