//! reqwest over real sockets: one span a send, nothing changed, nothing leaked.

mod common;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request, http::HeaderMap, response::Redirect, routing::get};
use common::{Spans, attribute, is_error, meters::check_against, text, vacant};
use opentelemetry::{Value, trace::SpanKind};
use reqwest_middleware::ClientBuilder;
use throughline::{
    Attempts, ClientLayer, Ending, Targets,
    reqwest::{SendTraced, redirect_policy},
    reqwest_middleware::TracingMiddleware,
};
use tokio::{net::TcpListener, sync::Mutex};

/// Serves a router on loopback.
async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// A service that keeps the headers it got.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<HeaderMap>>>);

impl Seen {
    fn router(&self) -> Router {
        let seen = self.clone();
        let keep = get(async move |request: Request| {
            seen.0.lock().await.push(request.headers().clone());
            "seen"
        });
        Router::new().route("/seen", keep)
    }

    async fn only(&self) -> HeaderMap {
        let seen = self.0.lock().await;
        assert_eq!(seen.len(), 1);
        seen[0].clone()
    }
}

#[tokio::test]
async fn a_send_is_a_span_until_the_body_is_read() {
    let seen = Seen::default();
    let address = serve(seen.router()).await;
    let spans = Spans::new();
    let layer = ClientLayer::new().telemetry(&spans.telemetry);
    let url = format!("http://user:pw@{address}/seen?a=b&sig=secret#end");

    let mut request = reqwest::Client::new().get(format!("http://{address}/seen?a=b&sig=secret"));
    request = request.header("authorization", "Bearer secret");
    let response = request.send_traced(&layer).await.unwrap();
    assert_eq!(
        response.url().as_str(),
        format!("http://{address}/seen?a=b&sig=secret")
    );
    assert_eq!(response.remote_addr(), Some(address));
    assert_eq!(response.content_length(), Some(4));
    assert_eq!(spans.ended(), []);
    assert_eq!(response.text().await.unwrap(), "seen");

    let span = spans.only();
    assert_eq!(
        (span.name.as_ref(), span.span_kind.clone()),
        ("GET", SpanKind::Client)
    );
    for (key, want) in [
        ("http.request.method", "GET".to_owned()),
        ("server.address", "127.0.0.1".to_owned()),
        (
            "url.full",
            format!("http://{address}/seen?a=b&sig=REDACTED"),
        ),
        ("network.peer.address", "127.0.0.1".to_owned()),
        ("network.protocol.version", "1.1".to_owned()),
    ] {
        assert_eq!(text(&span, key), Some(want), "{key}");
    }
    let port = Some(Value::I64(address.port().into()));
    assert_eq!(attribute(&span, "server.port"), port);
    assert_eq!(attribute(&span, "network.peer.port"), port);
    assert_eq!(
        attribute(&span, "http.response.status_code"),
        Some(Value::I64(200))
    );
    let sent = seen.only().await;
    let context = &span.span_context;
    assert_eq!(
        sent["traceparent"],
        format!("00-{}-{}-03", context.trace_id(), context.span_id())
    );

    // Userinfo that stays in a request's own URL is hidden too.
    let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
    let builder = reqwest::RequestBuilder::from_parts(reqwest::Client::new(), request);
    builder
        .send_traced(&layer)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let span = &spans.ended()[1];
    let full = format!("http://REDACTED:REDACTED@{address}/seen?a=b&sig=REDACTED#end");
    assert_eq!(text(span, "url.full"), Some(full));
}

#[tokio::test]
async fn a_builder_error_is_reqwests_and_no_span() {
    let spans = Spans::new();
    let layer = ClientLayer::new().telemetry(&spans.telemetry);
    let error = reqwest::Client::new()
        .get("no url")
        .send_traced(&layer)
        .await
        .unwrap_err();
    assert!(error.is_builder(), "{error}");
    assert_eq!(spans.ended(), []);
}

