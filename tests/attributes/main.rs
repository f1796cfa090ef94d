//! What spans say of requests: the defaults of both layers, line by line, and odd input.

#[path = "../common/mod.rs"]
mod common;

mod client;
mod forwarded;
mod odd;
mod server;

use std::{convert::Infallible, fmt::Debug, sync::Arc, sync::Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use opentelemetry::{Array, Value};
use opentelemetry_sdk::trace::SpanData;
use tower::{Layer, Service, ServiceExt, service_fn};

/// What the service inside saw.
type Seen = Arc<Mutex<HeaderMap>>;

type Answer = tower::util::BoxCloneService<Request<Full<Bytes>>, Response<Full<Bytes>>, Infallible>;

/// Sends one request through a layer to a service that answers with this response. Gives back the answer and the
/// headers that the service saw.
async fn exchange<L>(
    layer: &L,
    request: Request<Full<Bytes>>,
    response: impl Fn() -> Response<Full<Bytes>> + Clone + Send + 'static,
) -> (Response<()>, HeaderMap)
where
    L: Layer<Answer>,
    L::Service: Service<
            Request<Full<Bytes>>,
            Response = Response<throughline::TracedBody<Full<Bytes>>>,
            Error: Debug,
        >,
{
    let seen = Seen::default();
    let tell = Arc::clone(&seen);
    let service = service_fn(move |request: Request<Full<Bytes>>| {
        *tell.lock().unwrap() = request.headers().clone();
        let response = response();
        async { Ok::<_, Infallible>(response) }
    });
    let service = layer.layer(tower::util::BoxCloneService::new(service));
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    body.collect().await.unwrap();
    let headers = seen.lock().unwrap().clone();
    (Response::from_parts(head, ()), headers)
}

fn ok() -> Response<Full<Bytes>> {
    Response::new(Full::from("body"))
}

fn request(uri: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::get(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

/// The lines of a recorded header.
fn lines(span: &SpanData, key: &str) -> Option<Vec<String>> {
    match common::attribute(span, key)? {
        Value::Array(Array::String(lines)) => Some(lines.iter().map(ToString::to_string).collect()),
        other => panic!("{key} is {other:?}"),
    }
}
