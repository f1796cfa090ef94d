//! The processes that are measured: this very program, started again as a viewer or as a null receiver.

use std::{
    convert::Infallible,
    env,
    error::Error,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use throughline_viewer::{Options, Viewer};
use tokio::net::TcpListener;

/// A process that ends with this value.
pub(crate) struct Peer {
    child: Child,
    /// The page and OTLP over HTTP, or the null receiver alone, twice.
    pub(crate) page: SocketAddr,
    pub(crate) http: SocketAddr,
}

pub(crate) const VIEWER: &str = "--as-viewer";
pub(crate) const NULL: &str = "--as-null";

impl Peer {
    pub(crate) fn start(arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(env::current_exe()?)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(out).lines();
        let mut address = || -> Result<SocketAddr, Box<dyn Error>> {
            Ok(lines.next().ok_or("it did not start")??.parse()?)
        };
        Ok(Self {
            page: address()?,
            http: address()?,
            child,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The viewer, as its own program starts it.
pub(crate) async fn viewer(limit: u64, file: Option<&str>) -> Result<(), Box<dyn Error>> {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut options = Options::default();
    options.page = free;
    options.http = Some(free);
    options.grpc = Some(free);
    options.store.limit = limit << 20;
    options.store.file = file.map(Into::into);
    let viewer = Viewer::start(&options).await?;
    println!(
        "{}\n{}",
        viewer.page_addr()?,
        viewer.http_addr()?.ok_or("no address")?
    );
    viewer.serve(std::future::pending()).await?;
    Ok(())
}

/// Reads each request to its end and answers 200.
pub(crate) async fn null() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    println!("{address}\n{address}");
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = |request: Request<Incoming>| async {
            let mut body = request.into_body();
            while let Some(Ok(_)) = body.frame().await {}
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        };
        tokio::spawn(
            http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)),
        );
    }
}
