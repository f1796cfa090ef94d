//! `throughline-viewer`: see its `--help`.

use std::{
    io::{ErrorKind, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use throughline_viewer::{Mode, Options, StartError, Viewer};

/// A trace viewer with nothing to install: OTLP in, a web page out.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where the page and the query APIs are.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:16686")]
    page: SocketAddr,
    /// Where OTLP over gRPC comes in.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4317")]
    grpc: SocketAddr,
    /// Where OTLP over HTTP and Zipkin come in.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4318")]
    http: SocketAddr,
    /// Serve the sampling strategies of this file, in Jaeger's format; read again when it changes.
    #[arg(long, value_name = "FILE", conflicts_with = "sampling_target")]
    sampling: Option<PathBuf>,
    /// Serve sampling strategies that aim at as many traces a second of each operation.
    #[arg(long, value_name = "TRACES", value_parser = target, allow_negative_numbers = true)]
    sampling_target: Option<f64>,
    /// Where sampling strategies are served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5778")]
    sampling_at: SocketAddr,
    /// A host name by which the viewer may be asked, besides addresses and localhost. May be given again.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// A file to keep the traces in, instead of memory.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// MiB of memory, or of the file, at most.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = limit())]
    limit: u64,
}

/// Decoders, questions and pages at a time: each thread keeps some memory that it has freed.
const BLOCKING_THREADS: usize = 9;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut options = Options::default();
    options.page = arguments.page;
    options.grpc = Some(arguments.grpc);
    options.http = Some(arguments.http);
    let mode = match (arguments.sampling, arguments.sampling_target) {
        (Some(file), _) => Some(Mode::File(file)),
        (None, Some(target)) => Some(Mode::Adaptive { target }),
        (None, None) => None,
    };
    options.sampling = mode.map(|mode| (arguments.sampling_at, mode));
    options.hosts = arguments.allow_host;
    options.store.file = arguments.data;
    options.store.limit = arguments.limit << 20;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build();
    let ended = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(&options)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("throughline-viewer: {error}{}", advice(&*error));
            ExitCode::FAILURE
        }
    }
}

/// As many as are bytes that the store can count.
fn limit() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=i64::MAX as u64 >> 20)
}

fn target(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(target) if target > 0.0 && target.is_finite() => Ok(target),
        _ => Err("it is no number above zero".to_owned()),
    }
}

/// What to do about it, where that is not in the error.
fn advice(error: &(dyn std::error::Error + 'static)) -> &'static str {
    match error.downcast_ref() {
        Some(StartError::Listen(_, error)) if error.kind() == ErrorKind::AddrInUse => {
            "; is another viewer or a collector running? --page, --grpc, --http and --sampling-at choose other addresses"
        }
        _ => "",
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let viewer = Viewer::start(options).await?;
    let addresses = [
        Some(options.page),
        options.grpc,
        options.http,
        options.sampling.as_ref().map(|(address, _)| *address),
    ];
    for address in addresses.into_iter().flatten() {
        if !address.ip().is_loopback() {
            eprintln!(
                "throughline-viewer: {address} can be reached from other machines, and whoever reaches it reads and writes all that it has"
            );
        }
    }
    // Whoever started it may not listen to what it says.
    let mut out = std::io::stdout();
    writeln!(out, "traces: http://{}", viewer.page_addr()?).ok();
    if let Some(address) = viewer.http_addr()? {
        writeln!(out, "OTLP over HTTP: http://{address}").ok();
    }
    if let Some(address) = viewer.grpc_addr()? {
        writeln!(out, "OTLP over gRPC: http://{address}").ok();
    }
    if let Some(address) = viewer.sampling_addr()? {
        writeln!(out, "sampling strategies: http://{address}/sampling").ok();
    }
    viewer
        .serve(async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await?;
    Ok(())
}
