//! The storefront: axum outside, hyper-util's client inside. It tries again when the shop behind it is busy.

use std::{future, net::SocketAddr};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use throughline::{AttemptsService, ClientLayer, ClientService, ServerLayer, Setup};
use tower::{
    ServiceBuilder, ServiceExt,
    retry::{Policy, Retry, RetryLayer},
};

use super::{Place, subscriber, told_to_stop};
use crate::Result;

pub(crate) async fn run(place: Place) -> Result<()> {
    let telemetry = Setup::new().subscriber(subscriber()).init()?;
    let orders = ServiceBuilder::new()
        .layer(ClientLayer::attempts())
        .layer(RetryLayer::new(OnceMoreIfBusy { tried: false }))
        .layer(ClientLayer::new())
        .service(Client::builder(TokioExecutor::new()).build_http());
    let orders = Orders {
        client: orders,
        url: place.upstream("orders")?,
    };
    let app = Router::new()
        .route("/buy/{sku}", get(buy))
        .route("/price/{sku}", get(price))
        .route("/watch/{sku}", get(watch))
        .layer(ServerLayer::new().measure_active_requests(true))
        .with_state(orders)
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

/// The service behind, and how it is called.
#[derive(Clone)]
struct Orders {
    client: AttemptsService<Retry<OnceMoreIfBusy, ClientService<HttpClient>>>,
    url: String,
}

type HttpClient = Client<HttpConnector, Full<Bytes>>;

async fn buy(
    State(orders): State<Orders>,
    Path(sku): Path<String>,
) -> Result<Response, StatusCode> {
    orders
        .ask(Method::POST, format!("/orders/{}", valid(&sku)?))
        .await
}

async fn price(
    State(orders): State<Orders>,
    Path(sku): Path<String>,
) -> Result<Response, StatusCode> {
    orders
        .ask(Method::GET, format!("/orders/{}/price", valid(&sku)?))
        .await
}

async fn watch(
    State(orders): State<Orders>,
    Path(sku): Path<String>,
) -> Result<Response, StatusCode> {
    orders
        .ask(Method::GET, format!("/orders/{}/prices", valid(&sku)?))
        .await
}

impl Orders {
    /// The answer as it is, frame by frame.
    async fn ask(self, method: Method, path: String) -> Result<Response, StatusCode> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .body(Full::default())
            .map_err(|_| StatusCode::BAD_REQUEST)?;
        let answer = self.client.oneshot(request).await;
        let answer = answer.map_err(|_| StatusCode::BAD_GATEWAY)?;
        tracing::info!(path, status = answer.status().as_u16(), "answered");
        Ok((answer.status(), Body::new(answer.into_body())).into_response())
    }
}

/// A name that is a part of a path as it stands.
fn valid(sku: &str) -> Result<&str, StatusCode> {
    let is_plain = sku
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_plain.then_some(sku).ok_or(StatusCode::BAD_REQUEST)
}

/// Sends a request once more if the answer is a `503`.
#[derive(Clone)]
struct OnceMoreIfBusy {
    tried: bool,
}

impl<B, E> Policy<Request<Full<Bytes>>, http::Response<B>, E> for OnceMoreIfBusy {
    type Future = future::Ready<()>;

    fn retry(
        &mut self,
        _request: &mut Request<Full<Bytes>>,
        result: &mut Result<http::Response<B>, E>,
    ) -> Option<Self::Future> {
        let is_busy =
            matches!(result, Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE);
        let again = is_busy && !self.tried;
        self.tried = true;
        again.then(|| future::ready(()))
    }

    /// With its extensions, where the attempts are counted.
    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}
