use std::{borrow::Cow, sync::Arc};

use http::Uri;
use tower_layer::Layer;

use super::{attempts::AttemptsLayer, service::ClientService};
use crate::{
    captured::Captured,
    config::ClientConfig,
    head::{RequestHead, ResponseHead},
    outcome::Outcome,
    semconv::url::Redaction,
    span_mut::SpanMut,
    targets::Targets,
    telemetry::Telemetry,
};

/// Traces each request that a client sends, and hands the trace on: hyper-util's client, a tonic `Channel`, any Tower
/// service over `http::Request`.
///
/// ```
/// use throughline::ClientLayer;
/// use tower::ServiceBuilder;
///
/// # let client = tower::service_fn(|_: http::Request<String>| async { Ok::<_, std::io::Error>(http::Response::new(String::new())) });
/// let client = ServiceBuilder::new().layer(ClientLayer::new()).service(client);
/// ```
///
/// # When
///
/// One span covers one attempt: inside a retry layer each try has its own, siblings under the caller's span. The span
/// starts when the inner service is called, then its context goes into the headers. It ends once: when the body of the
/// response has been read to its end or dropped, or at an error. That the caller drops the future or the body is no
/// error; the span says `throughline.ending=cancelled`, also of a response whose body is not read.
///
/// # Defaults
///
/// - Every request is traced, and a child of whatever span is current.
/// - Trace and baggage go to every host: [`Targets::all`]. Restrict them where strangers are called.
/// - The span is called `{method}`; gRPC calls by their method.
/// - `url.full` without userinfo, with known-secret values of the query `REDACTED`, see [`Redaction`].
/// - No header and no body size is recorded.
/// - A status from 400 and an error of the service or of the body are errors. The status description of an error that is
///   no status is its text with its causes, URLs redacted; a gRPC call's is its `grpc-message`.
/// - Durations are measured; active requests and body sizes are not, durations have no `url.template`, and no metric has a
///   `url.scheme`. 200 values of an attribute are told apart.
/// - Methods outside of `CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE` are `_OTHER`.
/// - Spans and metrics go to the pipeline of [`init`](crate::init), else to OpenTelemetry's global providers, looked up at
///   each request.
/// - While telemetry is suppressed, as in an exporter's own calls, requests pass untouched.
///
/// # Metrics
///
/// Where the pipeline has a meter, each request that the filter keeps is measured, sampled or not: HTTP requests by
/// `http.client.request.duration`, gRPC calls by `rpc.client.call.duration`, in seconds. The measurement is made at the
/// end, by the span's own duration and `error.type`. [`SpanMut::label`] adds an attribute to it.
///
/// It has the span's method, status code, protocol version, `error.type`, and `server.address` and `server.port`; of a call,
/// its system, method and code instead of the first three.
///
/// Two layers in each other, one around retries and one around each attempt, make two spans, the inner one a child of the
/// outer one, and two measurements: [`metrics(false)`](Self::metrics) belongs on one of them.
///
/// # gRPC
///
/// Around a tonic `Channel`, with [`target`](Self::target), and inside of a generated client. The content type tells calls
/// from HTTP; their spans are named by method, and every code but `OK` is an error. The code is that of the trailers, so a
/// span ends when the caller has read to there.
///
/// - Whoever drops the future or the stream before that makes it `CANCELLED`. The server is told when both directions are
///   let go: a stream of requests that is still open keeps it working.
/// - A call that no server answered has the code that gRPC gives it, not always tonic's, which a caller sees: a deadline of
///   the client's own is `DEADLINE_EXCEEDED` (tonic: `CANCELLED`, as it also is where a tonic server's answer to the same
///   deadline comes first), a connection that broke `UNAVAILABLE` (tonic: `UNKNOWN`). The feature `tonic` reads these errors; without it such a call is `UNKNOWN`.
/// - What a generated client finds wrong in a complete message, such as its size, it finds outside of this layer.
/// - A channel does not say to whom it is connected: there is no `network.peer.address`.
/// - The conventions have one span for a call with all its retries: this layer goes outside of them.
#[derive(Clone, Debug, Default)]
#[must_use = "a layer does nothing until it is added to a service"]
pub struct ClientLayer {
    pub(crate) config: Arc<ClientConfig>,
}

impl ClientLayer {
    /// A layer with the defaults above.
    pub fn new() -> Self {
        Self::default()
    }

