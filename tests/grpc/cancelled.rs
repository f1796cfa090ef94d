//! Calls that end before their answer does, on either side's wish, and connections that never were.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use futures_util::future::join_all;
use tokio::{sync::oneshot, task::yield_now};
use tonic::Code;

use crate::{
    common::{text, vacant},
    scripted::Scripted,
    shop::{pricing_client::PricingClient, pricing_server::PricingServer},
    support::{
        Spans, asking, channel, description, drain, item, offers, serve, spawn, uri, verdict,
    },
};

fn cancelled(is_error: bool) -> (String, Option<String>, bool) {
    let name = || "CANCELLED".to_owned();
    (name(), is_error.then(name), is_error)
}

async fn assert_cancelled(spans: &Spans) {
    let (server, client) = spans.pair().await;
    assert_eq!(verdict(&server), cancelled(false));
    assert_eq!(verdict(&client), cancelled(true));
    // The code alone may have been an answer.
    for span in [&server, &client] {
        let ending = text(span, "throughline.ending");
        assert_eq!(ending.as_deref(), Some("cancelled"));
    }
}

#[tokio::test]
async fn a_dropped_future_is_cancelled_on_both_sides() {
    let spans = Spans::new();
    let (addr, mut calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    let call = tokio::spawn(async move { client.quote(asking([("ask-hang", "1")])).await });
    calls.recv().await.unwrap();
    call.abort();
    assert_cancelled(&spans).await;
}

#[tokio::test]
async fn a_dropped_stream_is_cancelled_on_both_sides() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    let ask = asking([("ask-messages", "2"), ("ask-hang", "1")]);
    let mut prices = client.watch(ask).await.unwrap().into_inner();
    prices.message().await.unwrap().unwrap();
    drop(prices);
    assert_cancelled(&spans).await;
}

#[tokio::test]
async fn a_dropped_conversation_is_cancelled_on_both_sides() {
    let spans = Spans::new();
    let (addr, _calls) = serve(spans.server()).await;
    let mut client = spans.connect(addr).await;
    let (sender, offered) = offers();
    let mut request = tonic::Request::new(offered);
    request
        .metadata_mut()
        .insert("ask-hang", "1".parse().unwrap());
    let mut prices = client.haggle(request).await.unwrap().into_inner();
    sender.send(item("sock")).unwrap();
    prices.message().await.unwrap().unwrap();
    drop(prices);
    // hyper resets the stream when the caller has let go of both directions of it.
    drop(sender);
    assert_cancelled(&spans).await;
}

#[tokio::test]
async fn a_reset_by_the_server_is_its_code() {
    // gRPC over HTTP2, section Errors.
    let cases = [
        (h2::Reason::CANCEL, "CANCELLED"),
        (h2::Reason::REFUSED_STREAM, "UNAVAILABLE"),
        (h2::Reason::ENHANCE_YOUR_CALM, "RESOURCE_EXHAUSTED"),
        (h2::Reason::INTERNAL_ERROR, "INTERNAL"),
        (h2::Reason::PROTOCOL_ERROR, "INTERNAL"),
        (h2::Reason::INADEQUATE_SECURITY, "PERMISSION_DENIED"),
    ];
    for (reason, code) in cases {
        for after_head in [false, true] {
            let spans = Spans::new();
            let addr = resetting(reason, after_head).await;
            let mut client = spans.connect(addr).await;
            let seen = match client.watch(item("sock")).await {
                Ok(prices) => drain(prices.into_inner()).await.1.unwrap(),
                Err(status) => status,
            };
            let span = spans.only().await;
            let case = format!("{reason:?} {after_head}");
            if cfg!(feature = "tonic") {
                assert_eq!(verdict(&span).0, code, "{case}");
                assert_eq!(screaming(seen.code()), code, "{case}");
            } else {
                assert!(verdict(&span).2, "{case}");
            }
        }
    }
}

/// A server that resets each stream, at once or after the head of the response.
async fn resetting(reason: h2::Reason, after_head: bool) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(io).await.unwrap();
                let mut open = Vec::new();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    if after_head {
                        let head = http::Response::builder()
                            .header("content-type", "application/grpc")
                            .body(())
                            .unwrap();
                        respond
                            .send_response(head, false)
                            .unwrap()
                            .send_reset(reason);
                    } else {
                        respond.send_reset(reason);
                    }
                    open.push(request);
                }
            });
        }
    });
    addr
}

