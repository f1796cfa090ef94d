//! Where spans and logs are kept: SQLite, in memory or in a file, bounded by bytes.
//!
//! One thread writes, and answers when what it was given is committed. Reads have connections and a deadline of their own.
//! In a file they see the last commit while the next is written. In memory they take turns with the writer, in the order
//! in which they came: a commit is small, and so is the wait.

mod calls;
mod candidates;
mod counts;
mod edges;
mod error;
mod evict;
mod find;
mod insert;
mod known;
mod open;
mod peer;
mod read;
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
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, TrySendError},
    },
    thread,
};

use rusqlite::Connection;
use tokio::sync::{RwLock, Semaphore, oneshot, watch};

use self::read::PATIENCE;
pub use self::{
    calls::Calls,
    error::StoreError,
    search::{Found, Search, Tally},
    whole::{Stored, StoredLog, Whole},
};
pub(crate) use self::{peer::Peer, read::Turn, sketch::Sketches};
use crate::{batch::Batch, sampling::Adaptive};

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
    /// Who reads at the same time.
    turns: Arc<Semaphore>,
    /// Who makes a page of what was read at the same time.
    pages: Arc<Semaphore>,
    gate: Gate,
    queue: Queue,
    changes: watch::Receiver<u64>,
    /// Who counts what comes in, to say how much should.
    adaptive: Arc<OnceLock<Adaptive>>,
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
        let adaptive = Arc::default();
        let writer = write::Writer {
            connection,
            limit: open::tables(place),
            waiting: Arc::clone(&waiting),
            changed,
            gate: gate.clone(),
            known: known::Known::default(),
            version: 0,
            adaptive: Arc::clone(&adaptive),
        };
        thread::Builder::new()
            .name("viewer-store".to_owned())
            .spawn(move || writer.run(&orders))
            .map_err(|_| StoreError::Closed)?;
        Ok(Self(Arc::new(Inner {
            path,
            readers: Mutex::default(),
            turns: Arc::new(Semaphore::new(read::READERS)),
            pages: Arc::new(Semaphore::new(read::PAGES)),
            gate,
            queue: Queue { sender, waiting },
            changes,
            adaptive,
        })))
    }

    /// Stores what came in. Returns when it is committed.
    pub(crate) async fn write(&self, batch: Batch) -> Result<(), StoreError> {
        if batch.groups.is_empty() {
            return Ok(());
        }
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

    /// Has the traces counted that begin from now on.
    pub(crate) fn tell(&self, adaptive: Adaptive) {
        let _first = self.0.adaptive.set(adaptive);
    }

    /// A number that grows with each commit, before whoever asked for it has the answer.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.clone()
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
