//! Where spans and logs are kept: SQLite, in memory or in a file, bounded by bytes.
//!
//! One thread writes, and answers when what it was given is committed. Reads have connections and a deadline of their own.
//! In a file they see the last commit while the next is written. In memory they take turns with the writer, in the order
//! in which they came: a commit is small, and so is the wait.

mod calls;
mod counts;
mod edges;
mod error;
mod evict;
mod find;
mod insert;
mod known;
mod open;
mod peer;
mod search;
mod seen;
mod sketch;
pub(crate) mod stats;
mod summary;
mod sums;
mod whole;
mod words;
mod write;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, TrySendError},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::{RwLock, Semaphore, oneshot, watch};

pub use self::{
    calls::Calls,
    error::StoreError,
    search::{Found, Search, Tally},
    whole::{Stored, StoredLog, Whole},
};
pub(crate) use self::{peer::Peer, sketch::Sketches};
use crate::{
    batch::Batch,
    sampling::{Adaptive, Begun},
};

/// Where the store is, and how much it may hold.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Place {
    /// A file to keep it in. `None`: in memory, gone at the end.
    pub file: Option<PathBuf>,
    /// Bytes at most: of the file, or of the process's memory. A sixth of memory, 40 MiB at most, is not for traces but
    /// for what handles them; a process that does more than this needs its own memory besides. Memory holds 896 MiB at most.
    pub limit: u64,
}

/// The store. Cloning is one increment.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    readers: Mutex<Vec<Connection>>,
    /// Who reads at the same time: each has a connection with a cache.
    turns: Arc<Semaphore>,
    gate: Gate,
    queue: Queue,
    changes: watch::Receiver<u64>,
    /// Who counts what comes in, to say how much should.
    adaptive: OnceLock<Adaptive>,
}

/// Whom the writer of memory waits for, and who waits for it. Fair: first come, first served.
type Gate = Option<Arc<RwLock<()>>>;

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

/// Requests that wait at most, and their bytes. One that is larger is taken when nothing waits.
const WAITING: usize = 256;
const WAITING_BYTES: u64 = 8 << 20;
/// Questions that are answered at the same time.
const READERS: usize = 4;
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
        let (connection, path) = open::open(place)?;
        let gate = place.file.is_none().then(Arc::default);
        let (sender, orders) = mpsc::sync_channel(WAITING);
        let (changed, changes) = watch::channel(0);
        let waiting = Arc::new(AtomicU64::new(0));
        let writer = write::Writer {
            connection,
            limit: open::tables(place),
            waiting: Arc::clone(&waiting),
            changed,
            gate: gate.clone(),
            known: known::Known::default(),
            version: 0,
        };
        thread::Builder::new()
            .name("viewer-store".to_owned())
            .spawn(move || writer.run(&orders))
            .map_err(|_| StoreError::Closed)?;
        Ok(Self(Arc::new(Inner {
            path,
            readers: Mutex::default(),
            turns: Arc::new(Semaphore::new(READERS)),
            gate,
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
        let adaptive = self.0.adaptive.get();
        let begun = adaptive.map(|adaptive| (adaptive, Begun::in_batch(&batch)));
        let weight = batch.weight() as u64;
        let queue = &self.0.queue;
        let admitted = queue.waiting.fetch_update(Relaxed, Relaxed, |waiting| {
            let has_room = waiting == 0 || waiting + weight <= WAITING_BYTES;
            has_room.then_some(waiting + weight)
        });
        if admitted.is_err() {
            return Err(StoreError::Overloaded);
        }
        let sent = self.order(|answer| Order::Write(batch, answer));
        if sent.is_err() {
            queue.waiting.fetch_sub(weight, Relaxed);
        }
        sent?.await.unwrap_or(Err(StoreError::Closed))?;
        // What was refused may come again.
        if let Some((adaptive, begun)) = begun {
            adaptive.count(&begun);
        }
        Ok(())
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

    /// A number that grows with each commit, before whoever asked for it has the answer.
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
        let waits = async {
            let turn = Arc::clone(&self.0.turns).acquire_owned().await;
            let gate = match &self.0.gate {
                Some(gate) => Some(Arc::clone(gate).read_owned().await),
                None => None,
            };
            Ok::<_, StoreError>((turn.map_err(|_| StoreError::Closed)?, gate))
        };
        let (turn, gate) = tokio::time::timeout(PATIENCE, waits)
            .await
            .map_err(|_| StoreError::Timeout)??;
        let store = self.clone();
        tokio::task::spawn_blocking(move || {
            let answer = store.read_blocking(ask);
            drop((gate, turn));
            answer
        })
        .await
        .unwrap_or(Err(StoreError::Closed))
    }

    fn read_blocking<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let pooled = self.readers().pop();
        let mut connection = match pooled {
            Some(connection) => connection,
            None => open::connect(&self.0.path)?,
        };
        let deadline = Instant::now() + PATIENCE;
        connection.progress_handler(10_000, Some(move || Instant::now() > deadline))?;
        // All that is asked is of one commit.
        let transaction = connection.transaction()?;
        let answer = ask(&transaction);
        drop(transaction);
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
