//! The pricing: tonic, a unary call and a stream.

use std::pin::Pin;

use futures_util::{Stream, StreamExt, stream};
use throughline::{ServerLayer, Setup};
use tokio::time::sleep;
use tonic::{
    Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

use super::{Place, subscriber, told_to_stop};
use crate::{
    Result,
    proto::{
        Item, Price,
        pricing_server::{Pricing, PricingServer},
    },
    scenario::{PAUSE, TICKS},
};

/// How many prices a torn list has.
const LEGIBLE: u32 = 3;

pub(crate) async fn run(place: Place) -> Result<()> {
    let telemetry = Setup::new().subscriber(subscriber()).init()?;
    let calls = TcpIncoming::from(place.listen(&telemetry).await?);
    Server::builder()
        .layer(ServerLayer::new())
        .add_service(PricingServer::new(PriceList))
        .serve_with_incoming_shutdown(calls, told_to_stop())
        .await?;
    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

struct PriceList;

#[tonic::async_trait]
impl Pricing for PriceList {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Price, Status>> + Send>>;

    async fn quote(&self, item: Request<Item>) -> Result<Response<Price>, Status> {
        let sku = item.into_inner().sku;
        tracing::info!(sku, "quoted");
        match sku.as_str() {
            "unicorn" => Err(Status::not_found("nobody has ever sold one")),
            _ => Ok(Response::new(Price { sku, coins: 10 })),
        }
    }

    /// The price, told over and over.
    async fn watch(&self, item: Request<Item>) -> Result<Response<Self::WatchStream>, Status> {
        let sku = item.into_inner().sku;
        let is_torn = sku == "torn";
        let ticks = stream::iter(0..TICKS).then(move |tick| {
            let sku = sku.clone();
            async move {
                if tick > 0 {
                    sleep(PAUSE).await;
                }
                let coins = 10 + tick % 3;
                tracing::info!(sku, coins, "told");
                Ok(Price { sku, coins })
            }
        });
        Ok(Response::new(if is_torn {
            let torn = stream::once(async {
                tracing::error!("the price list is torn");
                Err(Status::internal("the price list is torn"))
            });
            ticks.take(LEGIBLE as usize).chain(torn).boxed()
        } else {
            ticks.boxed()
        }))
    }
}
