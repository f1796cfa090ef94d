use std::sync::Arc;

use ::reqwest::{Body, Error, Request, RequestBuilder, Response, ResponseBuilderExt, Url};

use crate::{
    client::{Attempts, ClientLayer, service::begin},
    config::ClientConfig,
    context::carry,
    future::ResponseFuture,
    head::{RequestHead, UriView},
};

/// Sending a request of reqwest under a span.
///
/// The span starts when the future is first polled, as a child of the span that was current when the future was made. It
/// ends when the response's body has been read or dropped, or with the error; the response keeps its URL and its
/// extensions.
pub trait SendTraced: Sized + sealed::Sealed {
    /// What `send` does, under a span of the layer.
    ///
    /// # Errors
    ///
    /// Those of `send`, unchanged. A request that the builder could not make is no attempt: it has no span.
    fn send_traced(
        self,
        layer: &ClientLayer,
    ) -> impl Future<Output = Result<Response, Error>> + Send + use<Self>;

    /// The same for one attempt of several that a loop of one's own makes: the span says which it is in
    /// `http.request.resend_count`.
    ///
    /// # Errors
    ///
    /// Those of `send`, unchanged.
    fn send_attempt(
        self,
        layer: &ClientLayer,
        attempts: &Attempts,
    ) -> impl Future<Output = Result<Response, Error>> + Send + use<Self>;
}

mod sealed {
    #[allow(unnameable_types, reason = "nobody else implements it")]
    pub trait Sealed {}

    impl Sealed for ::reqwest::RequestBuilder {}
}

impl SendTraced for RequestBuilder {
    fn send_traced(
        self,
        layer: &ClientLayer,
    ) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        send(self, Arc::clone(&layer.config), None)
    }

    fn send_attempt(
        self,
        layer: &ClientLayer,
        attempts: &Attempts,
    ) -> impl Future<Output = Result<Response, Error>> + Send + use<> {
        send(self, Arc::clone(&layer.config), Some(attempts.clone()))
    }
}

fn send(
    builder: RequestBuilder,
    config: Arc<ClientConfig>,
    attempts: Option<Attempts>,
) -> impl Future<Output = Result<Response, Error>> + Send {
    let (client, request) = builder.build_split();
    carry(async move {
        let request = request?;
        let resend = attempts.as_ref().map_or(0, Attempts::next);
        exchange(&config, request, resend, |request| client.execute(request)).await
    })
}

/// Sends a request by `execute`, under a span.
pub(crate) async fn exchange<F, E>(
    config: &Arc<ClientConfig>,
    mut request: Request,
    resend: u32,
    execute: impl FnOnce(Request) -> F,
) -> Result<Response, E>
where
    F: Future<Output = Result<Response, E>>,
    E: std::fmt::Display + 'static,
{
    let body_size = request
        .body()
        .and_then(Body::as_bytes)
        .map(|body| body.len() as u64);
    let sending = begin(config, &head(&request), resend, body_size);
    let Some(sending) = sending else {
        return execute(request).await;
    };
    let exchange = sending.inject(request.headers_mut());
    let executed = exchange.enter(|| execute(request));
    let converted = async move { executed.await.map(into_http) };
    let response = ResponseFuture::new(converted, exchange).await?;
    Ok(Response::from(response.map(Body::wrap)))
}

fn head(request: &Request) -> RequestHead<'_> {
    let url = request.url();
    RequestHead::new(
        request.method().as_str(),
        UriView {
            scheme: Some(url.scheme()),
            authority: Some(url.authority()),
            path: url.path(),
            query: url.query(),
            fragment: url.fragment(),
        },
        None,
        request.headers(),
        None,
    )
}

/// reqwest's conversion into an `http::Response` forgets the URL, which its way back asks for.
fn into_http(response: Response) -> http::Response<Body> {
    let url = response.url().clone();
    let mut response = http::Response::<Body>::from(response);
    if let Ok(named) = named(url) {
        response
            .extensions_mut()
            .extend(named.into_parts().0.extensions);
    }
    response
}

fn named(url: Url) -> http::Result<http::Response<()>> {
    http::Response::builder().url(url).body(())
}
