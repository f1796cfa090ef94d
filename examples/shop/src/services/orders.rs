//! The orders: axum outside, reqwest inside.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use throughline::{ClientLayer, ServerLayer, reqwest::SendTraced};

use super::{Place, told_to_stop};
use crate::Result;

pub(crate) async fn run(place: Place) -> Result<()> {
    let telemetry = throughline::init()?;
    let stock = Stock {
        client: reqwest::Client::new(),
        layer: ClientLayer::new(),
        url: place.upstream("stock")?,
    };
    let app = Router::new()
        .route("/orders/{sku}", post(order))
        .route("/orders/{sku}/price", get(price))
        .layer(ServerLayer::new())
        .with_state(stock)
        .into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(place.listen().await?, app)
        .with_graceful_shutdown(told_to_stop())
        .await?;
    telemetry.shutdown().await?;
    Ok(())
}

/// The service behind, and how it is called.
#[derive(Clone)]
struct Stock {
    client: reqwest::Client,
    layer: ClientLayer,
    url: String,
}

async fn order(
    State(stock): State<Stock>,
    Path(sku): Path<String>,
) -> Result<Response, StatusCode> {
    stock.ask(&format!("/stock/{sku}")).await
}

async fn price(
    State(stock): State<Stock>,
    Path(sku): Path<String>,
) -> Result<Response, StatusCode> {
    stock.ask(&format!("/stock/{sku}/price")).await
}

impl Stock {
    /// The answer as it is, frame by frame; but a stock that is broken makes this a bad gateway.
    async fn ask(&self, path: &str) -> Result<Response, StatusCode> {
        let request = self.client.get(format!("{}{path}", self.url));
        let answer = request.send_traced(&self.layer).await;
        let answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
        let status = match answer.status() {
            StatusCode::INTERNAL_SERVER_ERROR => StatusCode::BAD_GATEWAY,
            status => status,
        };
        Ok((status, Body::new(reqwest::Body::from(answer))).into_response())
    }
}
