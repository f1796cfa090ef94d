//! From the environment to a collector and to the end, without globals.

mod collector;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use axum::{Router, body::Body, routing::get};
use collector::{Answer, Collector, PATIENCE, nobody};
use futures_util::FutureExt;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use opentelemetry::Context;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{
        BatchSpanProcessor, InMemorySpanExporter, Sampler, SdkTracerProvider, SimpleSpanProcessor,
        Span, SpanData, SpanProcessor,
    },
};
use throughline::{ServerLayer, Setup, Telemetry, otel::SetupExt};
use tower::ServiceExt;

type Vars<'a> = &'a [(&'a str, &'a str)];

/// What was warned of.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A setup that sees these variables and no others, and sends no metrics.
fn setup(vars: Vars<'_>) -> (Setup, Warnings) {
    let vars: HashMap<String, String> = [("OTEL_METRICS_EXPORTER", "none")]
        .iter()
        .chain(vars)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let warnings = Warnings::default();
    let kept = warnings.clone();
    let setup = Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(move |text| kept.0.lock().unwrap().push(text.to_owned()));
    (setup, warnings)
}

/// Serves one request, whose span is called `GET /{path}`.
async fn serve(telemetry: &Telemetry, path: &str) {
    let app = Router::new()
        .route(path, get(|| async { "" }))
        .layer(ServerLayer::new().telemetry(telemetry));
    let request = Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn shutdown_delivers_with_resource_and_scope() {
    let collector = Collector::start();
    let (setup, warnings) = setup(&[
        ("OTEL_SERVICE_NAME", "shop"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=wrong,deployment.environment.name=a%20b",
        ),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "x-key=s%20t,authorization=Bearer t",
        ),
    ]);
    let telemetry = setup
        .endpoint(collector.url())
        .resource_attribute("service.version", "1.2")
        .build()
        .unwrap();
    serve(&telemetry, "/a").await;
    serve(&telemetry, "/b").await;
    telemetry.shutdown().await.unwrap();

    assert_eq!(collector.names(), ["GET /a", "GET /b"]);
    let calls = collector.calls();
    let call = &calls[0];
    assert_eq!(call.path, "/v1/traces");
    assert_eq!(call.headers["content-type"], "application/x-protobuf");
    assert_eq!(call.headers["x-key"], "s t");
    assert_eq!(call.headers["authorization"], "Bearer t");
    for (key, want) in [
        ("service.name", "shop"),
        ("service.version", "1.2"),
        ("deployment.environment.name", "a b"),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.name", "opentelemetry"),
    ] {
        assert_eq!(call.resource(key).as_deref(), Some(want), "{key}");
    }
    assert!(call.resource("service.instance.id").is_some());
    let scope = call.spans[0].scope_spans[0].scope.as_ref().unwrap();
    assert_eq!(scope.name, "throughline");
    assert_eq!(scope.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(
        call.spans[0].scope_spans[0].schema_url,
        "https://opentelemetry.io/schemas/1.45.0"
    );
    assert_eq!(warnings.all(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_delivers_in_a_runtime() {
    let collector = Collector::start();
    let telemetry = setup(&[]).0.endpoint(collector.url()).build().unwrap();
    serve(&telemetry, "/a").await;
    drop(telemetry);
    assert_eq!(collector.names(), ["GET /a"]);
}

#[test]
fn everything_works_without_a_runtime() {
    let collector = Collector::start();
    let telemetry = setup(&[]).0.endpoint(collector.url()).build().unwrap();
    // Tower's services need no runtime either.
    serve(&telemetry, "/a").now_or_never().unwrap();
    block_on(telemetry.flush()).unwrap();
    assert_eq!(collector.names(), ["GET /a"]);
    serve(&telemetry, "/b").now_or_never().unwrap();
    block_on(telemetry.shutdown()).unwrap();
    assert_eq!(collector.names(), ["GET /a", "GET /b"]);
}

/// Polls without any runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    use std::task::{Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(&waker))
        {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[tokio::test]
async fn a_collector_that_refuses_is_told_of_once() {
    let (setup, warnings) = setup(&[]);
    let url = nobody();
    let telemetry = setup.endpoint(url.clone()).build().unwrap();
    serve(&telemetry, "/a").await;
    let error = telemetry.flush().await.unwrap_err();
    assert_eq!(error.spans_lost(), 1);
    serve(&telemetry, "/b").await;
    serve(&telemetry, "/c").await;
    let error = telemetry.shutdown().await.unwrap_err();
    assert_eq!(error.spans_lost(), 3);
    assert!(!error.is_timeout());
    assert!(
        error
            .to_string()
            .starts_with("3 spans were not delivered: Connection refused"),
        "{error}"
    );
    let warnings = warnings.all();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with(&format!(
            "cannot send spans to {url}/v1/traces: Connection refused"
        )),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_collector_that_hangs_holds_nobody_up() {
    let collector = Collector::answering(Answer::Never);
    let (setup, _) = setup(&[
        ("OTEL_BSP_SCHEDULE_DELAY", "1"),
        // The exporter itself would wait for ever.
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
    ]);
    let telemetry = setup
        .endpoint(collector.url())
        .shutdown_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    serve(&telemetry, "/a").await;
    collector.wait_for_calls(1);
    let begun = Instant::now();
    let error = telemetry.shutdown().await.unwrap_err();
    assert!(begun.elapsed() < PATIENCE);
    assert!(error.is_timeout());
    assert_eq!(error.spans_lost(), 1);
    assert_eq!(collector.calls().len(), 1);
}

#[tokio::test]
async fn what_a_drop_loses_is_told() {
    let collector = Collector::answering(Answer::Never);
    let (setup, warnings) = setup(&[]);
    let telemetry = setup
        .endpoint(collector.url())
        .shutdown_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    serve(&telemetry, "/a").await;
    drop(telemetry);
    let warnings = warnings.all();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with("1 span was not delivered within 100ms"),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn answers_that_are_no_success_are_losses() {
    for status in [400, 503, 307] {
        let collector = Collector::answering(Answer::Status(status));
        let (setup, warnings) = setup(&[]);
        let telemetry = setup.endpoint(collector.url()).build().unwrap();
        serve(&telemetry, "/a").await;
        let error = telemetry.shutdown().await.unwrap_err();
        assert_eq!(error.spans_lost(), 1);
        let said = format!("1 span was not delivered: it answers {status} ");
        assert!(error.to_string().starts_with(&said), "{error}");
        assert_eq!(warnings.all().len(), 1, "{:?}", warnings.all());
    }
}

/// Whatever else was lost before.
#[tokio::test]
async fn a_flush_says_why_it_lost_its_own() {
    let collector = Collector::answering(Answer::Status(404));
    let (setup, _) = setup(&[
        ("OTEL_BSP_MAX_QUEUE_SIZE", "2"),
        // One span is left to the flush.
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"),
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
    ]);
    let telemetry = setup.endpoint(collector.url()).build().unwrap();
    serve(&telemetry, "/a").await;
    telemetry.flush().await.unwrap_err();
    while telemetry.counts().dropped_queue_full == 0 {
        serve(&telemetry, "/a").await;
    }
    telemetry.flush().await.ok();
    serve(&telemetry, "/b").await;
    let error = telemetry.flush().await.unwrap_err();
    let said = "1 span was not delivered: it answers 404 ";
    assert!(error.to_string().starts_with(said), "{error}");
}

#[tokio::test]
async fn the_end_of_an_outage_is_told_with_what_was_lost() {
    let collector = Collector::answering(Answer::Status(400));
    let (setup, warnings) = setup(&[]);
    let telemetry = setup.endpoint(collector.url()).build().unwrap();
    for path in ["/a", "/b"] {
        serve(&telemetry, path).await;
        telemetry.flush().await.unwrap_err();
    }
    collector.answer(Answer::Status(200));
    serve(&telemetry, "/c").await;
    telemetry.flush().await.unwrap();
    telemetry.shutdown().await.unwrap();
    let target = format!("{}/v1/traces", collector.url());
    assert_eq!(
        warnings.all(),
        [
            format!(
                "{target} refuses spans: it answers 400 Bad Request; 1 span was lost and more may be, until it takes them again, which will be reported"
            ),
            format!("spans reach {target} again; 2 spans were lost in between"),
        ]
    );
}

#[tokio::test]
async fn spans_without_room_are_counted() {
    let collector = Collector::answering(Answer::Never);
    let (setup, _) = setup(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "0")]);
    let telemetry = setup
        .endpoint(collector.url())
        .shutdown_timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    for _ in 0..3000 {
        serve(&telemetry, "/a").await;
    }
    let error = telemetry.shutdown().await.unwrap_err();
    assert_eq!(error.spans_lost(), 3000, "{error}");
}

#[tokio::test]
async fn a_collector_that_leaves_some_out_is_why_they_are_lost() {
    let collector = Collector::answering(Answer::AllBut(2));
    let (setup, warnings) = setup(&[]);
    let telemetry = setup.endpoint(collector.url()).build().unwrap();
    for _ in 0..3 {
        serve(&telemetry, "/a").await;
    }
    let error = telemetry.shutdown().await.unwrap_err();
    let said = "2 spans were not delivered: some were rejected, as it says: \"too old\"";
    assert_eq!(error.to_string(), said);
    assert_eq!(warnings.all().len(), 1, "{:?}", warnings.all());
}

/// Though nothing is ever sent.
#[tokio::test]
async fn spans_that_no_queue_can_hold_are_told_of() {
    let (setup, _) = setup(&[
        ("OTEL_RUST_BSP_MAX_QUEUE_BYTES", "1"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
    ]);
    let (tell, told) = mpsc::channel();
    let telemetry = setup
        .on_warning(move |text| tell.send(text.to_owned()).unwrap())
        .build()
        .unwrap();
    serve(&telemetry, "/a").await;
    let text = told.recv_timeout(PATIENCE).unwrap();
    let want = "more spans end than are sent to http://localhost:4318/v1/traces: 1 span was lost for want of room in the queue";
    assert_eq!(text, want);
    telemetry.shutdown().await.unwrap();
}

#[tokio::test]
async fn endpoints_of_the_environment() {
    let collector = Collector::start();
    let url = collector.url();
    let base = format!("{url}/base/");
    let exact = format!("{url}/exact");
    let cases: [(Vars<'_>, &str); 4] = [
        (&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)], "/v1/traces"),
        (&[("OTEL_EXPORTER_OTLP_ENDPOINT", &base)], "/base/v1/traces"),
        (
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
                ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &exact),
            ],
            "/exact",
        ),
        (&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &url)], "/"),
    ];
    for (vars, path) in cases {
        let telemetry = setup(vars).0.build().unwrap();
        serve(&telemetry, "/a").await;
        telemetry.shutdown().await.unwrap();
        assert_eq!(collector.calls().last().unwrap().path, path);
    }
}

/// Each is settled by the first of these that speaks: a call, a variable in code, the environment, the default.
#[tokio::test]
async fn code_beats_the_environment() {
    let collector = Collector::start();
    let nobody = nobody();
    let environment = [
        ("OTEL_SERVICE_NAME", "environment"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*nobody),
        ("OTEL_EXPORTER_OTLP_HEADERS", "who=environment"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "who=environment"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=environment,b=environment"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ];
    for (code, name, who) in [
        (false, "unknown_service:", None),
        (true, "call", Some("variable")),
    ] {
        let (setup, warnings) = setup(if code { &environment } else { &[] });
        let setup = setup.endpoint(collector.url());
        let setup = match code {
            false => setup,
            true => setup
                .variable("OTEL_SERVICE_NAME", "variable")
                .service_name("call")
                .resource_attribute("a", "call")
                .variable("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "who=variable")
                .variable("OTEL_TRACES_SAMPLER", "always_on"),
        };
        let telemetry = setup.build().unwrap();
        serve(&telemetry, "/a").await;
        telemetry.shutdown().await.unwrap();
        let calls = collector.calls();
        let call = calls.last().unwrap();
        let service = call.resource("service.name").unwrap();
        assert!(service.starts_with(name), "{service}");
        let sent = call.headers.get("who");
        assert_eq!(sent.map(|value| value.to_str().unwrap()), who);
        if code {
            assert_eq!(call.resource("a").as_deref(), Some("call"));
            assert_eq!(call.resource("b").as_deref(), Some("environment"));
        }
        assert_eq!(warnings.all(), [""; 0]);
    }
    for strange in [
        "OTEL_EXPORTER_OTLP_ENDPONT",
        "OTEL_BSP_MAX_CONCURRENT_EXPORTS",
        "TRACEPARENT",
    ] {
        let error = setup(&[]).0.variable(strange, "hush").build().unwrap_err();
        let said = format!("Setup::variable({strange:?}): this is no variable that set-up reads");
        assert_eq!(error.to_string(), said);
    }
    let setup = setup(&[])
        .0
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "a=hush");
    assert!(!format!("{setup:?}").contains("hush"));
}

#[tokio::test]
async fn headers_for_traces_replace_the_general_ones() {
    let collector = Collector::start();
    let (setup, _) = setup(&[
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=1"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=2"),
    ]);
    let telemetry = setup.endpoint(collector.url()).build().unwrap();
    serve(&telemetry, "/a").await;
    telemetry.shutdown().await.unwrap();
    let headers = &collector.calls()[0].headers;
    assert_eq!(headers["a"], "2");
    assert!(!headers.contains_key("b"));
}

#[tokio::test]
async fn secrets_reach_the_collector_and_nobody_else() {
    let collector = Collector::answering(Answer::Status(401));
    let url = format!("http://user:hush@{}/?token=hush", collector.address);
    let vars = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=hush,hush,a b=hush"),
    ];
    let (setup, warnings) = setup(&vars);
    let mut said = format!("{setup:?}");
    let telemetry = setup.build().unwrap();
    said += &format!("{telemetry:?}");
    serve(&telemetry, "/a").await;
    let error = telemetry.shutdown().await.unwrap_err();
    said += &format!("{error} {error:?} {:?}", warnings.all());
    assert_eq!(warnings.all().len(), 3, "{said}");
    assert!(!said.contains("hush"), "{said}");
    let call = &collector.calls()[0];
    assert_eq!(call.path, "/v1/traces?token=hush");
    assert_eq!(call.headers["x-key"], "hush");
    // user:hush
    assert_eq!(call.headers["authorization"], "Basic dXNlcjpodXNo");

    for url in [
        "ftp://user:hush@host",
        "user:hush@host",
        "https://user:hush@host",
    ] {
        let Err(error) = Setup::new().endpoint(url).build() else {
            continue; // https, in a build with TLS
        };
        let said = format!("{error} {error:?}");
        assert!(said.contains("host") && !said.contains("hush"), "{said}");
    }
}

#[tokio::test]
async fn a_disabled_sdk_exports_nothing_and_carries_the_trace_on() {
    let (setup, _) = setup(&[("OTEL_SDK_DISABLED", "TRUE")]);
    let telemetry = setup.endpoint(nobody()).build().unwrap();
    let app = Router::new()
        .route(
            "/",
            get(|| async { throughline::current_ids().unwrap().trace_id_hex() }),
        )
        .layer(ServerLayer::new().telemetry(&telemetry));
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = Request::get("/")
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .body(Body::empty())
        .unwrap();
    let body = app.oneshot(request).await.unwrap().into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes(), trace);
    telemetry.shutdown().await.unwrap();
}

