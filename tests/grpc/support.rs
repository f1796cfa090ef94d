//! What the tests share: spans one can wait for, servers and traced clients.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use opentelemetry::{
    Context,
    trace::{SpanKind, Status as SpanStatus},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, Span, SpanData, SpanProcessor},
};
use throughline::{
    ClientLayer, ClientService, ServerLayer, Telemetry,
    otel::{Pipeline, opentelemetry::propagation::TextMapPropagator},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::timeout,
};
use tonic::{
    Request, Status, Streaming,
    metadata::MetadataMap,
    transport::{Channel, Endpoint, server::TcpIncoming},
};
use tower::ServiceBuilder;

use crate::{
    common::{Meters, meters::check_against, text},
    scripted::Scripted,
    shop::{Item, Price, pricing_client::PricingClient, pricing_server::PricingServer},
};

/// A busy machine may take this long; an event that never comes fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

pub type Client = PricingClient<ClientService<Channel>>;

/// A pipeline whose spans can be waited for, and whose measurements stay in memory.
#[derive(Clone)]
pub struct Spans {
    seen: watch::Sender<Seen>,
    pub meters: Arc<Meters>,
    pub telemetry: Arc<Telemetry>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    started: usize,
    ended: Vec<SpanData>,
}

#[derive(Debug)]
struct Watching(watch::Sender<Seen>);

impl Spans {
    pub fn new() -> Self {
        Self::with(|pipeline| pipeline.build())
    }

    pub fn propagated_by(propagator: impl TextMapPropagator + Send + Sync + 'static) -> Self {
        Self::with(|pipeline| pipeline.propagator(propagator).build())
    }

    fn with(build: impl FnOnce(Pipeline<'_, SdkTracerProvider>) -> Telemetry) -> Self {
        let seen = watch::Sender::default();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Watching(seen.clone()))
            .build();
        let meters = Arc::new(Meters::new());
        let pipeline = Pipeline::of(&provider)
            .meter_provider(&meters.provider)
            .sampler_reads_parent_only()
            .random_ids();
        Self {
            telemetry: Arc::new(build(pipeline)),
            meters,
            seen,
        }
    }

    pub fn server(&self) -> ServerLayer {
        ServerLayer::new().telemetry(&self.telemetry)
    }

    pub fn client(&self) -> ClientLayer {
        ClientLayer::new().telemetry(&self.telemetry)
    }

    /// A generated client of the server at this address.
    pub async fn connect(&self, addr: SocketAddr) -> Client {
        let layer = self.client().target(uri(addr));
        PricingClient::new(
            ServiceBuilder::new()
                .layer(layer)
                .service(channel(addr).await),
        )
    }

    /// All spans, once there are this many.
    pub async fn ended(&self, count: usize) -> Vec<SpanData> {
        let spans = self.once(|seen| seen.ended.len() >= count).await;
        assert_eq!(spans.len(), count, "{spans:#?}");
        spans
    }

    /// All spans, once as many have ended as have started.
    pub async fn settled(&self) -> Vec<SpanData> {
        self.once(|seen| seen.ended.len() == seen.started).await
    }

    async fn once(&self, enough: impl FnMut(&Seen) -> bool) -> Vec<SpanData> {
        let mut seen = self.seen.subscribe();
        let waiting = timeout(PATIENCE, seen.wait_for(enough)).await;
        let Ok(seen) = waiting else {
            let seen = self.seen.borrow();
            let ended = seen.ended.len();
            panic!(
                "{} started, {ended} ended: {:#?}",
                seen.started,
                seen.ended.last()
            );
        };
        seen.unwrap().ended.clone()
    }

    /// The one span of a server, and the one of a client. Each was measured as it says.
    pub async fn pair(&self) -> (SpanData, SpanData) {
        let mut spans = self.ended(2).await;
        spans.sort_by_key(|span| span.span_kind != SpanKind::Server);
        let client = spans.pop().unwrap();
        let server = spans.pop().unwrap();
        assert_eq!(
            (&server.span_kind, &client.span_kind),
            (&SpanKind::Server, &SpanKind::Client)
        );
        let both = [server, client];
        check_against(&self.meters.points(), &both);
        both.into()
    }

