//! Which traces are kept: one in a hundred from their start, besides what failed and what was slow, and what somebody forces.
//!
//!     cargo run --example sampling
//!
//! It asks its service itself, shows what was kept and why, and ends.

use std::{error::Error, time::Duration};

use axum::{Router, body::Body, extract::Path, routing::get};
use http::{Request, StatusCode};
use throughline::{
    ServerLayer, Setup, Tail,
    otel::{
        SetupExt,
        sdk::{
            error::OTelSdkResult,
            trace::{SpanData, SpanExporter},
        },
    },
};
use tower::ServiceExt;

#[derive(Debug)]
struct Lines;

impl SpanExporter for Lines {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            let why = span.attributes.iter();
            let why = why.filter(|pair| pair.key.as_str().starts_with("sampling."));
            let why: Vec<_> = why.map(|pair| pair.value.to_string()).collect();
            println!("kept `{}`: {}", span.name, why.join(", "));
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tail = Tail::new()
        .slower_than(Duration::from_millis(20))
        .slowest_percent_of_route(1.0)
        .also(0.01);
    let telemetry = Setup::new()
        .exporter(Lines)
        .keep_errors_and_slow(tail)
        .init()?;

    // Whoever sends the token has his request recorded.
    let layer = ServerLayer::new().force_sampling_by_token("x-trace-force", "only-for-us");
    let app = Router::new().route("/orders/{id}", get(show)).layer(layer);
    for _ in 0..200 {
        ask(&app, "/orders/7", "").await?;
    }
    ask(&app, "/orders/13", "").await?;
    ask(&app, "/orders/42", "").await?;
    ask(&app, "/orders/7", "only-for-us").await?;
    println!("{:?}", telemetry.tail_counts());
    if let Err(lost) = telemetry.shutdown().await {
        eprintln!("{lost}");
    }
    Ok(())
}

async fn ask(app: &Router, path: &str, token: &str) -> Result<(), Box<dyn Error>> {
    let request = Request::get(path).header("x-trace-force", token);
    let response = app.clone().oneshot(request.body(Body::empty())?).await?;
    axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    Ok(())
}

async fn show(Path(id): Path<u64>) -> Result<String, StatusCode> {
    match id {
        13 => return Err(StatusCode::INTERNAL_SERVER_ERROR),
        42 => tokio::time::sleep(Duration::from_millis(50)).await,
        _ => {}
    }
    Ok(format!("order {id}"))
}
