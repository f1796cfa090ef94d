//! SIGTERM under load: what ended before it arrives, on a current-thread runtime, on a multi-thread one, and without any.

#![allow(
    clippy::disallowed_methods,
    reason = "what a test is asked for stands in the environment"
)]

mod collector;

use std::{
    collections::HashSet,
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use axum::{Router, body::Body, routing::get};
use collector::Collector;
use futures_util::FutureExt;
use http::Request;
use http_body_util::BodyExt;
use throughline::{ServerLayer, Setup, Telemetry, stop_signal};
use tokio::runtime::Builder;
use tower::ServiceExt;

/// Which runtime the process is to have, and where its spans go.
const RUNTIME: &str = "SIGTERM_TEST_RUNTIME";
const ENDPOINT: &str = "SIGTERM_TEST_ENDPOINT";
/// What a process says of each trace that ended, and at its end.
const ENDED: &str = "ended ";
const COUNTS: &str = "counts ";
/// So many traces have ended when the signal is sent.
const BEFORE: usize = 3000;

/// The process that is told to stop. By itself it is no test.
#[test]
fn child() {
    let (Some(runtime), Some(endpoint)) = (env::var_os(RUNTIME), env::var_os(ENDPOINT)) else {
        return;
    };
    let telemetry = Setup::new()
        .lookup(|name| match name {
            // Room for all that is made; what has none is another test's.
            "OTEL_BSP_MAX_QUEUE_SIZE" => Some("1000000".to_owned()),
            "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER" => Some("none".to_owned()),
            _ => None,
        })
        .span_queue_bytes(1 << 32)
        .shutdown_timeout(collector::PATIENCE)
        .endpoint(endpoint.into_string().unwrap())
        .build()
        .unwrap();
    let counts = telemetry.counts_reader();
    let app = Router::new()
        .route("/", get(own_trace))
        .layer(ServerLayer::new().telemetry(&telemetry));
    match runtime.to_str().unwrap() {
        "current-thread" => Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(served_by_tasks(telemetry, &app)),
        "multi-thread" => Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
            .block_on(served_by_tasks(telemetry, &app)),
        _ => served_by_threads(telemetry, &app),
    }
    let counts = counts();
    say(&format!("{COUNTS}{} {}", counts.made, counts.acknowledged));
}

async fn own_trace() -> String {
    throughline::current_ids().unwrap().trace_id_hex()
}

async fn served_by_tasks(telemetry: Telemetry, app: &Router) {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let load = [(); 2].map(|()| {
        let (app, is_stopped) = (app.clone(), Arc::clone(&is_stopped));
        tokio::spawn(async move {
            while !is_stopped.load(Ordering::Acquire) {
                serve(app.clone()).await;
                tokio::task::yield_now().await;
            }
        })
    });
    stop_signal().await;
    is_stopped.store(true, Ordering::Release);
    for task in load {
        task.await.unwrap();
    }
    telemetry.shutdown().await.unwrap();
}

fn served_by_threads(telemetry: Telemetry, app: &Router) {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let load = [(); 2].map(|()| {
        let (app, is_stopped) = (app.clone(), Arc::clone(&is_stopped));
        thread::spawn(move || {
            while !is_stopped.load(Ordering::Acquire) {
                serve(app.clone()).now_or_never().unwrap();
            }
        })
    });
    // Signals need a runtime. It is gone before the end.
    let listens = Builder::new_current_thread().enable_all().build().unwrap();
    listens.block_on(stop_signal());
    drop(listens);
    is_stopped.store(true, Ordering::Release);
    for thread in load {
        thread.join().unwrap();
    }
    drop(telemetry);
}

/// One request, and once all of it is over, its trace.
async fn serve(app: Router) {
    let request = Request::get("/").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let trace = response.into_body().collect().await.unwrap().to_bytes();
    say(&format!("{ENDED}{}", str::from_utf8(&trace).unwrap()));
}

/// Past the test harness.
fn say(line: &str) {
    writeln!(io::stdout().lock(), "{line}").unwrap();
}

/// It ends with the test, also with one that fails.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[track_caller]
fn nothing_is_missing(runtime: &str) {
    if !cfg!(unix) {
        return;
    }
    let collector = Collector::start();
    let mut process = Command::new(env::current_exe().unwrap());
    process
        .args(["--exact", "child", "--nocapture"])
        .env(RUNTIME, runtime)
        .env(ENDPOINT, collector.url())
        .stdout(Stdio::piped());
    let mut process = Process(process.spawn().unwrap());
    let id = process.0.id().to_string();
    let (mut ended, mut counts) = (HashSet::new(), None);
    for line in BufReader::new(process.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some((_, trace)) = line.split_once(ENDED) {
            ended.insert(trace.to_owned());
            if ended.len() == BEFORE {
                let kill = Command::new("kill").args(["-TERM", &id]).status();
                assert!(kill.unwrap().success());
            }
        } else if let Some((_, text)) = line.split_once(COUNTS) {
            let numbers = text.split(' ').map(|number| number.parse().unwrap());
            counts = Some(numbers.collect::<Vec<usize>>());
        }
    }
    assert!(process.0.wait().unwrap().success());
    let arrived = traces(&collector);
    let known: HashSet<_> = arrived.iter().collect();
    let missing = ended.iter().filter(|trace| !known.contains(trace));
    assert_eq!(missing.count(), 0, "{runtime}: of {}", ended.len());
    assert!(ended.len() >= BEFORE);
    // Each once, and no others.
    assert_eq!(arrived.len(), ended.len(), "{runtime}");
    assert_eq!(counts, Some(vec![ended.len(); 2]), "{runtime}");
}

fn traces(collector: &Collector) -> Vec<String> {
    let calls = collector.calls();
    let resources = calls.iter().flat_map(|call| &call.spans);
    let scopes = resources.flat_map(|resource| &resource.scope_spans);
    let spans = scopes.flat_map(|scope| &scope.spans);
    spans.map(|span| hex(&span.trace_id)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn on_a_current_thread_runtime() {
    nothing_is_missing("current-thread");
}

#[test]
fn on_a_multi_thread_runtime() {
    nothing_is_missing("multi-thread");
}

#[test]
fn without_a_runtime() {
    nothing_is_missing("none");
}