#[tokio::test]
async fn a_refused_connection_is_unavailable() {
    let addr = vacant::address();
    let spans = Spans::new();
    let channel = tonic::transport::Endpoint::from(uri(addr)).connect_lazy();
    let layer = spans.client().target(uri(addr));
    let service = tower::ServiceBuilder::new().layer(layer).service(channel);
    let error = PricingClient::new(service).quote(item("sock")).await;
    assert_eq!(error.unwrap_err().code(), Code::Unavailable);
    let span = spans.only().await;
    if cfg!(feature = "tonic") {
        let code = "UNAVAILABLE".to_owned();
        assert_eq!(verdict(&span), (code.clone(), Some(code), true));
        assert!(
            description(&span).to_lowercase().contains("refused"),
            "{span:?}"
        );
    } else {
        assert_eq!(verdict(&span).0, "UNKNOWN");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_unavailable() {
    let spans = Spans::new();
    let (scripted, mut calls) = Scripted::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let layer = spans.server();
    let addr = runtime
        .spawn(spawn(move |incoming| {
            tonic::transport::Server::builder()
                .layer(layer)
                .add_service(PricingServer::new(scripted))
                .serve_with_incoming(incoming)
        }))
        .await
        .unwrap();
    let mut client = spans.connect(addr).await;
    let call = tokio::spawn(async move { client.quote(asking([("ask-hang", "1")])).await });
    calls.recv().await.unwrap();
    runtime.shutdown_background();
    call.await.unwrap().unwrap_err();
    let (server, client) = spans.pair().await;
    assert_eq!(verdict(&server), cancelled(false));
    if cfg!(feature = "tonic") {
        // tonic tells the caller UNKNOWN; the conventions of gRPC have a word for it.
        assert_eq!(verdict(&client).0, "UNAVAILABLE");
    }
    assert!(verdict(&client).2);
}

/// A generator of its own, so that a run can be had again by its seed (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_on_one_connection_end_as_often_as_they_start() {
    const STREAMS: usize = 1000;
    const SEED: u64 = 0x5eed_0007;
    let spans = Spans::new();
    let (scripted, calls) = Scripted::new();
    let (stop, stopped) = oneshot::channel::<Infallible>();
    let layer = spans.server();
    let done = Arc::new(Mutex::new(None));
    let served = Arc::clone(&done);
    let addr = spawn(move |incoming| {
        let server = tokio::spawn(
            tonic::transport::Server::builder()
                .max_concurrent_streams(u32::try_from(STREAMS).unwrap())
                // So many resets look like an attack.
                .http2_max_pending_accept_reset_streams(Some(STREAMS))
                .layer(layer)
                .add_service(PricingServer::new(scripted))
                .serve_with_incoming_shutdown(incoming, async move {
                    let _dropped = stopped.await;
                }),
        );
        *served.lock().unwrap() = Some(server);
        async { Ok(()) }
    })
    .await;
    let layer = spans.client().target(uri(addr));
    let service = tower::ServiceBuilder::new()
        .layer(layer)
        .service(channel(addr).await);
    let client = PricingClient::new(service);

    let mut random = Random(SEED);
    let streams = (0..STREAMS).map(|_| {
        let (fate, steps) = (random.below(4), random.below(20));
        let mut client = client.clone();
        tokio::spawn(async move {
            let ask = match fate {
                0 => asking([("ask-messages", "5")]),
                1 => asking([("ask-messages", "3"), ("ask-code", "13")]),
                _ => asking([("ask-messages", "200"), ("ask-hang", "1")]),
            };
            let call = async {
                let mut prices = client.watch(ask).await.unwrap().into_inner();
                if fate < 2 {
                    drain(prices).await;
                } else {
                    for _ in 0..steps {
                        prices.message().await.unwrap().unwrap();
                    }
                }
            };
            if fate == 3 {
                // Dropped at whatever point some turns of the executor have brought it to.
                tokio::select! {
                    biased;
                    () = async { for _ in 0..steps * 10 { yield_now().await } } => {}
                    () = call => {}
                }
            } else {
                call.await;
            }
        })
    });
    for stream in join_all(streams.collect::<Vec<_>>()).await {
        stream.unwrap();
    }
    drop((client, stop, calls));
    let server = done.lock().unwrap().take().unwrap();
    server.await.unwrap().unwrap();

    // hyper's tasks of single streams may be dropped a little after the connection they belonged to.
    let spans = spans.settled().await;
    println!("seed {SEED:#x}: {} spans", spans.len());
    let of = |kind| spans.iter().filter(|span| span.span_kind == kind).count();
    // Some were dropped before their call began, and some before the server saw it.
    assert!(of(opentelemetry::trace::SpanKind::Client) > STREAMS / 2);
    assert!(of(opentelemetry::trace::SpanKind::Server) > STREAMS / 2);
    let codes = |code| spans.iter().filter(|span| verdict(span).0 == code).count();
    assert!(codes("OK") > 0 && codes("INTERNAL") > 0 && codes("CANCELLED") > 0);
}

/// A code as the conventions write it.
fn screaming(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}
