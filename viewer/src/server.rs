//! The doors: OTLP over gRPC, OTLP over HTTP, the page with its APIs, and sampling strategies.

use std::{fmt, io, net::SocketAddr, time::Duration};

use axum::{Router, middleware};
use tokio::net::TcpListener;

use crate::{
    page,
    safety::{self, Hosts},
    sampling::{self, Mode, SamplingError, Source},
    store::{Place, Store, StoreError},
};

/// Where a viewer listens, and what it keeps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The page and the query APIs; 127.0.0.1:16686 unless said.
    pub page: SocketAddr,
    /// OTLP over gRPC; 127.0.0.1:4317 unless said.
    pub grpc: Option<SocketAddr>,
    /// OTLP over HTTP, and Zipkin; 127.0.0.1:4318 unless said.
    pub http: Option<SocketAddr>,
    /// How long the body of what is sent may take to come in; 10 s unless said.
    pub receive_timeout: Duration,
    /// Where sampling strategies are served, and how they come about: nowhere unless said.
    pub sampling: Option<(SocketAddr, Mode)>,
    /// Names by which the viewer may be asked, besides addresses and `localhost`.
    pub hosts: Vec<String>,
    /// Where traces are kept; 256 MiB of memory unless said.
    pub store: Place,
}

/// A viewer that listens already.
#[derive(Debug)]
pub struct Viewer {
    store: Store,
    hosts: Hosts,
    page: TcpListener,
    grpc: Option<TcpListener>,
    http: Option<TcpListener>,
    receive_timeout: Duration,
    sampling: Option<(TcpListener, Source)>,
}

/// As long may what was begun take after the end is told.
const GRACE: Duration = Duration::from_secs(1);

/// Why a viewer cannot start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It cannot listen there.
    Listen(SocketAddr, io::Error),
    /// The store cannot be opened.
    Store(StoreError),
    /// There are no strategies to serve.
    Sampling(SamplingError),
}

impl Default for Options {
    fn default() -> Self {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            page: at(16686),
            grpc: Some(at(4317)),
            http: Some(at(4318)),
            receive_timeout: Duration::from_secs(10),
            sampling: None,
            hosts: Vec::new(),
            store: Place::default(),
        }
    }
}

impl Viewer {
    /// Listens, and opens the store. Nothing is answered until [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// When an address is taken, or the store cannot be opened.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let sampling = match &options.sampling {
            Some((address, mode)) => {
                let source = Source::open(mode).map_err(StartError::Sampling)?;
                Some((listen(*address).await?, source))
            }
            None => None,
        };
        let page = listen(options.page).await?;
        let grpc = listen_perhaps(options.grpc).await?;
        let http = listen_perhaps(options.http).await?;
        // Opening may remove what is above the limit: only when nothing else can fail.
        let store = Store::open(&options.store).map_err(StartError::Store)?;
        if let Some((_, Source::Adaptive(adaptive))) = &sampling {
            store.tell(adaptive.clone());
        }
        Ok(Self {
            sampling,
            store,
            page,
            grpc,
            http,
            receive_timeout: options.receive_timeout,
            hosts: Hosts::new(&options.hosts),
        })
    }

    /// The store, for a service that embeds the viewer.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where the page is.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn page_addr(&self) -> io::Result<SocketAddr> {
        self.page.local_addr()
    }

    /// Where OTLP over HTTP comes in, if it does.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn http_addr(&self) -> io::Result<Option<SocketAddr>> {
        self.http.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Where OTLP over gRPC comes in, if it does.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn grpc_addr(&self) -> io::Result<Option<SocketAddr>> {
        self.grpc.as_ref().map(TcpListener::local_addr).transpose()
    }

    /// Where sampling strategies are served, if they are.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn sampling_addr(&self) -> io::Result<Option<SocketAddr>> {
        let listener = self.sampling.as_ref().map(|(listener, _)| listener);
        listener.map(TcpListener::local_addr).transpose()
    }

    /// Serves until the future is ready, and then for a second at most what was begun.
    ///
    /// # Errors
    ///
    /// When a listener fails.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (stopped, wait) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            stop.await;
            stopped.send_replace(true);
        });
        let run = |listener: Option<TcpListener>, app: Router| {
            let mut wait = wait.clone();
            async move {
                let Some(listener) = listener else {
                    return Ok(());
                };
                axum::serve(listener, app)
                    .with_graceful_shutdown(async move {
                        // An error is a sender that is gone: the end as well.
                        wait.wait_for(|stopped| *stopped).await.ok();
                    })
                    .await
            }
        };
        let guard = |app: Router| {
            app.layer(middleware::from_fn_with_state(
                self.hosts.clone(),
                safety::guard,
            ))
        };
        let page = page::routes(&self.store, self.http_addr()?, wait.clone());
        let page = run(Some(self.page), guard(page));
        let grpc = guard(self.store.grpc_routes(self.receive_timeout));
        let grpc = run(self.grpc, grpc);
        let http = guard(self.store.http_routes(self.receive_timeout));
        let http = run(self.http, http);
        let (listener, source) = self.sampling.unzip();
        let sampling = match source {
            Some(source) => {
                tokio::spawn(source.clone().keep());
                guard(sampling::routes(source))
            }
            None => Router::new(),
        };
        let sampling = run(listener, sampling);
        let mut wait = wait.clone();
        tokio::select! {
            served = async { tokio::try_join!(page, grpc, http, sampling) } => served.map(|_| ()),
            () = async {
                wait.wait_for(|stopped| *stopped).await.ok();
                tokio::time::sleep(GRACE).await;
            } => Ok(()),
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Listen(address, error))
}

async fn listen_perhaps(address: Option<SocketAddr>) -> Result<Option<TcpListener>, StartError> {
    match address {
        Some(address) => listen(address).await.map(Some),
        None => Ok(None),
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Store(error) => error.fmt(f),
            Self::Sampling(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen(_, error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Sampling(error) => Some(error),
        }
    }
}
