//! Where spans and logs are kept: SQLite, in memory or in a file, bounded by bytes.
//!
//! One thread writes, and answers when what it was given is committed. Reads have connections and a deadline of their own.

mod calls;
mod counts;
mod evict;
mod read;
pub(crate) mod stats;
mod write;

use std::{
    fmt,
    path::PathBuf,
    process,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, TrySendError},
    },
    thread,
    time::{Duration, Instant},
};

use http::StatusCode;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{oneshot, watch};

pub use self::{
    calls::Calls,
    read::{Found, Search, Stored, StoredLog, Tally, Whole},
};
use crate::{batch::Batch, sampling::Adaptive};

/// Where the store is, and how much it may hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Place {
    /// A file to keep it in. `None`: in memory, gone at the end.
    pub file: Option<PathBuf>,
    /// Bytes at most, of memory or of the file.
    pub limit: u64,
}

/// Why something was not stored or not found out.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// More came in than could be written. It may be sent again later.
    Overloaded,
    /// The question took longer than it may.
    Timeout,
    /// The writer has stopped.
    Closed,
    /// SQLite's own.
    Sqlite(rusqlite::Error),
}

/// The store. Cloning is one increment.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    queue: Queue,
    changes: watch::Receiver<u64>,
    /// Who counts what comes in, to say how much should.
    adaptive: OnceLock<Adaptive>,
}

/// To the writer.
#[derive(Debug)]
struct Queue {
    sender: mpsc::SyncSender<Order>,
    /// Bytes that wait.
    waiting: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Order {
    Write(Batch, oneshot::Sender<Result<(), StoreError>>),
    Clear(oneshot::Sender<Result<(), StoreError>>),
}

/// Requests that wait at most, and their bytes.
const WAITING: usize = 256;
const WAITING_BYTES: u64 = 64 << 20;
/// A question may take as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

impl Default for Place {
    /// 256 MiB of memory.
    fn default() -> Self {
        Self {
            file: None,
            limit: 256 << 20,
        }
    }
}

impl Store {
    /// Opens the store, or makes it, and starts its writer.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or is none of ours.
    pub fn open(place: &Place) -> Result<Self, StoreError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let path = place.file.clone().unwrap_or_else(|| {
            let number = NUMBER.fetch_add(1, Relaxed);
            PathBuf::from(format!(
                "file:/throughline-{}-{number}?vfs=memdb",
                process::id()
            ))
        });
        let connection = connect(&path)?;
        if place.file.is_some() {
            connection.pragma_update(None, "journal_mode", "WAL")?;
            // What was acknowledged survives the process; a power cut may take the last of it.
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
        }
        connection.execute_batch(include_str!("schema.sql"))?;
        let (sender, orders) = mpsc::sync_channel(WAITING);
        let (changed, changes) = watch::channel(0);
        let waiting = Arc::new(AtomicU64::new(0));
        let writer = write::Writer::new(connection, place.limit, Arc::clone(&waiting), changed);
        thread::Builder::new()
            .name("viewer-store".to_owned())
            .spawn(move || writer.run(&orders))
            .map_err(|_| StoreError::Closed)?;
        Ok(Self(Arc::new(Inner {
            path,
            readers: Mutex::default(),
            queue: Queue { sender, waiting },
            changes,
            adaptive: OnceLock::new(),
        })))
    }

    /// Stores what came in. Returns when it is committed.
    pub(crate) async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        if batch.groups.is_empty() {
            return Ok(());
        }
        if let Some(adaptive) = self.0.adaptive.get() {
            adaptive.count(&batch);
        }
        let weight = batch.weight() as u64;
        let queue = &self.0.queue;
        if queue.waiting.load(Relaxed) + weight > WAITING_BYTES {
            return Err(StoreError::Overloaded);
        }
        queue.waiting.fetch_add(weight, Relaxed);
        let sent = self.order(|answer| Order::Write(batch, answer));
        if sent.is_err() {
            queue.waiting.fetch_sub(weight, Relaxed);
        }
        sent?.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Forgets all.
    ///
    /// # Errors
    ///
    /// When it could not be written.
    pub async fn clear(&self) -> Result<(), StoreError> {
        self.order(Order::Clear)?
            .await
            .unwrap_or(Err(StoreError::Closed))
    }

    /// Has what comes in counted, from now on.
    pub(crate) fn tell(&self, adaptive: Adaptive) {
        let _first = self.0.adaptive.set(adaptive);
    }

    /// A number that grows with each commit.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.clone()
    }

    /// Asks the store something, off the async threads, within the deadline.
    ///
    /// # Errors
    ///
    /// [`StoreError::Timeout`] when the answer took too long.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.read_blocking(PATIENCE, ask))
            .await
            .unwrap_or(Err(StoreError::Closed))
    }

    fn read_blocking<T>(
        &self,
        patience: Duration,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let pooled = self.readers().pop();
        let mut connection = match pooled {
            Some(connection) => connection,
            None => connect(&self.0.path)?,
        };
        let deadline = Instant::now() + patience;
        connection.progress_handler(10_000, Some(move || Instant::now() > deadline))?;
        let answer = ask(&connection);
        self.readers().push(connection);
        Ok(answer?)
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.0
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<(), StoreError>>) -> Order,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let (answer, answered) = oneshot::channel();
        match self.0.queue.sender.try_send(order(answer)) {
            Ok(()) => Ok(answered),
            Err(TrySendError::Full(_)) => Err(StoreError::Overloaded),
            Err(TrySendError::Disconnected(_)) => Err(StoreError::Closed),
        }
    }
}

fn connect(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

impl StoreError {
    /// What to answer over HTTP.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::Timeout | Self::Closed => StatusCode::SERVICE_UNAVAILABLE,
            Self::Sqlite(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::Timeout,
            Some(ErrorCode::DatabaseBusy) => Self::Overloaded,
            _ => Self::Sqlite(error),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overloaded => {
                f.write_str("more comes in than can be stored; send it again later")
            }
            Self::Timeout => write!(f, "the search took longer than {} s", PATIENCE.as_secs()),
            Self::Closed => f.write_str("the store is closed"),
            Self::Sqlite(error) => write!(f, "the store failed: {error}"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Sqlite(error) => Some(error),
            _ => None,
        }
    }
}
