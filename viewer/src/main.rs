//! `throughline-viewer`: see its `--help`.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;
use throughline_viewer::{Options, Place, Viewer};

/// A trace viewer with nothing to install: OTLP in, a web page out.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where the page and the query APIs are.
    #[arg(long, default_value = "127.0.0.1:16686")]
    page: SocketAddr,
    /// Where OTLP over gRPC comes in.
    #[arg(long, default_value = "127.0.0.1:4317")]
    grpc: SocketAddr,
    /// Where OTLP over HTTP and Zipkin come in.
    #[arg(long, default_value = "127.0.0.1:4318")]
    http: SocketAddr,
    /// A file to keep the traces in, instead of memory.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// MiB of memory, or of the file, at most.
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    limit: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        page: arguments.page,
        grpc: Some(arguments.grpc),
        http: Some(arguments.http),
        store: Place {
            file: arguments.data,
            limit: arguments.limit << 20,
        },
    };
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("throughline-viewer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let viewer = Viewer::start(options).await?;
    println!("traces: http://{}", viewer.page_addr()?);
    viewer
        .serve(async {
            tokio::signal::ctrl_c().await.ok();
        })
        .await?;
    Ok(())
}
