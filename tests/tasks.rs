//! What a handler starts elsewhere still belongs to its request: tasks, threads, streams, callbacks.

mod common;
#[path = "proto/mod.rs"]
mod shop;

use std::{
    future::{Future, pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, mpsc},
    task::{self, Poll, Waker},
    thread,
};

use axum::{Router, routing::get};
use common::{
    Spans, is_child, named,
    net::{get as request, http1, listen, read, serve, serve_axum},
};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use http::{Request, Response, StatusCode, header};
use opentelemetry::{
    Context as OtelContext,
    trace::{Span as _, TraceContextExt, Tracer as _, TracerProvider as _},
};
use proptest::prelude::*;
use shop::{
    Item, Price,
    pricing_client::PricingClient,
    pricing_server::{Pricing, PricingServer},
};
use throughline::{
    CarryExt, ClientLayer, Context, ServerLayer, SpanIds, carry, current_ids, spawn, spawn_blocking,
};
use tokio::sync::oneshot;
use tonic::{Status, Streaming, transport::server::TcpIncoming};
use tower::{ServiceBuilder, service_fn};

fn layer(spans: &Spans) -> ServerLayer {
    ServerLayer::new().telemetry(&spans.telemetry)
}

fn mark(spans: &Spans, name: &'static str) {
    spans.provider().tracer("app").start(name).end();
}

/// A context with a span of its own.
fn context(spans: &Spans) -> Context {
    let span = spans.provider().tracer("app").start("outer");
    let _entered = OtelContext::new().with_span(span).attach();
    Context::current()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut task::Context::from_waker(Waker::noop()))
}

fn poll_next<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut task::Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn tasks_belong_to_the_request_and_do_not_prolong_it() {
    let spans = Arc::new(Spans::new());
    let own = Arc::clone(&spans);
    let (release, released) = oneshot::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(Some(released)));
    let (tasks, mut started) = tokio::sync::mpsc::unbounded_channel();
    let handler = move || async move {
        let (late, blocking, threaded) = (Arc::clone(&own), Arc::clone(&own), own);
        let released = released.lock().unwrap().take().unwrap();
        let late = spawn(async move {
            mark(&late, "early");
            released.await.unwrap();
            mark(&late, "late");
        });
        spawn_blocking(move || mark(&blocking, "blocking"))
            .await
            .unwrap();
        let context = Context::current();
        thread::spawn(move || context.in_scope(|| mark(&threaded, "thread")))
            .join()
            .unwrap();
        tasks.send(late).unwrap();
    };
    let app = Router::new().route("/", get(handler)).layer(layer(&spans));
    let addr = serve_axum(app).await;
    read(http1().request(request(addr, "/")).await.unwrap()).await;
    // The request has ended while its task has not.
    let ended = spans.wait(4).await;
    let server = named(&ended, "GET /").clone();
    release.send(()).unwrap();
    started.recv().await.unwrap().await.unwrap();

    let ended = spans.wait(5).await;
    for name in ["early", "blocking", "thread", "late"] {
        assert!(is_child(named(&ended, name), &server), "{name}: {ended:#?}");
    }
    assert_eq!(named(&ended, "GET /"), &server);
}

#[tokio::test]
async fn calls_of_a_task_carry_the_trace_and_the_baggage_on() {
    let spans = Arc::new(Spans::new());
    let client = ClientLayer::new().telemetry(&spans.telemetry);
    let (seen, mut headers) = tokio::sync::mpsc::unbounded_channel();
    let callee = service_fn(move |request: Request<()>| {
        seen.send(request.headers().clone()).unwrap();
        async { Ok::<_, common::net::Never>(Response::new(String::new())) }
    });
    let handler = move || async move {
        let mut client = ServiceBuilder::new().layer(client).service(callee);
        spawn(async move {
            let call = tower::Service::call(&mut client, Request::new(()));
            call.await.unwrap();
        })
        .await
        .unwrap();
    };
    let app = Router::new().route("/", get(handler)).layer(layer(&spans));
    let addr = serve_axum(app).await;
    let mut calling = request(addr, "/");
    let baggage = "tenant=acme;ttl=3".parse().unwrap();
    calling.headers_mut().insert("baggage", baggage);
    read(http1().request(calling).await.unwrap()).await;
    let ended = spans.wait(2).await;
    let call = named(&ended, "GET");
    assert!(is_child(call, named(&ended, "GET /")));
    let headers = headers.recv().await.unwrap();
    assert_eq!(headers["baggage"], "tenant=acme;ttl=3");
    let parent = headers["traceparent"].to_str().unwrap();
    assert_eq!(&parent[36..52], call.span_context.span_id().to_string());
}

