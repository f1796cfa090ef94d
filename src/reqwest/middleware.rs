//! Tracing reqwest as a middleware of the crate `reqwest-middleware`.
//!
//! ```
//! use reqwest_middleware::ClientBuilder;
//! use throughline::{ClientLayer, reqwest_middleware::TracingMiddleware};
//!
//! let client = ClientBuilder::new(reqwest::Client::new())
//!     .with(TracingMiddleware::new(ClientLayer::new()))
//!     .build();
//! ```
//!
//! Add it after a retry middleware, `.with(retry).with(TracingMiddleware::new(..))`, so that each attempt has a span of
//! its own, with its `http.request.resend_count`.

use std::sync::Arc;

use ::reqwest::{Request, Response};
use ::reqwest_middleware::{Error, Middleware, Next};
use http::Extensions;

use crate::{
    client::{Attempts, ClientLayer},
    reqwest::send::exchange,
};

/// The middleware: a span of the layer for each request that passes.
#[derive(Clone, Debug)]
pub struct TracingMiddleware {
    layer: ClientLayer,
}

impl TracingMiddleware {
    /// A middleware that traces as the layer says.
    pub fn new(layer: ClientLayer) -> Self {
        Self { layer }
    }
}

#[async_trait::async_trait]
impl Middleware for TracingMiddleware {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        // The extensions are the request's through all its attempts; what counts them is put there by the first.
        let resend = extensions.get_or_insert_default::<Attempts>().next();
        let config = Arc::clone(&self.layer.config);
        exchange(&config, request, resend, |request| {
            next.run(request, extensions)
        })
        .await
    }
}
