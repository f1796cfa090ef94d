use std::{borrow::Cow, sync::Arc};

use tower_layer::Layer;

use super::service::ServerService;
use crate::{
    captured::Captured,
    config::{Scheme, ServerConfig},
    head::{RequestHead, ResponseHead},
    outcome::Outcome,
    propagate::parent::RemoteParent,
    semconv::{peer::TrustedProxies, url::Redaction},
    span_mut::SpanMut,
    telemetry::Telemetry,
};

/// Traces each request that a service answers: axum, tonic, a raw hyper service, anything over `http::Request`.
///
/// ```
/// # #[cfg(feature = "axum")] {
/// use axum::{Router, routing::get};
/// use throughline::ServerLayer;
///
/// let app: Router = Router::new()
///     .route("/orders/{id}", get(|| async { "order" }))
///     .layer(ServerLayer::new().filter(|req| req.uri().path() != "/healthz"));
/// # }
/// ```
///
/// On axum, give it to `Router::layer` after the routes: what is added later is not traced. Around a whole router, see
/// the module `axum`.
///
/// # When
///
/// The span starts when the service is called with the request, and its context is current in that call, in each poll of
/// the future and in each poll of the body. It ends once: at the last frame of the response's body, at an error of the
/// service or of the body, at an upgrade, when the future or the body is dropped, or when the service panics.
/// A second `ServerLayer` on the same request opens no second span.
///
/// # Defaults
///
/// - Every request is traced.
/// - The caller's trace is carried on: [`RemoteParent::Adopt`].
/// - The span is called `{method} {route}` with the route of axum's router, else `{method}`; gRPC calls by their method.
/// - No proxy is trusted: `client.address` is the socket's peer, `server.address` the `:authority` or `Host`. The peer is
///   known where axum is served by `into_make_service_with_connect_info::<SocketAddr>()`, on tonic with the feature
///   `tonic`, and where a [`PeerAddr`](crate::PeerAddr) is in the request's extensions.
/// - A request that does not say its scheme came by `http`.
/// - No header is recorded. Known-secret values of the query are `REDACTED`, see [`Redaction`].
/// - No body size is recorded.
/// - Nobody forces sampling: the sampler decides.
/// - A status from 500, an error, a panic and a caller that left before the end are errors; a `4xx` is none.
/// - The status description of an error that is no status is the error's text with its causes, URLs redacted; a gRPC
///   call's is its `grpc-message`. It is the one free text that a span carries.
/// - The response is sent on as it is, without a header of ours.
/// - Durations are measured; active requests and body sizes are not, and metrics have no `server.address`. 200 values of
///   an attribute are told apart.
/// - Methods outside of `CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE` are `_OTHER`.
/// - Spans and metrics go to the pipeline of [`init`](crate::init), else to OpenTelemetry's global providers, looked up at
///   each request.
///
/// # gRPC
///
/// A request whose content type is `application/grpc` is a call, and its span has nothing of HTTP: it is called by its
/// method, `package.Service/Method`, and `rpc.status_code` is the name of the code that its trailers say, or its head
/// where that is all there is. `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and `DATA_LOSS`
/// are errors of a server; the others are its caller's.
///
/// The layer goes on a tonic `Server`, on one service of it by tonic's `named_layer`, or on an axum router that has gRPC
/// and HTTP on one port. What an interceptor inside of it refuses is traced; what one outside refuses never comes here.
///
/// - A call that its client cancels is `CANCELLED`. tonic keeps deadlines outside of all layers and until the head of the
///   response only: a call that runs out of time sees itself dropped. It is `CANCELLED` too, with what was asked as
///   `throughline.rpc.timeout`, in milliseconds, and `throughline.rpc.deadline_exceeded` where that had passed
///   since the call came in; a client, whose clock began earlier, may give up a little before.
/// - gRPC-web has its trailers in its body and is HTTP. Behind tonic-web's layer, which translates it, it is gRPC.
/// - What says it is gRPC and is not, is a call as well: of the method `_OTHER` where the path names none, and with the
///   status `UNKNOWN` where the answer has none.
///
/// # Metrics
///
/// Where the pipeline has a meter, each request that the filter keeps is measured, sampled or not: HTTP requests by
/// `http.server.request.duration`, gRPC calls by `rpc.server.call.duration`, in seconds. The measurement is made at the
/// end, by the span's own duration and `error.type`, and carries nothing that a caller could give any number of values: the
/// span's method, scheme, route, status code and protocol version; of a call, its system, method and code.
/// [`label`](crate::label()) adds an attribute to it.
///
/// gRPC has no router that the layer could ask: a call that was answered with nothing but `UNIMPLEMENTED` is of the method
/// `_OTHER` in metrics, unless [`rpc_methods`](Self::rpc_methods) names the methods. Strangers that are turned away
/// otherwise can use up the [`cardinality_limit`](Self::cardinality_limit); a list keeps them out.
///
/// # Hooks
///
/// A hook runs on the request's own task and must not block. One that panics is reported by the process's panic hook and
/// otherwise ignored. Hooks run for every request that the filter keeps, sampled or not:
/// [`SpanMut::is_recording`] tells which.
#[derive(Clone, Debug, Default)]
#[must_use = "a layer does nothing until it is added to a service"]
pub struct ServerLayer {
    config: Arc<ServerConfig>,
}