#[tokio::test]
async fn a_callback_after_an_upgrade_is_the_request_s() {
    let spans = Arc::new(Spans::new());
    let own = Arc::clone(&spans);
    let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
        let own = Arc::clone(&own);
        let upgrade = hyper::upgrade::on(&mut request);
        let context = Context::current();
        // As axum's `on_upgrade` does: the callback makes a future, in a task of its own.
        let callback = move |_connection| {
            context.carry(async move {
                tokio::task::yield_now().await;
                mark(&own, "chat");
            })
        };
        tokio::spawn(async move { callback(upgrade.await.unwrap()).await });
        let response = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "chat")
            .body(String::new())
            .unwrap();
        async { Ok::<_, common::net::Never>(response) }
    });
    let server = serve(ServiceBuilder::new().layer(layer(&spans)).service(service)).await;
    let mut socket = common::net::connect(server.addr).await;
    let head = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut socket, head)
        .await
        .unwrap();
    let ended = spans.wait(2).await;
    assert!(is_child(named(&ended, "chat"), named(&ended, "GET")));
}

/// Streams answers that a stream makes, and answers that a task makes.
struct Marking(Arc<Spans>);

#[tonic::async_trait]
impl Pricing for Marking {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Price, Status>> + Send>>;
    type HaggleStream = Self::WatchStream;

    async fn quote(&self, _: tonic::Request<Item>) -> Result<tonic::Response<Price>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn watch(
        &self,
        _: tonic::Request<Item>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        let spans = Arc::clone(&self.0);
        let (prices, sent) = tokio::sync::mpsc::channel(1);
        spawn(async move {
            mark(&spans, "in a task");
            prices.send(Ok(Price::default())).await.unwrap();
        });
        let sent = stream::unfold(sent, async |mut sent| Some((sent.recv().await?, sent)));
        Ok(tonic::Response::new(sent.boxed()))
    }

    async fn collect(
        &self,
        _: tonic::Request<Streaming<Item>>,
    ) -> Result<tonic::Response<Price>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    async fn haggle(
        &self,
        request: tonic::Request<Streaming<Item>>,
    ) -> Result<tonic::Response<Self::HaggleStream>, Status> {
        let spans = Arc::clone(&self.0);
        let answers = request.into_inner().map(move |item| {
            mark(&spans, "in a stream");
            item.map(|_| Price::default())
        });
        Ok(tonic::Response::new(answers.boxed()))
    }
}

#[tokio::test]
async fn streams_of_a_tonic_handler_are_its_call_s() {
    let spans = Arc::new(Spans::new());
    let (listener, addr) = listen().await;
    let server = tonic::transport::Server::builder()
        .layer(layer(&spans))
        .add_service(PricingServer::new(Marking(Arc::clone(&spans))));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let mut client = PricingClient::connect(format!("http://{addr}"))
        .await
        .unwrap();

    let watched = client.watch(Item::default()).await.unwrap().into_inner();
    assert_eq!(watched.count().await, 1);
    let items = stream::iter([Item::default(), Item::default()]);
    let haggled = client.haggle(items).await.unwrap().into_inner();
    assert_eq!(haggled.count().await, 2);

    let ended = spans.wait(5).await;
    let watch = named(&ended, "shop.v1.Pricing/Watch");
    assert!(is_child(named(&ended, "in a task"), watch), "{ended:#?}");
    let haggle = named(&ended, "shop.v1.Pricing/Haggle");
    let inside: Vec<_> = ended.iter().filter(|span| is_child(span, haggle)).collect();
    assert_eq!(inside.len(), 2, "{ended:#?}");
}

#[test]
fn a_root_is_a_trace_of_its_own_and_stays_silent_where_it_is() {
    let spans = Spans::new();
    let outer = context(&spans);
    outer.in_scope(|| {
        assert!(Context::root().ids().is_none());
        Context::root().in_scope(|| mark(&spans, "root"));
        let silent = OtelContext::current().with_telemetry_suppressed();
        let _entered = silent.attach();
        carry(async { mark(&spans, "suppressed") })
            .now_or_never()
            .unwrap();
        Context::root().in_scope(|| mark(&spans, "suppressed root"));
    });
    let ended = spans.ended();
    let root = named(&ended, "root");
    assert_eq!(root.parent_span_id, opentelemetry::SpanId::INVALID);
    let trace = hex(outer.ids().unwrap());
    assert_ne!(root.span_context.trace_id().to_string(), trace);
    assert_eq!(ended.len(), 1, "{ended:#?}");
}

