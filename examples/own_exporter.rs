//! An exporter of one's own: spans as lines of text. Everything else stays as the environment says.
//!
//!     cargo run --example own_exporter
//!
//! It asks its service once and ends by itself.

use std::error::Error;

use axum::{Router, body::Body, routing::get};
use http::Request;
use throughline::{
    ServerLayer, Setup,
    otel::{
        SetupExt,
        sdk::{
            error::OTelSdkResult,
            trace::{SpanData, SpanExporter},
        },
    },
};
use tower::ServiceExt;

/// Called with batches of ended spans, on a thread of its own.
#[derive(Debug)]
struct Lines;

impl SpanExporter for Lines {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            let lasted = span.end_time.duration_since(span.start_time);
            let lasted = lasted.unwrap_or_default();
            println!("{:?} `{}` took {lasted:?}", span.span_kind, span.name);
            for pair in span.attributes {
                println!("    {} = {}", pair.key, pair.value);
            }
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = Setup::new().service_name("orders").exporter(Lines).init()?;

    let app = Router::new()
        .route("/orders/{id}", get(|| async { "an order" }))
        .layer(ServerLayer::new());
    let request = Request::get("/orders/7?sig=secret").body(Body::empty())?;
    let response = app.oneshot(request).await?;
    axum::body::to_bytes(response.into_body(), usize::MAX).await?;

    // Sends what is still queued.
    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}