#[tokio::test]
async fn a_refused_connection_is_an_error_without_secrets() {
    let address = vacant::address();
    let spans = Spans::new();
    let layer = ClientLayer::new().telemetry(&spans.telemetry);
    let url = format!("http://{address}/?sig=secret&token=secret");
    let error = reqwest::Client::new()
        .get(url)
        .send_traced(&layer)
        .await
        .unwrap_err();
    assert!(error.is_connect(), "{error}");
    let span = spans.only();
    assert_eq!(
        text(&span, "error.type").as_deref(),
        Some("connection_refused")
    );
    assert!(is_error(&span));
    assert!(
        !format!("{:?}", span.status).contains("secret"),
        "{:?}",
        span.status
    );
    assert!(
        format!("{:?}", span.status).contains("efused"),
        "{:?}",
        span.status
    );
}

#[tokio::test]
async fn each_send_is_measured_as_its_span_is() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_address = silent.local_addr().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_address = closed.local_addr().unwrap();
    drop(closed);
    let address = serve(Seen::default().router()).await;
    let spans = Spans::new();
    let layer = ClientLayer::new()
        .telemetry(&spans.telemetry)
        .measure_active_requests(true)
        .measure_body_sizes(true);
    let client = reqwest::Client::new();
    let send = async |request: reqwest::RequestBuilder| request.send_traced(&layer).await;

    // Its body says how long it is; no header does yet.
    let post = client.post(format!("http://{address}/none")).body("12345");
    send(post).await.unwrap().bytes().await.unwrap();
    let dropped = client.get(format!("http://{address}/seen"));
    drop(send(dropped).await.unwrap());
    let refused = client.get(format!("http://{closed_address}/"));
    send(refused).await.unwrap_err();
    let late = client.get(format!("http://{silent_address}/"));
    let error = send(late.timeout(Duration::from_millis(20))).await;
    assert!(error.unwrap_err().is_timeout());

    let ended = spans.ended();
    let errors: Vec<_> = ended.iter().map(|span| text(span, "error.type")).collect();
    let wanted = [
        Some("404"),
        None,
        Some("connection_refused"),
        Some("timeout"),
    ];
    assert_eq!(errors, wanted.map(|error| error.map(str::to_owned)));
    check_against(&spans.meters.points(), &ended);
    let active = spans.meters.of("http.client.active_requests");
    assert_eq!(active.len(), 4, "by method and address: {active:#?}");
    let size = spans.meters.only("http.client.request.body.size");
    assert_eq!((size.count(), size.sum()), (1, 5.0));
    let sizes = spans.meters.of("http.client.response.body.size");
    assert_eq!(sizes.len(), 2, "of what was answered: {sizes:#?}");
    drop(silent);
}

#[tokio::test]
async fn a_body_that_is_dropped_is_no_error() {
    let address = serve(Seen::default().router()).await;
    let spans = Spans::new();
    let (send, ended) = std::sync::mpsc::channel();
    let layer = ClientLayer::new()
        .telemetry(&spans.telemetry)
        .on_end(move |outcome, _| {
            send.send(outcome.ending()).unwrap();
        });
    let response = reqwest::Client::new().get(format!("http://{address}/seen"));
    drop(response.send_traced(&layer).await.unwrap());
    assert_eq!(ended.recv().unwrap(), Ending::Cancelled);
    let span = spans.only();
    assert!(!is_error(&span));
    assert_eq!(
        text(&span, "throughline.ending").as_deref(),
        Some("cancelled")
    );
}