#[tokio::test]
async fn samplers_of_the_environment() {
    for (name, arg, spans) in [
        ("Always_On", "", 1),
        ("always_off", "", 0),
        ("traceidratio", "0", 0),
        ("parentbased_traceidratio", "1.0", 1),
        ("parentbased_always_off", "", 0),
        ("", "0", 1),
    ] {
        let exporter = InMemorySpanExporter::default();
        let (setup, warnings) = setup(&[
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", arg),
        ]);
        let telemetry = setup.exporter(exporter.clone()).build().unwrap();
        serve(&telemetry, "/a").await;
        telemetry.flush().await.unwrap();
        let ended = exporter.get_finished_spans().unwrap();
        assert_eq!(ended.len(), spans, "{name}");
        assert_eq!(warnings.all(), [""; 0]);
    }
}

#[tokio::test]
async fn parts_of_ones_own() {
    let [exporter, second, simple, provided]: [InMemorySpanExporter; 4] = Default::default();
    let telemetry = setup(&[])
        .0
        .service_name("own")
        .sampler(Sampler::AlwaysOn)
        .processor(SimpleSpanProcessor::new(simple.clone()))
        .exporter(exporter.clone())
        .exporter(second.clone())
        .build()
        .unwrap();
    serve(&telemetry, "/a").await;
    assert_eq!(simple.get_finished_spans().unwrap().len(), 1);
    telemetry.flush().await.unwrap();
    for exporter in [&exporter, &second] {
        assert_eq!(exporter.get_finished_spans().unwrap().len(), 1);
    }
    telemetry.shutdown().await.unwrap();

    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(provided.clone()).build())
        .build();
    let telemetry = setup(&[]).0.provider(provider.clone()).build().unwrap();
    serve(&telemetry, "/a").await;
    telemetry.flush().await.unwrap();
    assert_eq!(provided.get_finished_spans().unwrap().len(), 1);
    telemetry.shutdown().await.unwrap();
    assert!(provider.shutdown().is_err(), "it was handed over");
}

