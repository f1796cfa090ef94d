//! A server that answers as Jaeger's does, and the sampler that it drives.

mod common;

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{RawQuery, State},
    response::IntoResponse,
    routing::get,
};
use common::{PATIENCE, bucket::Bucket, text, vacant};
use http::{HeaderMap, Request, Response, StatusCode};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use throughline::{ServerLayer, Setup, Telemetry, current_ids, otel::SetupExt};
use tokio::sync::{oneshot, watch};
use tower::ServiceExt;

const PROBABILITY: &str =
    r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}"#;
const ALL: &str = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":1}}"#;
const NONE: &str = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0}}"#;
const OPERATIONS: &str = r#"{"strategyType":"PROBABILISTIC","operationSampling":{
    "defaultSamplingProbability":0.5,"defaultLowerBoundTracesPerSecond":0.0001,
    "perOperationStrategies":[
        {"operation":"GET /often","probabilisticSampling":{"samplingRate":0.8}},
        {"operation":"GET /seldom","probabilisticSampling":{"samplingRate":0.0}}],
    "defaultUpperBoundTracesPerSecond":0}}"#;

/// What the server answers to the next question.
#[derive(Clone)]
enum Reply {
    Json(&'static str),
    /// With a mark, by which the same answer need not be sent again.
    Marked(&'static str),
    Status(StatusCode),
    Text(String),
    /// Never.
    Silence,
}

/// One question.
#[derive(Clone, Debug)]
struct Asked {
    query: String,
    headers: HeaderMap,
}

#[derive(Clone)]
struct Shared {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    asked: Arc<watch::Sender<Vec<Asked>>>,
}

/// A stand-in for Jaeger's collector. The last of its replies stays.
struct Server {
    shared: Shared,
    address: String,
    _stop: oneshot::Sender<()>,
}

impl Server {
    fn start(reply: Reply) -> Self {
        let shared = Shared {
            replies: Arc::new(Mutex::new(VecDeque::from([reply]))),
            asked: Arc::new(watch::Sender::new(Vec::new())),
        };
        let app = Router::new()
            .route("/sampling", get(answer))
            .with_state(shared.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let serve = axum::serve(listener, app).into_future();
                tokio::select! { _ = stopped => {}, _ = serve => {} }
            });
        });
        Self {
            shared,
            address,
            _stop: stop,
        }
    }

    /// Answers this from now on, and waits until it was answered and taken up: the question after it has come.
    async fn say(&self, reply: Reply) {
        {
            let mut replies = self.shared.replies.lock().unwrap();
            replies.clear();
            replies.push_back(reply);
        }
        // One may be under way with the answer before.
        let before = self.shared.asked.borrow().len();
        self.asked(before + 3).await;
    }

    async fn asked(&self, count: usize) -> Vec<Asked> {
        let mut asked = self.shared.asked.subscribe();
        let waited = tokio::time::timeout(PATIENCE, asked.wait_for(|asked| asked.len() >= count));
        waited.await.unwrap().unwrap().clone()
    }

    /// Asks every ten milliseconds, and samples nothing until it knows better.
    fn sampler(&self, name: &str) -> (Setup, Arc<Mutex<Vec<String>>>) {
        let (name, argument) = (
            name.to_owned(),
            format!(
                "endpoint=http://user:s3cret@{}/sampling?key=s3cret,pollingIntervalMs=10,initialSamplingRate=0",
                self.address
            ),
        );
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&warnings);
        let setup = Setup::new()
            .lookup(move |variable| match variable {
                "OTEL_TRACES_SAMPLER" => Some(name.clone()),
                "OTEL_TRACES_SAMPLER_ARG" => Some(argument.clone()),
                "OTEL_METRICS_EXPORTER" => Some("none".to_owned()),
                "OTEL_SERVICE_NAME" => Some("the shop & co/é".to_owned()),
                _ => None,
            })
            .on_warning(move |text| kept.lock().unwrap().push(text.to_owned()));
        (setup, warnings)
    }
}

