//! The ways in: OTLP over gRPC and HTTP, and Zipkin.

mod body;
mod decode;
pub(crate) mod grpc;
pub(crate) mod http;
mod json;
mod refused;
mod value;
pub(crate) mod weight;
mod zipkin;

use std::time::Duration;

use axum::Router;

use crate::store::{Store, StoreError};

/// What the ways in share.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    store: Store,
    /// How long a body may take to come in.
    patience: Duration,
}

/// What OTLP carries here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Traces,
    Logs,
}

impl Ways {
    pub(crate) fn new(store: &Store, patience: Duration) -> Self {
        Self {
            store: store.clone(),
            patience,
        }
    }

    /// Stores a batch, and says what of it was refused.
    async fn store(
        &self,
        mut batch: crate::batch::Batch,
    ) -> Result<crate::batch::Rejected, StoreError> {
        let rejected = std::mem::take(&mut batch.rejected);
        self.store.write(batch).await?;
        Ok(rejected)
    }
}

impl Store {
    /// OTLP over HTTP and Zipkin (`/v1/traces`, `/v1/logs`, `/api/v2/spans`), for a service that embeds the viewer and
    /// serves them itself. Nothing there asks who sends.
    ///
    /// `patience` is how long a body may take to come in.
    pub fn http_routes(&self, patience: Duration) -> Router {
        http::routes(Ways::new(self, patience))
    }

    /// OTLP over gRPC, as [`http_routes`](Self::http_routes).
    pub fn grpc_routes(&self, patience: Duration) -> Router {
        grpc::routes(Ways::new(self, patience))
    }
}