#[test]
fn a_build_without_tls_says_so() {
    let (setup, _) = setup(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example")]);
    match setup.build() {
        Err(error) => assert_eq!(
            error.to_string(),
            "OTEL_EXPORTER_OTLP_ENDPOINT is https://collector.example/v1/traces, and https needs throughline's feature \
             `tls`, which this build is without"
        ),
        Ok(_) if cfg!(feature = "tls") => {}
        Ok(_) => panic!("who speaks TLS?"),
    }
}

#[tokio::test]
async fn warnings_go_to_the_subscriber() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(written.clone())
        .finish();
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let lookup = |name: &str| (name == "OTEL_TRACES_SAMPLER").then(|| "x".to_owned());
    drop(Setup::new().lookup(lookup).build().unwrap());
    let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert!(
        written.contains(r#"WARN throughline: OTEL_TRACES_SAMPLER="x" is no known sampler"#),
        "{written}"
    );
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Written {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_processor_that_never_ends_holds_nobody_up() {
    let limit = Duration::from_millis(50);
    let stuck = || setup(&[]).0.shutdown_timeout(limit).processor(Stuck);
    let begun = Instant::now();
    drop(stuck().endpoint(nobody()).build().unwrap());
    let telemetry = stuck().endpoint(nobody()).build().unwrap();
    assert!(telemetry.flush().await.unwrap_err().is_timeout());
    assert!(telemetry.shutdown().await.unwrap_err().is_timeout());
    assert!(begun.elapsed() < PATIENCE);
}

/// Would be stuck for twice as long as a test has patience.
#[derive(Debug)]
struct Stuck;

impl Stuck {
    fn wait() -> OTelSdkResult {
        let (_open, never) = mpsc::channel::<()>();
        never.recv_timeout(PATIENCE * 2).ok();
        Ok(())
    }
}

impl SpanProcessor for Stuck {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, _span: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Self::wait()
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Self::wait()
    }
}
