//! The stock: bare hyper. It has no router, so it names its routes itself.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown, service::TowerToHyperService};
use throughline::{PeerAddr, ServerLayer, Setup, set_route};
use tokio::time::sleep;
use tower::ServiceBuilder;

use super::{Place, say, subscriber, told_to_stop};
use crate::{Result, scenario::SEARCH};

/// What the stock says when it begins to search the slow shelf.
pub(crate) const SEARCHING: &str = "searching";

type Answer = Response<Full<Bytes>>;

pub(crate) async fn run(place: Place) -> Result<()> {
    let telemetry = Setup::new().subscriber(subscriber()).init()?;
    let listener = place.listen(&telemetry).await?;
    let shelves = Shelves::default();
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(told_to_stop());
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = &mut stop => break,
        };
        let shelves = shelves.clone();
        let service = ServiceBuilder::new()
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(PeerAddr::new(peer));
                request
            })
            .layer(ServerLayer::new())
            .service_fn(move |request| shelves.clone().answer(request));
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        // A caller that hangs up is an error of the connection, and none of the stock.
        tokio::spawn(connections.watch(connection));
    }
    connections.shutdown().await;
    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

#[derive(Clone, Default)]
struct Shelves {
    /// What the flaky shelf has been asked for once, and will give the next time.
    asked: Arc<Mutex<HashSet<String>>>,
}

impl Shelves {
    async fn answer(self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        Ok(match (request.method(), path.as_slice()) {
            (&Method::GET, ["stock", sku]) => {
                set_route(request.extensions(), "/stock/{sku}");
                self.look(sku).await
            }
            _ => text(StatusCode::NOT_FOUND, "no such page".to_owned()),
        })
    }

    async fn look(&self, sku: &str) -> Answer {
        tracing::info!(sku, "looking");
        let found = text(StatusCode::OK, format!("one of {sku}, put aside for you"));
        match sku {
            "unicorn" => text(StatusCode::NOT_FOUND, "no unicorns, nowhere".to_owned()),
            "broken" => {
                tracing::error!(sku, "the shelf fell over");
                text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the shelf fell over".to_owned(),
                )
            }
            "flaky" if self.is_first(sku) => {
                tracing::warn!(sku, "busy");
                text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "busy, ask again".to_owned(),
                )
            }
            "slow" => {
                say(SEARCHING);
                sleep(SEARCH).await;
                found
            }
            _ => found,
        }
    }

    /// Every other time.
    fn is_first(&self, sku: &str) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = !asked.remove(sku);
        if is_first {
            asked.insert(sku.to_owned());
        }
        is_first
    }
}

fn text(status: StatusCode, line: String) -> Answer {
    let mut answer = Response::new(Full::from(line + "\n"));
    *answer.status_mut() = status;
    answer
}
