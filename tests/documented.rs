//! What the documents show, word for word: it compiles, runs, and its spans arrive. `.ci/receivers` builds the program of
//! the README's "Use it".
//!
//! Where else it is seen that a documented set-up delivers:
//!
//! | set-up | test |
//! |---|---|
//! | each protocol, compressed or not; Zipkin | `receivers`, and by others' collectors `real_receivers` |
//! | TLS, a client's certificate, the system's authorities | `handshakes` |
//! | endpoints, headers, samplers of the environment; drop, flush, shutdown; no runtime | `setup`, `sigterm` |
//! | a console: spans, metrics, log records | here, `meters`, `feedback` |
//! | metrics by OTLP, to Prometheus | `meters`, `prometheus` |
//! | `OTEL_CONFIG_FILE` | here, `config_file` |
//! | `init`, with layers that were built before; OpenTelemetry's globals | `init`, `globals` |
//! | exporters, processors, samplers, providers of one's own; `otel::telemetry` | `setup`, `globals`, `handlers` |
//! | samplers in code, and a server of them | `sampling`, `remote_sampling` |
//! | a subscriber, or its layers | here, `feedback`, `subscriber`, `logs` |
//! | a batch job | `job`, `examples` |
//! | another exporter besides | `real_receivers` |
//! | each example | `examples` |

#![allow(
    clippy::disallowed_methods,
    reason = "what a test is asked for stands in the environment"
)]

mod collector;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "generated; no call of it is made here"
)]
mod proto;

use std::{
    env, fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, routing::get};
use collector::{Call, Collector, PATIENCE};
use http::Request;
use proto::pricing_client::PricingClient;
use throughline::{ServerLayer, Setup};
use tower::ServiceExt;

const README: &str = include_str!("../README.md");
const ENVIRONMENT: &str = include_str!("../docs/environment.md");
const FIXTURE: &str = include_str!("fixtures/readme/Cargo.toml");
const THIS: &str = include_str!("documented.rs");

/// Where the README's program listens. `/proc/net/tcp` has it in hexadecimals.
const ADDRESS: &str = "127.0.0.1:8080";

/// What stands between the fences of each such block.
fn blocks<'d>(document: &'d str, language: &str) -> Vec<&'d str> {
    let fence = format!("\n```{language}\n");
    let starts = document.split(&*fence).skip(1);
    starts
        .map(|rest| rest.split_once("\n```").unwrap().0)
        .collect()
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The README's program. It ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Program {
    /// Once it listens. Somebody else may have the address for a while: this test of another copy.
    fn start(variables: &[(&str, &str)]) -> Option<Self> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"),
            PathBuf::from,
        );
        let path = target.join("debug/readme");
        if !path.exists() {
            let path = path.display();
            return skipped(&format!("{path} is not there; .ci/receivers builds it"));
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let mut command = Command::new(&path);
            command.env_clear().envs(variables.iter().copied());
            let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut program = Self(child.spawn().unwrap());
            while program.0.try_wait().unwrap().is_none() {
                if program.is_listening() {
                    return Some(program);
                }
                // Another process has no event for that it listens.
                thread::sleep(Duration::from_millis(10));
            }
            let (_, said) = program.rest();
            assert!(said.contains("AddrInUse"), "{said}");
            if Instant::now() > until {
                return skipped(&format!("{ADDRESS} stays in use"));
            }
        }
    }

    /// It, and nobody else: a socket of its own is the one that listens there.
    fn is_listening(&self) -> bool {
        let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
        let listening = sockets.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let is_it = fields[1..].starts_with(&["0100007F:1F90", "00000000:0000", "0A"]);
            is_it.then(|| format!("socket:[{}]", fields[9]))
        });
        let files = fs::read_dir(format!("/proc/{}/fd", self.0.id()));
        listening.is_some_and(|listening| {
            let mut links = files.into_iter().flatten().flatten();
            links.any(|file| fs::read_link(file.path()).is_ok_and(|to| to == Path::new(&listening)))
        })
    }

    fn rest(&mut self) -> (String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        let stdout = self.0.stdout.as_mut().unwrap();
        stdout.read_to_string(&mut out).unwrap();
        let stderr = self.0.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        (out, err)
    }

    /// Tells it to stop. What it said.
    fn stop(mut self) -> String {
        let id = self.0.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &id]).status();
        assert!(kill.unwrap().success());
        let (out, err) = self.rest();
        assert!(self.0.wait().unwrap().success(), "{out}{err}");
        assert_eq!(err, "");
        out
    }
}

