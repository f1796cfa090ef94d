use std::{
    fmt::Display,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::{
    axum_extensions::Matched,
    body::TracedBody,
    config::{ServerConfig, Side},
    conventions::{self, measured::server_asked},
    exchange::{Begin, Exchange},
    forced,
    future::ResponseFuture,
    guard::guarded,
    head::RequestHead,
    propagate::parent::RemoteParent,
    protocol::Protocol,
    route,
    semconv::{Sink, method::Method, names::SAMPLING_DECISION},
    telemetry::SamplerReads,
    value::Value,
};

/// The service that [`ServerLayer`](crate::ServerLayer) makes. It adds no box and no error to the
/// one within, and asks of it only that its errors can be displayed.
#[derive(Clone, Debug)]
pub struct ServerService<S> {
    inner: S,
    config: Arc<ServerConfig>,
}

impl<S> ServerService<S> {
    pub(crate) fn new(inner: S, config: Arc<ServerConfig>) -> Self {
        Self { inner, config }
    }
}

impl<S, B, R> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Display + 'static,
    R: Body,
    R::Error: Display + 'static,
{
    type Response = Response<TracedBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let exchange = begin(&self.config, &RequestHead::of(&request));
        route::mark(request.extensions_mut(), &exchange);
        let future = exchange.enter(|| self.inner.call(request));
        ResponseFuture::new(future, exchange)
    }
}

/// Opens the exchange of a request that came in, unless a layer outside has, or the filter leaves it out.
fn begin(config: &Arc<ServerConfig>, head: &RequestHead<'_>) -> Exchange {
    let extensions = head.extensions();
    if extensions.is_some_and(route::fill) {
        return Exchange::None;
    }
    let base = opentelemetry::Context::current();
    if base.is_telemetry_suppressed() || !config.common.keeps(head) {
        return Exchange::None;
    }
    let telemetry = config.common.telemetry.handle();
    let base = match telemetry.lost() {
        Some(lost) => lost.serve(&base),
        None => base,
    };
    let scan = head.headers().scan();
    let policy = match &config.remote_parent_with {
        // A hook that panics has named no policy; the layer's own stands.
        Some(hook) => guarded(|| hook(head)).unwrap_or(config.remote_parent),
        None => config.remote_parent,
    };
    let is_forced = config.forces(head);
    let meters = config.common.measure.meters(&telemetry);
    let passes =
        policy == RemoteParent::Adopt && !is_forced && telemetry.sampler() == SamplerReads::Flag;
    let refused = passes
        .then(|| telemetry.propagation().pass(&scan, &base))
        .flatten();
    if meters.is_none()
        && !config.is_watched()
        && let Some(context) = refused
    {
        return Exchange::Passing(context);
    }
    let protocol = Protocol::of(scan.content_type);
    let known = config
        .common
        .known_methods
        .as_deref()
        .or_else(|| telemetry.known_methods());
    let method = Method::of(head.method(), known);
    let route = extensions
        .filter(|_| protocol == Protocol::Http)
        .and_then(route::matched);
    let mut begin = Begin {
        side: Side::Server(Arc::clone(config)),
        protocol,
        // Its span alone would say that it passed.
        deadline: match refused {
            Some(_) => None,
            None => conventions::deadline(protocol, &scan),
        },
        measured: meters.map(|meters| {
            let (kind, route) = ((protocol, &method), route.map(Matched::as_str));
            server_asked(config, meters, kind, route, head, &scan)
        }),
        method,
        head,
        route,
        listed: telemetry.listed().server.clone(),
    };
    if let Some(context) = refused {
        return Exchange::unrecorded(&mut begin, context);
    }
    let mut parent = policy.decide(&base, |base| {
        telemetry.propagation().extract(head, &scan, base)
    });
    if is_forced {
        parent.context = forced::force(&parent.context);
    }
    Exchange::start(
        &telemetry,
        &mut begin,
        &parent.context,
        parent.link,
        |begin| {
            let route = begin.route.map(Matched::as_str);
            conventions::name(&begin.side, protocol, &begin.method, head, route)
        },
        |begin, attributes| {
            conventions::server_request(
                config,
                protocol,
                &begin.method,
                head,
                &scan,
                begin.deadline,
                attributes,
            );
            let listed = begin.listed.as_deref();
            conventions::request_headers(&config.common, listed, protocol, head, attributes);
            if is_forced {
                attributes.set(SAMPLING_DECISION, Value::Static("forced"));
            }
        },
    )
}