#[tokio::test]
async fn headers_do_not_follow_a_redirect_to_a_stranger() {
    let stranger = Seen::default();
    let there = serve(stranger.router()).await;
    // Another name for the same machine is another host.
    let target = format!("http://localhost:{}/seen", there.port());
    let to = target.clone();
    let app = Router::new().route("/go", get(move || async move { Redirect::temporary(&to) }));
    let here = serve(app).await;
    let spans = Spans::new();
    let layer = ClientLayer::new()
        .telemetry(&spans.telemetry)
        .propagate_to(Targets::hosts(["127.0.0.1"]));

    // reqwest's own policy carries the trace along: the leak that ours is for.
    let plain = reqwest::Client::new();
    let response = plain
        .get(format!("http://{here}/go"))
        .send_traced(&layer)
        .await
        .unwrap();
    assert_eq!(response.url().as_str(), target);
    assert!(stranger.only().await.contains_key("traceparent"));
    drop(response);
    stranger.0.lock().await.clear();

    let careful = reqwest::Client::builder()
        .redirect(redirect_policy(&layer))
        .build()
        .unwrap();
    let response = careful
        .get(format!("http://{here}/go"))
        .send_traced(&layer)
        .await
        .unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], target);
    assert_eq!(stranger.0.lock().await.len(), 0);

    // What carries nothing may go anywhere.
    let response = careful.get(&target).send_traced(&layer).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(!stranger.only().await.contains_key("traceparent"));
}

#[tokio::test]
async fn a_redirect_is_judged_by_the_target_that_the_headers_were_written_for() {
    let stranger = Seen::default();
    let there = serve(stranger.router()).await;
    let to = format!("http://localhost:{}/seen", there.port());
    let here = serve(Router::new().route("/go", get(async move || Redirect::temporary(&to)))).await;
    let spans = Spans::new();
    let layer = ClientLayer::new()
        .telemetry(&spans.telemetry)
        .target(http::Uri::from_static("http://orders.internal"))
        .propagate_to(Targets::hosts(["orders.internal"]));
    let client = reqwest::Client::builder()
        .redirect(redirect_policy(&layer))
        .build()
        .unwrap();
    let request = client.get(format!("http://{here}/go"));
    assert_eq!(request.send_traced(&layer).await.unwrap().status(), 307);
    assert_eq!(stranger.0.lock().await.len(), 0);
    // The target names the server; the URL stays what was asked for.
    let span = spans.only();
    assert_eq!(
        text(&span, "server.address").as_deref(),
        Some("orders.internal")
    );
    assert_eq!(text(&span, "url.full"), Some(format!("http://{here}/go")));
}

#[tokio::test]
async fn each_attempt_of_a_loop_knows_which_it_is() {
    let address = serve(Seen::default().router()).await;
    let spans = Spans::new();
    let layer = ClientLayer::new().telemetry(&spans.telemetry);
    let (client, attempts) = (reqwest::Client::new(), Attempts::new());
    for _ in 0..3 {
        let request = client.get(format!("http://{address}/none"));
        let response = request.send_attempt(&layer, &attempts).await.unwrap();
        assert_eq!(response.status(), 404);
        response.bytes().await.unwrap();
    }
    let counts: Vec<_> = spans
        .ended()
        .iter()
        .map(|span| attribute(span, "http.request.resend_count"))
        .collect();
    assert_eq!(counts, [None, Some(Value::I64(1)), Some(Value::I64(2))]);
    assert!(
        spans
            .ended()
            .iter()
            .all(|span| text(span, "error.type").as_deref() == Some("404"))
    );
}

#[tokio::test]
async fn a_middleware_traces_each_attempt() {
    struct Twice;

    #[async_trait::async_trait]
    impl reqwest_middleware::Middleware for Twice {
        async fn handle(
            &self,
            request: reqwest::Request,
            extensions: &mut http::Extensions,
            next: reqwest_middleware::Next<'_>,
        ) -> reqwest_middleware::Result<reqwest::Response> {
            let again = request.try_clone().unwrap();
            next.clone().run(request, extensions).await?.bytes().await?;
            next.run(again, extensions).await
        }
    }

    let address = serve(Seen::default().router()).await;
    let spans = Spans::new();
    let layer = ClientLayer::new().telemetry(&spans.telemetry);
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(Twice)
        .with(TracingMiddleware::new(layer))
        .build();
    let response = client
        .get(format!("http://{address}/seen"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "seen");
    let counts: Vec<_> = spans
        .ended()
        .iter()
        .map(|span| attribute(span, "http.request.resend_count"))
        .collect();
    assert_eq!(counts, [None, Some(Value::I64(1))]);
}
