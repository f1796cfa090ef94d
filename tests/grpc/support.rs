//! What the tests share: spans one can wait for, a server that answers as it is asked, and traced clients.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream};
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
    Code, Request, Response, Status, Streaming,
    metadata::{MetadataMap, MetadataValue},
    transport::{Channel, Endpoint, server::TcpIncoming},
};
use tower::ServiceBuilder;

use crate::{
    common::text,
    shop::{Item, Price, pricing_client::PricingClient, pricing_server::Pricing},
};

/// A busy machine may take this long; an event that never comes fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

pub type Client = PricingClient<ClientService<Channel>>;

/// A pipeline whose spans can be waited for.
#[derive(Clone)]
pub struct Spans {
    seen: watch::Sender<Seen>,
    pub telemetry: Arc<Telemetry>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    started: usize,
    ended: Vec<SpanData>,
}

#[derive(Debug)]
struct Watching(watch::Sender<Seen>);

/// Answers as the metadata of the request asks; says whenever it was called.
#[derive(Clone, Debug)]
pub struct Scripted {
    called: mpsc::UnboundedSender<MetadataMap>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
struct Ask {
    code: Code,
    messages: usize,
    hangs: bool,
}

type Prices = Pin<Box<dyn Stream<Item = Result<Price, Status>> + Send>>;

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
        let pipeline = Pipeline::of(&provider)
            .sampler_reads_parent_only()
            .random_ids();
        Self {
            telemetry: Arc::new(build(pipeline)),
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

    /// The one span of a server, and the one of a client.
    pub async fn pair(&self) -> (SpanData, SpanData) {
        let mut spans = self.ended(2).await;
        spans.sort_by_key(|span| span.span_kind != SpanKind::Server);
        let client = spans.pop().unwrap();
        let server = spans.pop().unwrap();
        assert_eq!(
            (&server.span_kind, &client.span_kind),
            (&SpanKind::Server, &SpanKind::Client)
        );
        (server, client)
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

impl Scripted {
    /// The server, and what tells of each call of it.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<MetadataMap>) {
        let (called, calls) = mpsc::unbounded_channel();
        (Self { called }, calls)
    }

    fn called(&self, metadata: &MetadataMap) -> Ask {
        let _nobody_waits = self.called.send(metadata.clone());
        let number = |name| metadata.get(name)?.to_str().ok()?.parse::<u8>().ok();
        Ask {
            code: Code::from(i32::from(number("ask-code").unwrap_or(0))),
            messages: number("ask-messages").unwrap_or(1).into(),
            hangs: metadata.contains_key("ask-hang"),
        }
    }
}

impl Ask {
    async fn one(self, sku: String) -> Result<Response<Price>, Status> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.end()?;
        let mut response = Response::new(Price { sku, cents: 100 });
        initial(response.metadata_mut());
        Ok(response)
    }

    fn many(self, sku: String) -> Response<Prices> {
        let prices = (1..).take(self.messages).map(move |cents| {
            Ok(Price {
                sku: sku.clone(),
                cents,
            })
        });
        let end = self.end().err().map(Err);
        let prices = stream::iter(prices.chain(end));
        let mut response: Response<Prices> = if self.hangs {
            Response::new(prices.chain(stream::pending()).boxed())
        } else {
            Response::new(prices.boxed())
        };
        initial(response.metadata_mut());
        response
    }

    fn end(self) -> Result<(), Status> {
        if self.code == Code::Ok {
            return Ok(());
        }
        let mut status = Status::with_details(self.code, "as asked: ü", b"details\0"[..].into());
        let metadata = status.metadata_mut();
        metadata.insert("x-last", "trailing".parse().unwrap());
        metadata.insert_bin("x-last-bin", MetadataValue::from_bytes(b"\xff\x00"));
        Err(status)
    }
}

#[tonic::async_trait]
impl Pricing for Scripted {
    type WatchStream = Prices;
    type HaggleStream = Prices;

    async fn quote(&self, request: Request<Item>) -> Result<Response<Price>, Status> {
        let ask = self.called(request.metadata());
        ask.one(request.into_inner().sku).await
    }

    async fn watch(&self, request: Request<Item>) -> Result<Response<Prices>, Status> {
        let ask = self.called(request.metadata());
        Ok(ask.many(request.into_inner().sku))
    }

    async fn collect(&self, request: Request<Streaming<Item>>) -> Result<Response<Price>, Status> {
        let ask = self.called(request.metadata());
        let mut items = request.into_inner();
        let mut skus = String::new();
        while let Some(item) = items.message().await? {
            skus.push_str(&item.sku);
        }
        ask.one(skus).await
    }

    async fn haggle(&self, request: Request<Streaming<Item>>) -> Result<Response<Prices>, Status> {
        let ask = self.called(request.metadata());
        let items = request.into_inner();
        let prices = items.map(|item| {
            item.map(|item| Price {
                sku: item.sku,
                cents: 7,
            })
        });
        let end = stream::iter(ask.end().err().map(Err));
        let prices = prices.chain(end);
        Ok(Response::new(if ask.hangs {
            prices.chain(stream::pending()).boxed()
        } else {
            prices.boxed()
        }))
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
            .add_service(crate::shop::pricing_server::PricingServer::new(scripted))
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

fn initial(metadata: &mut MetadataMap) {
    metadata.insert("x-initial", "early".parse().unwrap());
}
