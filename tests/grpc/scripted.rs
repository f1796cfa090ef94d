//! A server that answers as it is asked.

use std::pin::Pin;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tonic::{
    Code, Request, Response, Status, Streaming,
    metadata::{MetadataMap, MetadataValue},
};

use crate::shop::{Item, Price, pricing_server::Pricing};

/// Answers as the metadata of the request asks; says whenever it was called.
#[derive(Clone, Debug)]
pub struct Scripted {
    called: mpsc::UnboundedSender<MetadataMap>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
struct Ask {
    code: Code,
    messages: usize,
    hangs: bool,
}

type Prices = Pin<Box<dyn Stream<Item = Result<Price, Status>> + Send>>;

impl Scripted {
    /// The server, and what tells of each call of it.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<MetadataMap>) {
        let (called, calls) = mpsc::unbounded_channel();
        (Self { called }, calls)
    }

    fn called(&self, metadata: &MetadataMap) -> Ask {
        let _nobody_waits = self.called.send(metadata.clone());
        let number = |name| metadata.get(name)?.to_str().ok()?.parse::<u8>().ok();
        Ask {
            code: Code::from(i32::from(number("ask-code").unwrap_or(0))),
            messages: number("ask-messages").unwrap_or(1).into(),
            hangs: metadata.contains_key("ask-hang"),
        }
    }
}

impl Ask {
    async fn one(self, sku: String) -> Result<Response<Price>, Status> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.end()?;
        let mut response = Response::new(Price { sku, cents: 100 });
        initial(response.metadata_mut());
        Ok(response)
    }

    fn many(self, sku: String) -> Response<Prices> {
        let prices = (1..).take(self.messages).map(move |cents| {
            Ok(Price {
                sku: sku.clone(),
                cents,
            })
        });
        let end = self.end().err().map(Err);
        let prices = stream::iter(prices.chain(end));
        let mut response: Response<Prices> = if self.hangs {
            Response::new(prices.chain(stream::pending()).boxed())
        } else {
            Response::new(prices.boxed())
        };
        initial(response.metadata_mut());
        response
    }

    fn end(self) -> Result<(), Status> {
        if self.code == Code::Ok {
            return Ok(());
        }
        let mut status = Status::with_details(self.code, "as asked: ü", b"details\0"[..].into());
        let metadata = status.metadata_mut();
        metadata.insert("x-last", "trailing".parse().unwrap());
        metadata.insert_bin("x-last-bin", MetadataValue::from_bytes(b"\xff\x00"));
        Err(status)
    }
}

#[tonic::async_trait]
impl Pricing for Scripted {
    type WatchStream = Prices;
    type HaggleStream = Prices;

    async fn quote(&self, request: Request<Item>) -> Result<Response<Price>, Status> {
        let ask = self.called(request.metadata());
        ask.one(request.into_inner().sku).await
    }

    async fn watch(&self, request: Request<Item>) -> Result<Response<Prices>, Status> {
        let ask = self.called(request.metadata());
        Ok(ask.many(request.into_inner().sku))
    }

    async fn collect(&self, request: Request<Streaming<Item>>) -> Result<Response<Price>, Status> {
        let ask = self.called(request.metadata());
        let mut items = request.into_inner();
        let mut skus = String::new();
        while let Some(item) = items.message().await? {
            skus.push_str(&item.sku);
        }
        ask.one(skus).await
    }

    async fn haggle(&self, request: Request<Streaming<Item>>) -> Result<Response<Prices>, Status> {
        let ask = self.called(request.metadata());
        let items = request.into_inner();
        let prices = items.map(|item| {
            item.map(|item| Price {
                sku: item.sku,
                cents: 7,
            })
        });
        let end = stream::iter(ask.end().err().map(Err));
        let prices = prices.chain(end);
        Ok(Response::new(if ask.hangs {
            prices.chain(stream::pending()).boxed()
        } else {
            prices.boxed()
        }))
    }
}

fn initial(metadata: &mut MetadataMap) {
    metadata.insert("x-initial", "early".parse().unwrap());
}