    /// A layer for the outside of a retry layer: it has each attempt inside know which it is, for
    /// `http.request.resend_count`. A retry policy that clones requests must clone their extensions; otherwise the count
    /// is left out.
    pub fn attempts() -> AttemptsLayer {
        AttemptsLayer
    }

    /// Says which requests are traced. Asked once a request; one that is left out has no span and gets no headers of ours.
    /// [`propagate_to`](Self::propagate_to) holds for it all the same.
    pub fn filter(self, keep: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.with(|config| config.common.filter = Some(Arc::new(keep)))
    }

    /// Where the requests go, for clients whose requests do not say it: a tonic `Channel` hands its layers URIs without
    /// a host. It names `server.address` and `server.port`, and decides what [`propagate_to`](Self::propagate_to) asks.
    pub fn target(self, target: Uri) -> Self {
        self.with(|config| config.target = Some(target))
    }

    /// The logical name of the service that is called, as `server.service.name`.
    pub fn peer_service(self, name: impl Into<Arc<str>>) -> Self {
        self.with(|config| config.peer_service = Some(name.into()))
    }

    /// Which hosts get the trace headers and the baggage. From a request to any other host such headers are taken out,
    /// also those that a handler copied from its own caller. Where the host is not known, only [`Targets::all`] lets
    /// anything go.
    pub fn propagate_to(self, targets: Targets) -> Self {
        self.with(|config| config.propagate_to = targets)
    }

    /// Which hosts get the baggage, among those that get the trace headers.
    pub fn baggage_to(self, targets: Targets) -> Self {
        self.with(|config| config.baggage_to = targets)
    }

    /// The template of a request's path (`/orders/{id}`), of few values: it becomes `url.template` and part of the
    /// span's name. Asked once, before the span starts; `None` leaves both out.
    pub fn url_template(
        self,
        template: impl Fn(&RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.template = Some(Arc::new(template)))
    }

    /// Records these request headers as `http.request.header.<name>`, or `rpc.request.header.<name>` of a gRPC call, as
    /// they are before the trace headers are written. The list is empty by default.
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

    /// Records `http.request.body.size` as `content-length` declares it (of reqwest also as its body knows it), and
    /// `http.response.body.size` as counted in data frames until the end, both in bytes; what reqwest decompresses is
    /// counted decompressed.
    pub fn record_body_sizes(self, record: bool) -> Self {
        self.with(|config| config.common.body_sizes = record)
    }

    /// Which query values are redacted in `url.full`.
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

    /// Names the span, before it starts; `None` leaves the default name. The name must have few values.
    pub fn span_name(
        self,
        name: impl Fn(&RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.common.span_name = Some(Arc::new(name)))
    }

    /// Runs once an attempt, after the span has started and before the request goes out. It sees the request without our
    /// headers.
    pub fn on_request(
        self,
        hook: impl Fn(&RequestHead<'_>, &mut SpanMut<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.common.on_request = Some(Arc::new(hook)))
    }

    /// Runs when the head of the response is there. Not at all if there is no head.
    pub fn on_response(
        self,
        hook: impl Fn(&ResponseHead<'_>, &mut SpanMut<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.common.on_response = Some(Arc::new(hook)))
    }

    /// Runs once, at the end of the exchange however it ends, just before the span does. It may run in a `drop`.
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

    /// Measures `http.client.active_requests`: one more from the request's head on, one less at the end, however it ends.
    /// Calls of gRPC have no such metric.
    pub fn measure_active_requests(self, measure: bool) -> Self {
        self.with(|config| config.common.measure.active = measure)
    }

    /// Measures `http.client.request.body.size`, where `content-length` declares it (of reqwest also as its body knows
    /// it), and `http.client.response.body.size` as counted until the end, both in bytes. Calls of gRPC have no such
    /// metric.
    pub fn measure_body_sizes(self, measure: bool) -> Self {
        self.with(|config| config.common.measure.body_sizes = measure)
    }

    /// Adds [`url_template`](Self::url_template) to `http.client.request.duration` too, which has it only if asked.
    pub fn measure_url_template(self, measure: bool) -> Self {
        self.with(|config| config.common.measure.template = measure)
    }

    /// Adds `url.scheme` to the metrics of HTTP requests. It is `http`, `https` or `_OTHER`.
    pub fn measure_url_scheme(self, measure: bool) -> Self {
        self.with(|config| config.common.measure.scheme = measure)
    }

    /// How many hosts a metric tells apart; as many methods, templates, error types, and values of each
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

    fn with(mut self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        ClientService::new(inner, Arc::clone(&self.config))
    }
}
