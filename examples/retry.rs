//! A client that tries again: each attempt is a span of its own, and says which it is in `http.request.resend_count`.
//!
//!     OTEL_TRACES_EXPORTER=console cargo run --example retry
//!
//! It calls a small server of its own, which is busy at first, and ends by itself. Here each attempt is a trace of its
//! own; where a span is current, as in a handler behind `ServerLayer`, they are siblings under it.

use std::{
    error::Error,
    future::{Ready, ready},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use axum::{Router, routing::get};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use throughline::ClientLayer;
use tower::{Service, ServiceBuilder, ServiceExt, retry::Policy};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = throughline::init()?;
    let mut client = ServiceBuilder::new()
        // Outside of the retry: counts the attempts.
        .layer(ClientLayer::attempts())
        .retry(WhileBusy(3))
        // Inside: a span for each.
        .layer(ClientLayer::new())
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());

    let request = Request::get(busy_server().await?).body(Full::default())?;
    let response = client.ready().await?.call(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&body));
    if let Err(lost) = telemetry.shutdown().await {
        eprintln!("{lost}");
    }
    Ok(())
}

/// Tries again after a `503`, so many times. A real one would wait in between.
#[derive(Clone)]
struct WhileBusy(u32);

type Outgoing = Request<Full<Bytes>>;

impl<B, E> Policy<Outgoing, Response<B>, E> for WhileBusy {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Outgoing, got: &mut Result<Response<B>, E>) -> Option<Ready<()>> {
        let is_busy = got.as_ref().ok()?.status() == StatusCode::SERVICE_UNAVAILABLE;
        self.0 = self.0.checked_sub(1)?;
        is_busy.then(|| ready(()))
    }

    /// `clone` copies the extensions too, where the attempts are counted.
    fn clone_request(&mut self, request: &Outgoing) -> Option<Outgoing> {
        Some(request.clone())
    }
}

/// Twice that it is busy.
async fn answer() -> (StatusCode, &'static str) {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    match ASKED.fetch_add(1, Relaxed) {
        0 | 1 => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        _ => (StatusCode::OK, "at last"),
    }
}

async fn busy_server() -> Result<String, Box<dyn Error>> {
    let app = Router::new().route("/", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}
