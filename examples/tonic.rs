//! A tonic server and its client, in one process: the same layers as over HTTP, and the spans have gRPC's true status.
//!
//!     OTEL_TRACES_EXPORTER=console cargo run --example tonic --features tonic
//!
//! Without the variable the spans go to a collector at localhost:4318. With `-- --once` it ends after its own calls.

use std::{error::Error, pin::Pin};

use futures_util::{Stream, StreamExt, stream};
use shop::pricing_client::PricingClient;
use shop::{Item, Price, pricing_server, pricing_server::PricingServer};
use throughline::{ClientLayer, ServerLayer};
use tokio::net::TcpListener;
use tonic::transport::{Endpoint, Server, Uri, server::TcpIncoming};
use tonic::{Request, Response, Status, Streaming};
use tower::ServiceBuilder;

type Prices = Pin<Box<dyn Stream<Item = Result<Price, Status>> + Send>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = throughline::init()?;
    let once = std::env::args().any(|word| word == "--once");
    let listener = TcpListener::bind(("127.0.0.1", if once { 0 } else { 50051 })).await?;
    let uri: Uri = format!("http://{}", listener.local_addr()?).parse()?;

    let server = Server::builder()
        .layer(ServerLayer::new())
        .add_service(PricingServer::new(Pricing))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), throughline::stop_signal());
    let server = tokio::spawn(server);
    // A channel hands its layers no host: `target` names it.
    let channel = ServiceBuilder::new()
        .layer(ClientLayer::new().target(uri.clone()))
        .service(Endpoint::from(uri.clone()).connect().await?);
    let mut client = PricingClient::new(channel);
    let item = |sku: &str| Item { sku: sku.into() };
    println!("{:?}", client.quote(item("sock")).await?.into_inner());
    // Its span is INTERNAL: the stream breaks after two prices, in the trailers.
    let mut prices = client.watch(item("hat")).await?.into_inner();
    while let Some(price) = prices.next().await {
        println!("{price:?}");
    }
    if !once {
        println!("listening at {uri}");
        server.await??;
    }
    if let Err(lost) = telemetry.shutdown().await {
        eprintln!("{lost}");
    }
    Ok(())
}

struct Pricing;

#[tonic::async_trait]
impl pricing_server::Pricing for Pricing {
    type WatchStream = Prices;
    type HaggleStream = Prices;
    async fn quote(&self, item: Request<Item>) -> Result<Response<Price>, Status> {
        let sku = item.into_inner().sku;
        Ok(Response::new(Price { sku, cents: 250 }))
    }
    async fn watch(&self, item: Request<Item>) -> Result<Response<Prices>, Status> {
        let price = self.quote(item).await?.into_inner();
        let on_fire = Err(Status::internal("the price list is on fire"));
        let prices = stream::iter([Ok(price.clone()), Ok(price), on_fire]);
        Ok(Response::new(prices.boxed()))
    }
    async fn collect(&self, _: Request<Streaming<Item>>) -> Result<Response<Price>, Status> {
        Err(Status::unimplemented("not in this example"))
    }
    async fn haggle(&self, _: Request<Streaming<Item>>) -> Result<Response<Prices>, Status> {
        Err(Status::unimplemented("not in this example"))
    }
}

#[path = "../tests/proto/mod.rs"]
mod shop;
