//! Tells services how much to sample, as Jaeger's collector does: `GET /sampling?service=…`, on port 5778 unless said.

mod adaptive;
mod file;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use axum::{
    Json, Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use serde::Serialize;

pub(crate) use self::adaptive::{Adaptive, Begun};
use self::file::Strategies;

/// How strategies come about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Mode {
    /// From a file in Jaeger's format, read again when it changes.
    File(PathBuf),
    /// So that as many traces a second begin with each operation.
    Adaptive {
        /// Traces a second, of each operation that begins traces.
        target: f64,
    },
}

/// Why strategies cannot be served.
#[derive(Debug)]
#[non_exhaustive]
pub enum SamplingError {
    /// The file cannot be read.
    Read(PathBuf, io::Error),
    /// It is no file of strategies.
    Parse(PathBuf, String),
}

/// The answer of Jaeger's interface, defaults and all.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    strategy_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilistic_sampling: Option<Probabilistic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limiting_sampling: Option<RateLimiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_sampling: Option<Operations>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Probabilistic {
    sampling_rate: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RateLimiting {
    max_traces_per_second: i32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operations {
    default_sampling_probability: f64,
    default_lower_bound_traces_per_second: f64,
    per_operation_strategies: Vec<Operation>,
    default_upper_bound_traces_per_second: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    operation: String,
    probabilistic_sampling: Probabilistic,
}

/// What answers are made from. Cloning is one increment.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(Arc<Watched>),
    Adaptive(Adaptive),
}

/// A file, and what it said when it was last right.
#[derive(Debug)]
pub(crate) struct Watched {
    path: PathBuf,
    strategies: RwLock<Strategies>,
    /// Of the file, before it was first read.
    first: Option<Stamp>,
}

/// What tells one state of a file from the next.
type Stamp = (SystemTime, u64);

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);

impl Source {
    /// Reads the file, or begins to count.
    pub(crate) fn open(mode: &Mode) -> Result<Self, SamplingError> {
        match mode {
            Mode::File(path) => Ok(Self::File(Arc::new(Watched {
                first: stamp(path),
                strategies: RwLock::new(read(path)?),
                path: path.clone(),
            }))),
            Mode::Adaptive { target } => Ok(Self::Adaptive(Adaptive::new(*target))),
        }
    }

    /// Keeps the answers up to date, for ever.
    pub(crate) async fn keep(self) {
        match self {
            Self::File(watched) => watched.watch().await,
            Self::Adaptive(adaptive) => adaptive.run().await,
        }
    }

    fn answer(&self, service: &str) -> Answer {
        match self {
            Self::File(watched) => watched
                .strategies
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .answer(service),
            Self::Adaptive(adaptive) => adaptive.answer(service),
        }
    }
}

impl Watched {
    async fn watch(&self) {
        let mut seen = self.first;
        let mut ticks = tokio::time::interval(LOOK);
        loop {
            ticks.tick().await;
            let now = stamp(&self.path);
            if now == seen || now.is_none() {
                continue;
            }
            seen = now;
            match read(&self.path) {
                Ok(strategies) => {
                    *self
                        .strategies
                        .write()
                        .unwrap_or_else(PoisonError::into_inner) = strategies;
                    eprintln!("throughline-viewer: {} is read again", self.path.display());
                }
                Err(error) => {
                    eprintln!("throughline-viewer: {error}; what it said before still holds");
                }
            }
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let data = std::fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

fn read(path: &Path) -> Result<Strategies, SamplingError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| SamplingError::Read(path.to_owned(), error))?;
    Strategies::parse(&text).map_err(|why| SamplingError::Parse(path.to_owned(), why))
}

pub(crate) fn routes(source: Source) -> Router {
    Router::new()
        .route("/sampling", get(sampling))
        .with_state(source)
}

async fn sampling(
    State(source): State<Source>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let services: Vec<_> = pairs
        .iter()
        .filter(|(name, _)| name == "service")
        .map(|(_, service)| service)
        .collect();
    match services.as_slice() {
        [service] => Json(source.answer(service)).into_response(),
        _ => (
            StatusCode::BAD_REQUEST,
            "'service' parameter must be provided once",
        )
            .into_response(),
    }
}

impl Answer {
    fn probabilistic(rate: f64) -> Self {
        Self {
            strategy_type: "PROBABILISTIC",
            probabilistic_sampling: Some(Probabilistic {
                sampling_rate: rate,
            }),
            rate_limiting_sampling: None,
            operation_sampling: None,
        }
    }

    fn rate_limiting(most: i32) -> Self {
        Self {
            strategy_type: "RATE_LIMITING",
            probabilistic_sampling: None,
            rate_limiting_sampling: Some(RateLimiting {
                max_traces_per_second: most,
            }),
            operation_sampling: None,
        }
    }

    /// Each operation its own rate; the others the default one, and at least as many traces a second.
    fn with_operations(
        mut self,
        default: f64,
        lower_bound: f64,
        operations: impl IntoIterator<Item = (String, f64)>,
    ) -> Self {
        let strategy = |(operation, rate)| Operation {
            operation,
            probabilistic_sampling: Probabilistic {
                sampling_rate: rate,
            },
        };
        self.operation_sampling = Some(Operations {
            default_sampling_probability: default,
            default_lower_bound_traces_per_second: lower_bound,
            per_operation_strategies: operations.into_iter().map(strategy).collect(),
            default_upper_bound_traces_per_second: 0.0,
        });
        self
    }
}

impl fmt::Display for SamplingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "{} cannot be read: {error}", path.display()),
            Self::Parse(path, why) => {
                write!(f, "{} is no file of strategies: {why}", path.display())
            }
        }
    }
}

impl std::error::Error for SamplingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read(_, error) => Some(error),
            Self::Parse(..) => None,
        }
    }
}