impl ServerLayer {
    /// A layer with the defaults above.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says which requests are traced. Asked once a request, before anything else is done for it; one that is left out
    /// passes untouched, and what it calls starts traces of its own.
    pub fn filter(self, keep: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with(|config| config.common.filter = Some(Arc::new(keep)))
    }

    /// What is made of the caller's trace, for every request.
    pub fn remote_parent(self, policy: RemoteParent) -> Self {
        self.with(|config| config.remote_parent = policy)
    }

    /// What is made of the caller's trace, request by request. Asked once, before the span starts.
    pub fn remote_parent_with(
        self,
        policy: impl Fn(&RequestHead<'_>) -> RemoteParent + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.remote_parent_with = Some(Arc::new(policy)))
    }

    /// Records these request headers as `http.request.header.<name>`, or `rpc.request.header.<name>` of a gRPC call.
    /// The list is empty by default, and nothing is recorded that is not on it. A text is one line of the header.
    pub fn record_request_headers<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.with(|config| config.common.request_headers = Captured::list("request.header", names))
    }

    /// Records these response headers as `http.response.header.<name>`, read when the head of the response is there.
    pub fn record_response_headers<N: AsRef<str>>(
        self,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        self.with(|config| {
            config.common.response_headers = Captured::list("response.header", names);
        })
    }

    /// Records these trailers of gRPC calls as `rpc.response.trailer.<name>`, read at the end of the response; of an answer
    /// without a body, which has its trailers in the head, there. HTTP knows no such attribute.
    pub fn record_response_trailers<N: AsRef<str>>(
        self,
        names: impl IntoIterator<Item = N>,
    ) -> Self {
        self.with(|config| {
            config.common.response_trailers = Captured::list("response.trailer", names);
        })
    }

    /// Records `http.request.body.size` as the caller declares it in `content-length`, and `http.response.body.size` as
    /// counted in data frames until the end, both in bytes; compressed, if the layer that compresses is inside.
    pub fn record_body_sizes(self, record: bool) -> Self {
        self.with(|config| config.common.body_sizes = record)
    }

    /// Believes what these proxies say of the client in `Forwarded` and `X-Forwarded-*`.
    pub fn trust_forwarded(self, proxies: TrustedProxies) -> Self {
        self.with(|config| config.trust = proxies)
    }

    /// Records `url.scheme=https` where a request does not say its scheme: for a server that ends TLS itself.
    pub fn https(self) -> Self {
        self.with(|config| config.scheme = Scheme::Https)
    }

    /// Which query values are redacted in `url.query`.
    pub fn redact(self, redaction: Redaction) -> Self {
        self.with(|config| config.common.redaction = redaction)
    }

    /// The methods that are known, instead of the default ones and of `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`. The
    /// comparison is case-sensitive.
    pub fn known_methods<N: AsRef<str>>(self, methods: impl IntoIterator<Item = N>) -> Self {
        let methods = methods
            .into_iter()
            .map(|method| method.as_ref().into())
            .collect();
        self.with(|config| config.common.known_methods = Some(methods))
    }

