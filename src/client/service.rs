use std::{
    borrow::Cow,
    fmt::Display,
    sync::Arc,
    task::{Context, Poll},
};

use http::{
    HeaderMap, Request, Response,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body::Body;
use tower_service::Service;

use super::attempts::Attempts;
use crate::{
    body::TracedBody,
    config::{ClientConfig, Side},
    conventions::{self, measured::client_asked},
    exchange::{Begin, Exchange},
    future::ResponseFuture,
    guard::guarded,
    head::RequestHead,
    protocol::Protocol,
    route,
    scan::decimal,
    semconv::{
        Sink,
        client::{Call, Destination},
        method::Method,
        names,
    },
    telemetry::Handle,
};

/// The service that [`ClientLayer`](crate::ClientLayer) makes. It adds no box and no error to the
/// one within, and asks of it only that its errors can be displayed.
#[derive(Clone, Debug)]
pub struct ClientService<S> {
    inner: S,
    config: Arc<ClientConfig>,
}

/// An exchange that has begun, and what the outgoing headers must become.
pub(crate) struct Sending<'a> {
    pub(crate) exchange: Exchange,
    telemetry: Cow<'a, Handle>,
    trace: bool,
    baggage: bool,
}

impl<S> ClientService<S> {
    pub(crate) fn new(inner: S, config: Arc<ClientConfig>) -> Self {
        Self { inner, config }
    }
}

impl<S, B, R> Service<Request<B>> for ClientService<S>
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
        // A handler that passes its own request on must not pass on whose it was.
        route::unmark(request.extensions_mut());
        let resend = request
            .extensions()
            .get::<Attempts>()
            .map_or(0, Attempts::next);
        let sending = begin(&self.config, &RequestHead::of(&request), resend, None);
        let exchange = match sending {
            Some(sending) => sending.inject(request.headers_mut()),
            None => Exchange::None,
        };
        let future = exchange.enter(|| self.inner.call(request));
        ResponseFuture::new(future, exchange)
    }
}

impl Sending<'_> {
    /// Writes the trace into the headers, or takes it out where the host may not have it.
    pub(crate) fn inject(self, headers: &mut HeaderMap) -> Exchange {
        let propagation = self.telemetry.propagation();
        match self.exchange.context() {
            _ if !self.trace => propagation.strip(headers),
            Some(context) => propagation.inject(context, headers, self.baggage),
            // Left out by the filter: what is in the headers is not ours, and may go where it goes.
            None => {}
        }
        self.exchange
    }
}

/// Where a request goes, and what may go with it.
struct Way<'a> {
    destination: Destination<'a>,
    trace: bool,
    baggage: bool,
}

impl<'a> Way<'a> {
    fn of(config: &'a ClientConfig, head: &RequestHead<'a>) -> Self {
        let uri = head.uri();
        let destination = match &config.target {
            Some(target) => Destination::new(
                target.scheme_str().or_else(|| uri.scheme()),
                target.authority().map(http::uri::Authority::as_str),
            ),
            None => Destination::new(uri.scheme(), uri.authority()),
        };
        let (host, port) = (destination.host, destination.port);
        let trace = config.propagate_to.contains(host, port);
        Self {
            destination,
            trace,
            baggage: trace && config.baggage_to.contains(host, port),
        }
    }
}

/// Opens the exchange of an attempt, unless the filter leaves it out. `None`: telemetry is suppressed, and the request
/// goes out untouched.
///
/// `body_size` is the exact size of the body, where that is known without a `content-length`.
pub(crate) fn begin<'a>(
    config: &'a Arc<ClientConfig>,
    head: &RequestHead<'_>,
    resend_count: u32,
    body_size: Option<u64>,
) -> Option<Sending<'a>> {
    let parent = opentelemetry::Context::current();
    if parent.is_telemetry_suppressed() {
        return None;
    }
    let telemetry = config.common.telemetry.handle();
    let way = Way::of(config, head);
    if !config.common.keeps(head) {
        return Some(Sending {
            exchange: Exchange::None,
            telemetry,
            trace: way.trace,
            baggage: way.baggage,
        });
    }
    let protocol = Protocol::of(head.headers().first(&CONTENT_TYPE));
    let known = config
        .common
        .known_methods
        .as_deref()
        .or_else(|| telemetry.known_methods());
    let template = config
        .template
        .as_ref()
        .and_then(|hook| guarded(|| hook(head)).flatten());
    let method = Method::of(head.method(), known);
    let mut begin = Begin {
        side: Side::Client(Arc::clone(config)),
        protocol,
        route: None,
        deadline: None,
        measured: config.common.measure.meters(&telemetry).map(|meters| {
            let (kind, way) = ((protocol, &method), &way.destination);
            let template = template.as_deref();
            client_asked(config, meters, kind, template, head, way, body_size)
        }),
        method,
        head,
        listed: telemetry.listed().client.clone(),
    };
    let is_lost = telemetry.lost().is_some_and(|lost| {
        let Destination { host, port, .. } = way.destination;
        lost.is_lost(&parent, host, port)
    });
    let exchange = Exchange::start(
        &telemetry,
        &mut begin,
        &parent,
        None,
        |begin| {
            conventions::name(
                &begin.side,
                protocol,
                &begin.method,
                head,
                template.as_deref(),
            )
        },
        |begin, attributes| {
            let declared = || head.headers().first(&CONTENT_LENGTH).and_then(decimal);
            let call = Call {
                redaction: &config.common.redaction,
                destination: &way.destination,
                service: config.peer_service.as_ref(),
                template: template.as_deref(),
                resend_count,
                body_size: config
                    .common
                    .body_sizes
                    .then(|| body_size.or_else(declared))
                    .flatten(),
            };
            conventions::client_request(protocol, &begin.method, head, &call, attributes);
            let listed = begin.listed.as_deref();
            conventions::request_headers(&config.common, listed, protocol, head, attributes);
            if is_lost {
                attributes.set(names::CONTEXT_LOST, true);
            }
        },
    );
    Some(Sending {
        exchange,
        telemetry,
        trace: way.trace,
        baggage: way.baggage,
    })
}
