//! `/metrics` for Prometheus, served by a thread and a runtime of its own: it needs none of the service's, and no
//! scrape is traced or measured.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError, Weak, mpsc},
    thread,
    time::Duration,
};

use http::{Method, Response, StatusCode, header};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use opentelemetry::Context;
use opentelemetry_prometheus::PrometheusExporter;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{
        InstrumentKind, MeterProviderBuilder, Pipeline, Temporality, data::ResourceMetrics,
        reader::MetricReader,
    },
};
use prometheus::{Registry, TextEncoder};
use tokio::{
    net::TcpStream,
    runtime,
    sync::{Semaphore, oneshot},
    time,
};

use super::{error::SetupError, report::Report};

const PATH: &str = "/metrics";
/// Values of labels are UTF-8, and the format's own type does not say so.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// A Prometheus has one, and a pair of them two.
const CONNECTIONS: usize = 16;
/// For the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// For a whole connection, which serves one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Until the next attempt to accept, where there are no file descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// What a scrape reads, and the server through which it does. The meter provider ends both.
#[derive(Debug)]
struct Served {
    exporter: PrometheusExporter,
    server: Server,
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
struct Server {
    address: SocketAddr,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    /// Closed when the thread has ended, and the address is free.
    ended: mpsc::Receiver<Infallible>,
}

/// Serves what the provider will have measured, and says where. An address that cannot be had is a warning: the
/// service does without.
pub(super) fn serve(
    builder: MeterProviderBuilder,
    host: &str,
    port: u16,
    report: &Report,
) -> Result<(MeterProviderBuilder, Option<SocketAddr>), SetupError> {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .build()
        .map_err(|error| {
            SetupError::new("the Prometheus exporter cannot be made").with_source(error)
        })?;
    match Server::start(host, port, registry) {
        Ok(server) => {
            let address = server.address;
            let served = Served { exporter, server };
            Ok((builder.with_reader(served), Some(address)))
        }
        Err(error) => {
            report.warn(&format!(
                "cannot serve {PATH} on {host}:{port}, as OTEL_EXPORTER_PROMETHEUS_HOST and OTEL_EXPORTER_PROMETHEUS_PORT \
                 have it: {error}; Prometheus gets no metrics of this process"
            ));
            Ok((builder, None))
        }
    }
}

impl MetricReader for Served {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.exporter.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.exporter.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.server.stop(timeout);
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.exporter.temporality(kind)
    }
}

impl Server {
    fn start(host: &str, port: u16, registry: Registry) -> io::Result<Self> {
        let listener = bind(host, port)?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let (end, ended) = mpsc::channel::<Infallible>();
        thread::Builder::new()
            .name("throughline-prometheus".to_owned())
            .spawn(move || {
                let _end = end;
                // What the callbacks of observable instruments do to measure is no part of a trace.
                let _suppressed = Context::enter_telemetry_suppressed_scope();
                let runtime = runtime::Builder::new_current_thread().enable_all().build();
                match runtime {
                    Ok(runtime) => {
                        ready.send(Ok(())).ok();
                        runtime.block_on(run(listener, registry, stopped));
                    }
                    Err(error) => {
                        ready.send(Err(error)).ok();
                    }
                }
            })?;
        is_ready.recv().map_err(io::Error::other)??;
        Ok(Self {
            address,
            running: Mutex::new(Some(Running { stop, ended })),
        })
    }

    /// Waits until the address is free. Connections are closed as they stand.
    fn stop(&self, timeout: Duration) {
        let running = self
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Running { stop, ended }) = running {
            stop.send(()).ok();
            // It is closed rather than sent to. A callback of the user's that never returns is not waited for.
            ended.recv_timeout(timeout).ok();
        }
    }
}

/// The host's first address that this machine has, IPv4 before IPv6. One that is taken is not passed over: a scrape
/// would meet whoever took it.
fn bind(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpListener::bind(address) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => last = error,
            bound => return bound,
        }
    }
    Err(last)
}

async fn run(listener: TcpListener, registry: Registry, stopped: oneshot::Receiver<()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    tokio::select! {
        () = accept(&listener, registry) => {}
        // Told to, or dropped.
        _ = stopped => {}
    }
}

async fn accept(listener: &tokio::net::TcpListener, registry: Registry) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let connection = time::timeout(TIMEOUT, connection(stream, registry.clone()));
                tokio::spawn(async move {
                    connection.await.ok();
                    drop(place);
                });
            }
            Err(_) => time::sleep(PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, registry: Registry) {
    let service = service_fn(move |request: http::Request<_>| {
        let answer = answer(request.method(), request.uri().path(), &registry);
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
        // A peer that breaks off has nothing to be told.
        .ok();
}

/// To HEAD, hyper sends the head alone.
fn answer(method: &Method, path: &str, registry: &Registry) -> Response<String> {
    if path != PATH {
        return text(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
        let allowed = header::HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(header::ALLOW, allowed);
        return answer;
    }
    let families = registry.gather();
    // There is always target_info, unless collecting failed: then the target must not look well.
    if families.is_empty() {
        return text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "metrics could not be collected\n",
        );
    }
    match TextEncoder::new().encode_to_string(&families) {
        Ok(metrics) => text(StatusCode::OK, metrics),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn text(status: StatusCode, body: impl Into<String>) -> Response<String> {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    let kind = if status.is_success() {
        CONTENT_TYPE
    } else {
        "text/plain; charset=utf-8"
    };
    let kind = header::HeaderValue::from_static(kind);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}