    /// The gRPC methods that this server has, as `package.Service/Method`. A call of any other is called `grpc`, its
    /// `rpc.method` is `_OTHER` and what was asked is in `rpc.method_original`: strangers can call anything. Without a
    /// list every well-formed method counts.
    pub fn rpc_methods<N: AsRef<str>>(self, methods: impl IntoIterator<Item = N>) -> Self {
        let methods = methods.into_iter();
        let methods = methods.map(|method| method.as_ref().trim_start_matches('/').into());
        let methods = methods.collect();
        self.with(|config| config.rpc_methods = Some(Arc::new(methods)))
    }

    /// Adds `Server-Timing: trace;desc=00-{trace id}-{span id}-{flags}` to each response, for browsers and callers to
    /// find the trace by (W3C Trace Context Level 3, a draft). Off by default.
    pub fn server_timing(self, send: bool) -> Self {
        self.with(|config| config.server_timing = send)
    }

    /// Names the span, before it starts; `None` leaves the default name. The name must have few values. A route that is
    /// found only later, behind a layer outside of the router or by [`set_route`](crate::set_route), names it anew.
    pub fn span_name(
        self,
        name: impl Fn(&RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.common.span_name = Some(Arc::new(name)))
    }

    /// Runs once a request, after the span has started and before the service is called. Its context is not current yet.
    pub fn on_request(
        self,
        hook: impl Fn(&RequestHead<'_>, &mut SpanMut<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.common.on_request = Some(Arc::new(hook)))
    }

    /// Runs when the service has made the head of the response, before any of its body. Not at all if there is no head.
    pub fn on_response(
        self,
        hook: impl Fn(&ResponseHead<'_>, &mut SpanMut<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.common.on_response = Some(Arc::new(hook)))
    }

    /// Runs once, at the end of the exchange however it ends, just before the span does. It may run in a `drop`, or while
    /// a panic unwinds.
    pub fn on_end(
        self,
        hook: impl Fn(&Outcome<'_>, &mut SpanMut<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.common.on_end = Some(Arc::new(hook)))
    }

    /// Whether requests are measured, where the pipeline has a meter. On by default; off, the layer still traces.
    pub fn metrics(self, measure: bool) -> Self {
        self.with(|config| config.common.measure.is_on = measure)
    }

    /// Measures `http.server.active_requests`: one more from the request's head on, one less at the end, however it ends.
    /// Calls of gRPC have no such metric.
    pub fn measure_active_requests(self, measure: bool) -> Self {
        self.with(|config| config.common.measure.active = measure)
    }

    /// Measures `http.server.request.body.size`, of requests that declare it in `content-length`, and
    /// `http.server.response.body.size` as counted until the end, both in bytes. Calls of gRPC have no such metric.
    pub fn measure_body_sizes(self, measure: bool) -> Self {
        self.with(|config| config.common.measure.body_sizes = measure)
    }

    /// Adds `server.address` and `server.port` to the metrics, where requests say them. Who calls writes them as he likes:
    /// only for a server that sees no other hosts than its own.
    pub fn measure_server_address(self, measure: bool) -> Self {
        self.with(|config| config.common.measure.address = measure)
    }

    /// How many routes a metric tells apart; as many methods, error types, hosts, and values of each
    /// [`label`](crate::label()). A value beyond that is `_OTHER`, a number is left out. The first of each attribute is
    /// warned of ([`Setup::on_warning`](crate::Setup::on_warning), else `tracing`), and all are counted:
    /// [`Telemetry::folded_measurements`].
    ///
    /// Layers of one pipeline share their metrics, and so the values that have room.
    pub fn cardinality_limit(self, values: usize) -> Self {
        self.with(|config| config.common.measure.limit = values)
    }

    /// Uses this pipeline instead of the installed one or the globals.
    pub fn telemetry(self, telemetry: &Telemetry) -> Self {
        self.with(|config| config.common.telemetry.give(telemetry.handle.clone()))
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let config = Arc::make_mut(&mut self.config);
        change(config);
        if let Some(force) = &config.force {
            let captured = &mut config.common.request_headers;
            captured.retain(|captured| captured.header != force.header);
        }
        self
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> ServerService<S> {
        ServerService::new(inner, Arc::clone(&self.config))
    }
}