fn skipped(why: &str) -> Option<Program> {
    let is_required = env::var("THROUGHLINE_REQUIRE").as_deref() == Ok("1");
    assert!(!is_required, "{why}");
    eprintln!("skipped: {why}");
    None
}

/// Asks the program once.
fn ask(path: &str) {
    let mut stream = TcpStream::connect(ADDRESS).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.ends_with("\r\n\r\norder"), "{answer}");
}

#[test]
fn the_readmes_program_delivers() {
    // The system's own files tell that it listens.
    if !cfg!(target_os = "linux") {
        return;
    }
    let collector = Collector::start();
    let url = collector.url();
    let path = format!("/orders/{}", std::process::id());
    let Some(program) = Program::start(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &url),
        ("OTEL_SERVICE_NAME", "orders"),
    ]) else {
        return;
    };
    ask(&path);
    assert_eq!(program.stop(), "");
    let calls = collector.calls();
    let names: Vec<_> = calls.iter().flat_map(Call::names).collect();
    assert_eq!(names, ["GET /orders/{id}"]);
    assert_eq!(calls[0].resource("service.name").as_deref(), Some("orders"));
    let sent = format!("{:?}", calls[0].spans);
    assert!(sent.contains(&path), "{sent}");
    let metric = collector.metric("http.server.request.duration");
    assert_eq!(metric.unit, "s");

    // And where there is no collector, as it says there.
    let console = [
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let Some(program) = Program::start(&console) else {
        return;
    };
    ask(&path);
    let printed = program.stop();
    for part in ["GET /orders/{id}", &path, "TraceId"] {
        assert!(printed.contains(part), "no {part:?}: {printed}");
    }
}

#[test]
fn the_readmes_dependencies_are_those_of_the_program() {
    let dependencies = blocks(README, "toml")[0];
    assert!(dependencies.contains("throughline"), "{dependencies}");
    assert!(FIXTURE.contains(dependencies), "{dependencies}");
}

#[tokio::test]
async fn the_file_of_environment_md_delivers() {
    let collector = Collector::start();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("documented.yaml");
    fs::write(&file, blocks(ENVIRONMENT, "yaml")[0]).unwrap();
    let (url, path) = (collector.url(), file.to_str().unwrap().to_owned());
    let telemetry = Setup::new()
        .lookup(move |name| match name {
            "OTEL_CONFIG_FILE" => Some(path.clone()),
            "COLLECTOR" => Some(url.clone()),
            "API_KEY" => Some("s3cret".to_owned()),
            _ => None,
        })
        .build()
        .unwrap();
    let app = Router::new()
        .route("/orders/{id}", get(|| async { "order" }))
        .layer(ServerLayer::new().telemetry(&telemetry));
    let request = Request::get("/orders/7").body(Body::empty()).unwrap();
    drop(app.oneshot(request).await.unwrap());
    telemetry.shutdown().await.unwrap();
    fs::remove_file(file).unwrap();
    let calls = collector.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].names(), ["GET /orders/{id}"]);
    assert_eq!(calls[0].resource("service.name").as_deref(), Some("orders"));
    assert_eq!(calls[0].headers["api-key"], "s3cret");
}

/// Each block that is no doctest, for want of what stands around it, is in this file: in a function below.
#[test]
fn what_is_no_doctest_is_compiled_here() {
    let this = without_space(THIS);
    let ignored = blocks(README, "rust,ignore");
    assert!(!ignored.is_empty());
    for block in ignored {
        for part in block.split("\n\n") {
            assert!(this.contains(&without_space(part)), "{part}");
        }
    }
}

/// Chooses the block that the child is to run, and what it may call.
const BLOCK: &str = "DOCUMENTED_TEST_BLOCK";
const SERVER: &str = "DOCUMENTED_TEST_SERVER";