fn hex(ids: SpanIds) -> String {
    ids.trace_id_hex()
}

/// Says in which context it is dropped.
struct OnDrop(mpsc::Sender<Option<SpanIds>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.send(current_ids()).unwrap();
    }
}

#[test]
fn what_is_carried_is_polled_and_dropped_in_its_context() {
    let spans = Spans::new();
    let outer = context(&spans);
    let (sender, dropped) = mpsc::channel();
    let held = OnDrop(sender.clone());
    let mut future = Box::pin(outer.carry(async move {
        let _held = held;
        assert!(current_ids().is_some());
        pending::<()>().await;
    }));
    assert!(poll(future.as_mut()).is_pending());
    assert!(current_ids().is_none());
    drop(future);
    assert_eq!(dropped.try_recv().unwrap(), outer.ids());

    // A stream, from its first item to its end, and each hint of its size.
    let held = OnDrop(sender);
    let mut items = 0..3;
    let ids = stream::iter(std::iter::from_fn(move || {
        let _held = &held;
        items.next().map(|_| current_ids())
    }));
    let hinted = ids.zip(stream::iter([(); 3]));
    let mut stream = Box::pin(outer.in_scope(|| hinted.carried()));
    for left in (0..3).rev() {
        assert_eq!(stream.size_hint(), (0, Some(left + 1)));
        let Poll::Ready(Some((ids, ()))) = poll_next(stream.as_mut()) else {
            panic!("an item is ready");
        };
        assert_eq!(ids, outer.ids());
        assert!(current_ids().is_none());
    }
    assert!(matches!(poll_next(stream.as_mut()), Poll::Ready(None)));
    drop(stream);
    assert_eq!(dropped.try_recv().unwrap(), outer.ids());
}

#[test]
fn a_panic_goes_on_and_leaves_no_context_behind() {
    let spans = Spans::new();
    let outer = context(&spans);
    let mut future = Box::pin(outer.carry(async { panic!("as ever") }));
    let caught = catch_unwind(AssertUnwindSafe(|| poll::<_>(future.as_mut())));
    let payload = caught.unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"as ever"));
    assert!(current_ids().is_none());
    let caught = catch_unwind(AssertUnwindSafe(|| {
        outer.in_scope(|| panic!("as ever"));
    }));
    caught.unwrap_err();
    assert!(current_ids().is_none());
}

#[test]
fn carrying_allocates_nothing() {
    let spans = Spans::new();
    let outer = context(&spans);
    // The stack of contexts is made on a thread's first use.
    outer.in_scope(|| ());
    let info = allocation_counter::measure(|| {
        let mut future = pin!(outer.carry(poll_fn(|_| Poll::<()>::Pending)));
        for _ in 0..10 {
            assert!(poll(future.as_mut()).is_pending());
        }
        let mut stream = pin!(outer.in_scope(|| stream::repeat(()).carried()));
        for _ in 0..10 {
            assert!(poll_next(stream.as_mut()).is_ready());
        }
        outer.in_scope(|| assert!(current_ids().is_some()));
    });
    assert_eq!(info.count_total, 0);
}

proptest! {
    /// Whatever turns they take on a thread, each is in its own context and leaves the thread's as it was.
    #[test]
    fn turns_do_not_mix(turns in prop::collection::vec((0..4usize, any::<bool>()), 0..60)) {
        let spans = Spans::new();
        let contexts: Vec<_> = (0..4).map(|_| context(&spans)).collect();
        let carried = contexts.iter().map(|context| {
            context.carry(poll_fn(|_| Poll::<SpanIds>::Ready(current_ids().unwrap())))
        });
        let mut carried: Vec<_> = carried.map(Box::pin).collect();
        let around = context(&spans);
        for (turn, is_within) in turns {
            let future = carried[turn].as_mut();
            let turn = contexts[turn].ids().unwrap();
            if is_within {
                let seen = around.in_scope(|| (poll(future), current_ids()));
                prop_assert_eq!(seen, (Poll::Ready(turn), around.ids()));
            } else {
                prop_assert_eq!(poll(future), Poll::Ready(turn));
            }
            prop_assert_eq!(current_ids(), None);
        }
    }
}