async fn answer(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> impl IntoResponse {
    let query = query.unwrap_or_default();
    // As Jaeger's handler has it.
    let services = query.split('&').filter(|pair| pair.starts_with("service="));
    let is_one = services.count() == 1;
    let mark = headers.get("if-none-match").cloned();
    let reply = {
        let mut replies = shared.replies.lock().unwrap();
        let reply = replies.front().cloned().unwrap();
        if replies.len() > 1 {
            replies.pop_front();
        }
        // Before another reply can be set: what is asked after that gets it.
        shared
            .asked
            .send_modify(|asked| asked.push(Asked { query, headers }));
        reply
    };
    if !is_one {
        let text = "'service' parameter must be provided once";
        return (StatusCode::BAD_REQUEST, HeaderMap::new(), text.to_owned());
    }
    let json = |text: &str, mark: &[(&'static str, &'static str)]| {
        let pairs = [("content-type", "application/json")].iter().chain(mark);
        let headers = pairs.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        (StatusCode::OK, headers.collect(), text.to_owned())
    };
    match reply {
        Reply::Json(text) => json(text, &[]),
        Reply::Marked(_) if mark.is_some_and(|mark| mark == "\"7\"") => {
            (StatusCode::NOT_MODIFIED, HeaderMap::new(), String::new())
        }
        Reply::Marked(text) => json(text, &[("etag", "\"7\"")]),
        Reply::Status(status) => (status, HeaderMap::new(), String::new()),
        Reply::Text(text) => json(&text, &[]),
        Reply::Silence => std::future::pending().await,
    }
}

/// A service under the sampler.
struct Service {
    telemetry: Telemetry,
    exported: InMemorySpanExporter,
    app: Router,
}

impl Service {
    fn of(setup: Setup) -> Self {
        let exported = InMemorySpanExporter::default();
        let telemetry = setup.exporter(exported.clone()).build().unwrap();
        let is_sampled = || async {
            current_ids()
                .is_some_and(|ids| ids.is_sampled())
                .to_string()
        };
        let app = Router::new()
            .route("/often", get(is_sampled))
            .route("/seldom", get(is_sampled))
            .route("/other/{id}", get(is_sampled))
            .layer(ServerLayer::new().telemetry(&telemetry));
        Self {
            telemetry,
            exported,
            app,
        }
    }

    async fn is_sampled(&self, path: &str, traceparent: Option<&str>) -> bool {
        let mut request = Request::get(path);
        if let Some(traceparent) = traceparent {
            request = request.header("traceparent", traceparent);
        }
        let request = request.body(Body::empty()).unwrap();
        let response: Result<Response<_>, Infallible> = self.app.clone().oneshot(request).await;
        let body = axum::body::to_bytes(Body::new(response.unwrap().into_body()), 9).await;
        body.unwrap() == "true"
    }

    async fn sampled(&self, path: &str, count: usize) -> usize {
        let mut sampled = 0;
        for _ in 0..count {
            sampled += usize::from(self.is_sampled(path, None).await);
        }
        sampled
    }

    async fn exported(&self) -> Vec<SpanData> {
        self.telemetry.flush().await.unwrap();
        self.exported.get_finished_spans().unwrap()
    }
}

#[track_caller]
fn is_near(count: usize, want: usize) {
    assert!(count.abs_diff(want) * 10 <= want, "{count} of {want}");
}

#[tokio::test]
async fn each_kind_of_answer_drives_the_sampler() {
    let server = Server::start(Reply::Json(PROBABILITY));
    let (setup, warnings) = server.sampler("PARENTBASED_jaeger_REMOTE");
    let service = Service::of(setup);
    server.asked(2).await;
    is_near(service.sampled("/other/1", 2000).await, 1000);
    let spans = service.exported().await;
    assert_eq!(
        text(&spans[0], "sampler.type").as_deref(),
        Some("probabilistic")
    );
    assert_eq!(text(&spans[0], "sampler.param").as_deref(), Some("0.5"));
    assert_eq!(spans[0].span_context.trace_state().header(), "ot=th:8");

    server.say(Reply::Json(OPERATIONS)).await;
    is_near(service.sampled("/often", 2000).await, 1600);
    // The lower bound, once.
    assert_eq!(service.sampled("/seldom", 2000).await, 1);
    is_near(service.sampled("/other/1", 2000).await, 1000);
    service.exported().await;
    service.exported.reset();
    server.say(Reply::Json(ALL)).await;
    assert_eq!(service.sampled("/seldom", 20).await, 20);
    assert_eq!(service.exported().await.len(), 20);
    server.say(Reply::Json(NONE)).await;
    assert_eq!(service.sampled("/often", 20).await, 0);
    assert_eq!(*warnings.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_rate_is_kept() {
    for (rate, answer) in [
        (
            40.0,
            r#"{"strategyType":"RATE_LIMITING","rateLimitingSampling":{"maxTracesPerSecond":40}}"#,
        ),
        (
            100.0,
            r#"{"strategyType":"RATE_LIMITING","probabilisticSampling":null,"rateLimitingSampling":{"maxTracesPerSecond":100},"operationSampling":null}"#,
        ),
    ] {
        let server = Server::start(Reply::Json(NONE));
        let service = Service::of(server.sampler("parentbased_jaeger_remote").0);
        server.asked(2).await;
        let before = Instant::now();
        server.say(Reply::Json(answer)).await;
        let (start, mut model, mut sampled) = (Instant::now(), Bucket::full(rate), 0.0);
        while start.elapsed() < Duration::from_secs(2) {
            sampled += f64::from(u8::from(service.is_sampled("/often", None).await));
            model.asked();
        }
        let most = rate * (before.elapsed().as_secs_f64() + 1.0);
        assert!(sampled <= most, "{sampled} of {most}");
        model.is_near(sampled);
        let spans = service.exported().await;
        assert_eq!(
            text(&spans[0], "sampler.type").as_deref(),
            Some("ratelimiting")
        );
        assert_eq!(text(&spans[0], "sampler.param"), Some(rate.to_string()));
        assert!(
            spans
                .iter()
                .all(|span| span.span_context.trace_state().header().is_empty())
        );
    }
}

#[tokio::test]
async fn callers_are_followed_or_not() {
    let parent = |flags| format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
    let (refused, sampled) = (parent("00"), parent("01"));
    for (name, of_sampled, of_refused) in [
        ("parentbased_jaeger_remote", true, false),
        ("jaeger_remote", false, true),
    ] {
        let server = Server::start(Reply::Json(NONE));
        let service = Service::of(server.sampler(name).0);
        server.asked(2).await;
        assert_eq!(
            service.is_sampled("/often", Some(&sampled)).await,
            of_sampled
        );
        server.say(Reply::Json(ALL)).await;
        assert_eq!(
            service.is_sampled("/often", Some(&refused)).await,
            of_refused
        );
    }
    // Without a caller to follow, the name is known of what a caller refused.
    let server = Server::start(Reply::Json(
        r#"{"operationSampling":{"perOperationStrategies":[{"operation":"GET /often","probabilisticSampling":{"samplingRate":1}}]}}"#,
    ));
    let service = Service::of(server.sampler("jaeger_remote").0);
    server.asked(2).await;
    assert!(service.is_sampled("/often", Some(&refused)).await);
    assert!(!service.is_sampled("/seldom", Some(&refused)).await);
}

#[tokio::test]
async fn what_is_asked_is_right_and_tells_no_trace() {
    let server = Server::start(Reply::Marked(ALL));
    let service = Service::of(server.sampler("jaeger_remote").0);
    let asked = server.asked(3).await;
    for one in &asked {
        assert_eq!(
            one.query,
            "key=s3cret&service=the%20shop%20%26%20co%2F%C3%A9"
        );
        assert!(one.headers.get("traceparent").is_none());
        assert_eq!(one.headers["authorization"], "Basic dXNlcjpzM2NyZXQ=");
        assert!(one.headers.get("content-type").is_none());
    }
    // What did not change is not sent again, and stays.
    assert!(asked[0].headers.get("if-none-match").is_none());
    assert_eq!(asked[1].headers["if-none-match"], "\"7\"");
    assert!(service.is_sampled("/often", None).await);
    assert_eq!(
        service.exported().await.len(),
        1,
        "the questions are not traced"
    );
}

#[tokio::test]
async fn a_server_that_fails_leaves_what_it_said_last() {
    let server = Server::start(Reply::Status(StatusCode::SERVICE_UNAVAILABLE));
    let (setup, warnings) = server.sampler("parentbased_jaeger_remote");
    let service = Service::of(setup);
    server.asked(2).await;
    assert_eq!(service.sampled("/often", 20).await, 0, "the initial rate");
    let shown = format!("http://{}/sampling", server.address);
    assert_eq!(
        warnings.lock().unwrap().as_slice(),
        [format!(
            "{shown} does not say which traces to sample: it answers 503 Service Unavailable; the initial sampling rate \
             stays until it does, which will be reported"
        )]
    );
    let huge = format!("{{\"x\":\"{}\"}}", "y".repeat(5 << 20));
    for (reply, why) in [
        (
            Reply::Status(StatusCode::NOT_FOUND),
            "it answers 404 Not Found",
        ),
        (Reply::Status(StatusCode::FOUND), "it answers 302 Found"),
        (
            Reply::Status(StatusCode::NO_CONTENT),
            "it answers 204 No Content",
        ),
        (Reply::Text("{".to_owned()), "its answer is no JSON"),
        (
            Reply::Text("{\"strategyType\":\"s3cret\"}".to_owned()),
            "its answer has no strategy",
        ),
        (Reply::Text(huge), "longer than"),
    ] {
        server.say(Reply::Json(ALL)).await;
        assert_eq!(service.sampled("/often", 20).await, 20);
        warnings.lock().unwrap().clear();
        server.say(reply).await;
        assert_eq!(service.sampled("/often", 20).await, 20);
        // Told once, however often it fails, and once when that is over.
        let told = std::mem::take(&mut *warnings.lock().unwrap());
        let [warning] = told.as_slice() else {
            panic!("{why}: {told:?}");
        };
        assert!(
            warning.starts_with(&shown) && warning.contains(why),
            "{why}: {warning}"
        );
        assert!(warning.contains("; what it said last stays"), "{warning}");
        assert!(!warning.contains("s3cret"), "{warning}");
        server.say(Reply::Json(NONE)).await;
        assert_eq!(service.sampled("/often", 20).await, 0);
        let told = std::mem::take(&mut *warnings.lock().unwrap());
        assert_eq!(told, [format!("{shown} says again which traces to sample")]);
    }
}

#[tokio::test]
async fn a_slow_server_holds_nobody_up() {
    let server = Server::start(Reply::Json(ALL));
    let (setup, warnings) = server.sampler("parentbased_jaeger_remote");
    let service = Service::of(setup);
    server.asked(2).await;
    server
        .shared
        .replies
        .lock()
        .unwrap()
        .push_back(Reply::Silence);
    // A question is given up after a second, and the next one comes.
    let before = server.shared.asked.borrow().len();
    server.asked(before + 3).await;
    assert_eq!(service.sampled("/often", 20).await, 20);
    assert_eq!(warnings.lock().unwrap().len(), 1);
    // Nor does it hold up the end, in the midst of a question.
    service.telemetry.shutdown().await.unwrap();
}

#[tokio::test]
async fn nobody_asks_after_the_end() {
    for ends_by_drop in [false, true] {
        let server = Server::start(Reply::Json(ALL));
        let service = Service::of(server.sampler("jaeger_remote").0);
        server.asked(2).await;
        if ends_by_drop {
            drop(service);
        } else {
            service.telemetry.shutdown().await.unwrap();
        }
        let before = server.shared.asked.borrow().len();
        // Ten questions' time: that none comes has no event to wait for. One may have been under way.
        tokio::time::sleep(Duration::from_millis(150)).await;
        let after = server.shared.asked.borrow().len();
        assert!(after <= before + 1, "{before} {after}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_of_once() {
    let address = vacant::address();
    let told = Arc::new(watch::Sender::new(Vec::new()));
    let kept = Arc::clone(&told);
    let setup = Setup::new()
        .lookup(|name| (name == "OTEL_METRICS_EXPORTER").then(|| "none".to_owned()))
        .sample_remotely(address.to_string())
        .on_warning(move |text| kept.send_modify(|told| told.push(text.to_owned())));
    let service = Service::of(setup);
    let mut listening = told.subscribe();
    let waited = tokio::time::timeout(PATIENCE, listening.wait_for(|told| !told.is_empty()));
    let warnings = waited.await.unwrap().unwrap().clone();
    let want = format!("http://{address}/sampling does not say which traces to sample: ");
    assert!(warnings[0].starts_with(&want), "{warnings:?}");
    // One in a thousand.
    assert!(service.sampled("/often", 1000).await < 15);
    service.telemetry.shutdown().await.unwrap();
}

#[tokio::test]
async fn endpoints_are_checked() {
    let error = Setup::new()
        .lookup(|name| (name == "OTEL_METRICS_EXPORTER").then(|| "none".to_owned()))
        .sample_remotely("ftp://user:s3cret@h")
        .build()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Setup::sample_remotely(\"ftp://h\")"),
        "{error}"
    );
    // The port of the specification's example.
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&warnings);
    let setup = Setup::new()
        .lookup(|name| (name == "OTEL_METRICS_EXPORTER").then(|| "none".to_owned()))
        .sample_remotely("http://localhost:14250")
        .on_warning(move |text| kept.lock().unwrap().push(text.to_owned()));
    drop(Service::of(setup));
    let warnings = warnings.lock().unwrap();
    assert!(
        warnings[0].contains("http://localhost:5778/sampling is asked instead"),
        "{warnings:?}"
    );
}