/// A process for each block, for there is one pipeline and one subscriber in a process. By itself it is no test.
#[tokio::test]
async fn child() {
    let Ok(block) = env::var(BLOCK) else { return };
    match &*block {
        "clients" => clients().await,
        "subscriber" => subscriber().await,
        _ => subscriber_of_ones_own().await,
    }
    .unwrap();
}

type Ran = Result<(), Box<dyn std::error::Error>>;

async fn clients() -> Ran {
    let telemetry = throughline::init()?;
    let url = env::var(SERVER)?;
    let uri: http::Uri = url.parse()?;
    let channel = tonic::transport::Endpoint::from(uri.clone()).connect_lazy();
    let client = tower::service_fn(async |_: Request<String>| {
        Ok::<_, std::io::Error>(http::Response::new(String::new()))
    });
    called(client, channel, uri, &url).await?;
    Ok(telemetry.shutdown().await?)
}

#[rustfmt::skip]
async fn called<C>(client: C, channel: tonic::transport::Channel, uri: http::Uri, url: &str) -> Ran
where
    C: tower::Service<Request<String>, Response = http::Response<String>, Error = std::io::Error>,
{
    use throughline::{ClientLayer, reqwest::SendTraced};
    use tower::ServiceBuilder;

    // Any Tower client over http::Request: hyper-util, tonic's Channel, …
    let client = ServiceBuilder::new().layer(ClientLayer::new()).service(client);

    drop(client.oneshot(Request::get(url).body(String::new())?).await?);

    // A generated client of tonic's; the target names the server, which a channel does not.
    let client = PricingClient::new(ServiceBuilder::new().layer(ClientLayer::new().target(uri)).service(channel));

    let item = proto::Item { sku: "socks".to_owned() };
    { client }.quote(item).await.unwrap_err();

    // reqwest, with the feature "reqwest".
    let order = reqwest::Client::new().get(url).send_traced(&ClientLayer::new()).await?;

    drop(order.bytes().await?);
    Ok(())
}

#[rustfmt::skip]
async fn subscriber() -> Ran {
    use throughline::{Setup, Subscriber};

    // Lines of JSON, or Subscriber::text(), compact() and pretty(); RUST_LOG says which lines there are, and
    // OTEL_LOGS_EXPORTER (otlp, console, none) where else they go.
    let telemetry = Setup::new().subscriber(Subscriber::json()).init()?;
    tracing::info!(sku = "socks", "sold");
    Ok(telemetry.shutdown().await?)
}

async fn subscriber_of_ones_own() -> Ran {
    use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

    let telemetry = throughline::init()?;
    tracing_subscriber::registry()
        .with(EnvFilter::from_default_env())
        .with(fmt::layer().map_event_format(throughline::logs::WithTraceIds::new))
        .with(telemetry.spans_layer()?)
        .with(telemetry.logs_layer()?)
        .init();
    tracing::info_span!("selling").in_scope(|| tracing::info!(sku = "socks", "sold"));
    Ok(telemetry.shutdown().await?)
}

/// Runs a block in a process of its own. What it printed.
fn run(block: &str, collector: &Collector, server: &str) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env_clear()
        .env(BLOCK, block)
        .env(SERVER, server)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .env("RUST_LOG", "info")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{block}: {out}{err}");
    out
}

#[test]
fn the_readmes_clients_deliver() {
    let (collector, server) = (Collector::start(), Collector::start());
    run("clients", &collector, &server.url());
    let mut names = collector.names();
    names.sort();
    assert_eq!(names, ["GET", "GET", "shop.v1.Pricing/Quote"]);
}

#[test]
fn the_readmes_subscribers_deliver() {
    for (block, spans, keys) in [
        ("subscriber", vec![], "\"sku\":\"socks\""),
        ("subscriber_of_ones_own", vec!["selling"], "trace_id="),
    ] {
        let collector = Collector::start();
        let printed = run(block, &collector, "");
        assert!(printed.contains("sold"), "{block}: {printed}");
        assert!(printed.contains(keys), "{block}: {printed}");
        assert_eq!(collector.names(), spans, "{block}");
        let calls = collector.calls();
        let sold = calls.iter().flat_map(|call| call.records("documented"));
        assert_eq!(sold.count(), 1, "{block}: {calls:#?}");
    }
}
