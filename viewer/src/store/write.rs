//! The one thread that writes.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
    mpsc,
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{oneshot, watch};

use super::{Gate, Order, StoreError, evict, insert::Insert, known::Known};
use crate::{
    batch::Batch,
    sampling::{Adaptive, Begun},
};

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) limit: u64,
    /// Bytes that wait.
    pub(super) waiting: Arc<AtomicU64>,
    pub(super) changed: watch::Sender<u64>,
    pub(super) gate: Gate,
    pub(super) known: Known,
    /// Differs once another process has written to the file.
    pub(super) version: i64,
    /// Who is told which traces began.
    pub(super) adaptive: Arc<OnceLock<Adaptive>>,
}

/// Requests that are committed together at most, and their bytes: readers of memory wait so long.
const TOGETHER: usize = 64;
const TOGETHER_BYTES: usize = 512 << 10;

type Answer = oneshot::Sender<Result<(), StoreError>>;

impl Writer {
    /// Until nobody can give orders any more.
    pub(super) fn run(mut self, orders: &mpsc::Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            let mut batches = Vec::new();
            let mut bytes = 0;
            let mut next = Some(first);
            let mut clear = None;
            while let Some(order) = next {
                match order {
                    Order::Write(batch, answer) => {
                        bytes += batch.weight();
                        batches.push((batch, answer));
                    }
                    Order::Clear(answer) => {
                        clear = Some(answer);
                        break;
                    }
                }
                next = (batches.len() < TOGETHER && bytes < TOGETHER_BYTES)
                    .then(|| orders.try_recv().ok())
                    .flatten();
            }
            if !batches.is_empty() {
                self.write(batches);
                let made = evict::make_room(
                    &mut self.connection,
                    self.limit,
                    &mut self.known,
                    &self.gate,
                );
                // The next commit tries again where it failed; some may have gone.
                if made.unwrap_or(true) {
                    self.tell();
                }
                self.known.forget_if_many();
            }
            if let Some(answer) = clear {
                self.known.forget();
                let cleared = evict::clear(&mut self.connection, &self.gate);
                self.tell();
                // Whoever asked may have left.
                answer.send(cleared.map_err(StoreError::from)).ok();
            }
        }
    }

    /// Before whoever asked for a change has the answer.
    fn tell(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// Together if they go, else each alone, so that one that fails takes no other with it.
    fn write(&mut self, batches: Vec<(Batch, Answer)>) {
        let together = self.commit(batches.iter().map(|(batch, _)| batch));
        if together.is_ok() {
            self.tell();
        }
        for (batch, answer) in batches {
            let result = match &together {
                Ok(()) => Ok(()),
                Err(_) => self.commit([&batch]).inspect(|()| self.tell()),
            };
            // Whoever has the answer may send again at once.
            self.waiting.fetch_sub(batch.weight() as u64, Relaxed);
            answer.send(result.map_err(StoreError::from)).ok();
        }
    }

    fn commit<'b>(&mut self, batches: impl IntoIterator<Item = &'b Batch>) -> rusqlite::Result<()> {
        let written = self.try_commit(batches);
        if written.is_err() {
            // The transaction took back numbers that are remembered.
            self.known.forget();
        }
        written
    }

    fn try_commit<'b>(
        &mut self,
        batches: impl IntoIterator<Item = &'b Batch>,
    ) -> rusqlite::Result<()> {
        let _alone = self.gate.as_ref().map(|gate| gate.blocking_write());
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version = transaction.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if self.version != version {
            self.version = version;
            // Others may have cleared what the numbers stand for.
            self.known.forget();
        }
        let adaptive = self.adaptive.get();
        let mut insert = Insert::new(
            &transaction,
            &mut self.known,
            adaptive.map(|_| Begun::default()),
        );
        for batch in batches {
            insert.batch(batch)?;
        }
        let begun = insert.end()?;
        transaction.commit()?;
        if let Some((adaptive, begun)) = adaptive.zip(begun) {
            adaptive.count(&begun);
        }
        Ok(())
    }
}
