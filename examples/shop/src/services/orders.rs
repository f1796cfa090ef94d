//! The orders: axum outside, reqwest and tonic inside.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::StreamExt;
use http::{StatusCode, Uri};
use throughline::{ClientLayer, ClientService, ServerLayer, Setup, reqwest::SendTraced};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tower::ServiceBuilder;

use super::{Place, subscriber, told_to_stop};
use crate::{
    Result,
    proto::{Item, Price, pricing_client::PricingClient},
};

pub(crate) async fn run(place: Place) -> Result<()> {
    let telemetry = Setup::new().subscriber(subscriber()).init()?;
    let stock = Stock {
        client: reqwest::Client::new(),
        layer: ClientLayer::new(),
        url: place.upstream("stock")?,
    };
    let app = Router::new()
        .route("/orders/{sku}", post(order))
        .with_state(stock)
        .merge(
            Router::new()
                .route("/orders/{sku}/price", get(price))
                .route("/orders/{sku}/prices", get(prices))
                .with_state(pricing(place.upstream("pricing")?.parse()?)),
        )
        .layer(ServerLayer::new())
        .into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(place.listen(&telemetry).await?, app)
        .with_graceful_shutdown(told_to_stop())
        .await?;
    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

/// The stock, and how it is called.
#[derive(Clone)]
struct Stock {
    client: reqwest::Client,
    layer: ClientLayer,
    url: String,
}

type Pricing = PricingClient<ClientService<Channel>>;

/// A channel hands its layers no host: the target names it.
fn pricing(uri: Uri) -> Pricing {
    let channel = ServiceBuilder::new()
        .layer(ClientLayer::new().target(uri.clone()))
        .service(Endpoint::from(uri).connect_lazy());
    PricingClient::new(channel)
}

async fn order(
    State(stock): State<Stock>,
    Path(sku): Path<String>,
) -> Result<Response, StatusCode> {
    tracing::info!(sku, "ordered");
    stock.ask(&format!("/stock/{sku}")).await
}

async fn price(
    State(mut pricing): State<Pricing>,
    Path(sku): Path<String>,
) -> Result<String, StatusCode> {
    let price = pricing.quote(Item { sku }).await;
    Ok(line(
        &price.map_err(|status| of_grpc(&status))?.into_inner(),
    ))
}

/// A line for each price as it comes. What ends them early is told on the last line: the head of the answer is gone.
async fn prices(
    State(mut pricing): State<Pricing>,
    Path(sku): Path<String>,
) -> Result<Response, StatusCode> {
    let prices = pricing.watch(Item { sku }).await;
    let prices = prices.map_err(|status| of_grpc(&status))?.into_inner();
    let lines = prices.map(|price| {
        Ok::<_, Infallible>(match price {
            Ok(price) => line(&price),
            Err(status) => format!("no more prices: {}\n", status.message()),
        })
    });
    Ok(Body::from_stream(lines).into_response())
}

impl Stock {
    /// The answer as it is, frame by frame; but a stock that is broken makes this a bad gateway.
    async fn ask(&self, path: &str) -> Result<Response, StatusCode> {
        let request = self.client.get(format!("{}{path}", self.url));
        let answer = request.send_traced(&self.layer).await;
        let answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
        let status = match answer.status() {
            StatusCode::INTERNAL_SERVER_ERROR => {
                tracing::warn!(path, "the stock is broken");
                StatusCode::BAD_GATEWAY
            }
            status => status,
        };
        Ok((status, Body::new(reqwest::Body::from(answer))).into_response())
    }
}

fn line(Price { sku, coins }: &Price) -> String {
    format!("{sku}: {coins} coins\n")
}

fn of_grpc(status: &Status) -> StatusCode {
    tracing::warn!(code = ?status.code(), "no price: {}", status.message());
    match status.code() {
        Code::NotFound => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_GATEWAY,
    }
}
