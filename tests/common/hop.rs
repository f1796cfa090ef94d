//! A gateway between two sockets.

use std::sync::{Arc, Mutex};

use axum::{Router, extract::Request, routing::any};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::Full;
use throughline::{ClientLayer, ServerLayer, Telemetry};
use tower::{ServiceBuilder, ServiceExt};

use super::net::{get, http1, read, serve_axum};

/// A gateway that calls a second service, which keeps the headers it gets.
pub struct Hop {
    pub server: ServerLayer,
    pub client: ClientLayer,
    /// Whether the handler hands on the headers of its own caller, as a naive proxy does.
    pub copies: bool,
}

impl Hop {
    pub fn new(telemetry: &Telemetry) -> Self {
        Self {
            server: ServerLayer::new().telemetry(telemetry),
            client: ClientLayer::new().telemetry(telemetry),
            copies: false,
        }
    }

    /// Sends a request with these headers; gives back the headers that the second service got.
    pub async fn send(&self, headers: &[(&str, &str)]) -> HeaderMap {
        let got = Arc::new(Mutex::new(HeaderMap::new()));
        let keep = Arc::clone(&got);
        let last = Router::new().fallback(async move |request: Request| {
            *keep.lock().unwrap() = request.headers().clone();
        });
        let last = serve_axum(last).await;

        let (layer, copies) = (self.client.clone(), self.copies);
        let handler = move |incoming: Request| async move {
            let client = ServiceBuilder::new().layer(layer).service(http1());
            let mut request = get(last, "/next");
            if copies {
                *request.headers_mut() = incoming.headers().clone();
            }
            read(client.oneshot(request).await.unwrap()).await;
        };
        let app = Router::new()
            .route("/", any(handler))
            .layer(self.server.clone());
        let mut request = http::Request::get(format!("http://{}/", serve_axum(app).await));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::<Bytes>::default()).unwrap();
        read(http1().request(request).await.unwrap()).await;
        std::mem::take(&mut *got.lock().unwrap())
    }
}

/// The one line of this name.
#[track_caller]
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next().map(|value| value.to_str().unwrap());
    assert!(lines.next().is_none(), "{name} twice in {headers:?}");
    line
}