    /// The one span there is.
    pub async fn only(&self) -> SpanData {
        self.ended(1).await.remove(0)
    }

    /// How many spans started and how many ended, now.
    pub fn counts(&self) -> (usize, usize) {
        let seen = self.seen.borrow();
        (seen.started, seen.ended.len())
    }
}

impl SpanProcessor for Watching {
    fn on_start(&self, _span: &mut Span, _context: &Context) {
        self.0.send_modify(|seen| seen.started += 1);
    }

    fn on_end(&self, span: SpanData) {
        self.0.send_modify(|seen| seen.ended.push(span));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Runs a server on a port of its own.
pub async fn spawn<F>(serve: impl FnOnce(TcpIncoming) -> F) -> SocketAddr
where
    F: Future<Output = Result<(), tonic::transport::Error>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(serve(TcpIncoming::from(listener)));
    addr
}

/// Runs a server with a layer and the scripted service.
pub async fn serve(layer: ServerLayer) -> (SocketAddr, mpsc::UnboundedReceiver<MetadataMap>) {
    let (scripted, calls) = Scripted::new();
    let addr = spawn(|incoming| {
        tonic::transport::Server::builder()
            .layer(layer)
            .add_service(PricingServer::new(scripted))
            .serve_with_incoming(incoming)
    });
    (addr.await, calls)
}

pub async fn channel(addr: SocketAddr) -> Channel {
    Endpoint::from(uri(addr)).connect().await.unwrap()
}

pub fn uri(addr: SocketAddr) -> http::Uri {
    format!("http://{addr}").parse().unwrap()
}

pub fn item(sku: &str) -> Item {
    Item {
        sku: sku.to_owned(),
    }
}

/// A stream of items that is sent by hand, and ends when its sender is dropped.
pub fn offers() -> (
    mpsc::UnboundedSender<Item>,
    impl Stream<Item = Item> + Send + 'static,
) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let items = stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    });
    (sender, items)
}

/// A request that asks the scripted server for something.
pub fn asking<const N: usize>(asks: [(&'static str, &str); N]) -> Request<Item> {
    let mut request = Request::new(item("sock"));
    for (name, value) in asks {
        request.metadata_mut().insert(name, value.parse().unwrap());
    }
    request
}

/// Reads a stream to its end: how many messages, and the error that ended it.
pub async fn drain(mut prices: Streaming<Price>) -> (usize, Option<Status>) {
    let mut count = 0;
    loop {
        match prices.message().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => return (count, None),
            Err(status) => return (count, Some(status)),
        }
    }
}

/// Code, `error.type`, and whether the span is an error: in this order.
pub fn verdict(span: &SpanData) -> (String, Option<String>, bool) {
    (
        text(span, "rpc.status_code").unwrap_or_default(),
        text(span, "error.type"),
        matches!(span.status, SpanStatus::Error { .. }),
    )
}

/// The description of an error.
pub fn description(span: &SpanData) -> &str {
    match &span.status {
        SpanStatus::Error { description } => description,
        SpanStatus::Unset | SpanStatus::Ok => "",
    }
}

/// An RPC span has its own attributes and none of HTTP's (RPC conventions; digest of them: `network.protocol.*` too).
#[track_caller]
pub fn assert_rpc(span: &SpanData) {
    assert_eq!(text(span, "rpc.system.name").as_deref(), Some("grpc"));
    for kv in &span.attributes {
        let key = kv.key.as_str();
        let prefixes = ["http.", "url.", "client.", "network.protocol", "user_agent"];
        assert!(
            !prefixes.iter().any(|prefix| key.starts_with(prefix)),
            "{key} on an RPC span"
        );
    }
}
