//! From the queue to the exporter, on the export thread.

use std::sync::Arc;

use tokio::{
    task::yield_now,
    time::{Instant, sleep_until},
};

use super::{account::Account, exit::Exit, queue::Next, unique};
use crate::setup::transport::{
    Failure, Taken,
    delivery::{Attempt, Backoff, Terms},
};

/// Takes batches, until there will be no more.
struct Worker<E> {
    account: Arc<Account>,
    exit: E,
    terms: Terms,
    backoff: Backoff,
    /// Spans that are taken and not accounted for.
    in_flight: u64,
}

/// A batch on its way.
struct Errand<'a, E: Exit> {
    exit: &'a mut E,
    parcel: &'a mut E::Parcel,
    account: &'a Account,
}

pub(super) async fn run<E: Exit>(account: Arc<Account>, exit: E, terms: Terms) {
    let mut worker = Worker {
        account: Arc::clone(&account),
        exit,
        terms,
        backoff: Backoff::default(),
        in_flight: 0,
    };
    let is_abandoned = tokio::select! {
        () = worker.work() => false,
        () = account.is_abandoned() => true,
    };
    if is_abandoned && worker.in_flight > 0 {
        let fate = worker.backoff.interrupted();
        account.ledger.interrupted(worker.in_flight, &fate);
        account.settled(worker.in_flight);
    }
    account.end();
}

impl<E: Exit> Worker<E> {
    async fn work(&mut self) {
        loop {
            let is_hasty = self.terms.haste.borrow_and_update().is_on();
            let until = match self.account.next(is_hasty) {
                Next::Take => {
                    // What waits for a collector waits in the queue.
                    self.backoff.pause(&mut self.terms.haste).await;
                    self.export().await;
                    // Where nothing is sent nothing waits: whoever abandons it is heard all the same.
                    yield_now().await;
                    continue;
                }
                Next::End => break,
                Next::Wait => {
                    self.account.tell_of_room();
                    None
                }
                Next::WaitUntil(until) => Some(Instant::from_std(until)),
            };
            let over = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.account.woken() => {}
                () = over => {}
                Ok(()) = self.terms.haste.changed() => {}
            }
        }
        self.exit.close().await;
    }

    async fn export(&mut self) {
        let Self { account, exit, .. } = self;
        if let Some(resource) = account.resource() {
            exit.set_resource(&resource);
        }
        let mut spans = account.take();
        let count = spans.len() as u64;
        if count == 0 {
            return;
        }
        self.in_flight = count;
        spans.iter_mut().for_each(unique::keep_last);
        let mut parcel = exit.pack(spans);
        let errand = Errand {
            exit,
            parcel: &mut parcel,
            account,
        };
        let fate = self.backoff.deliver(&mut self.terms, errand).await;
        self.in_flight = 0;
        account.settle(count, fate);
    }
}

impl<E: Exit> Attempt for Errand<'_, E> {
    async fn attempt(&mut self) -> Result<Taken, Failure> {
        self.exit.attempt(self.parcel).await
    }

    fn failed(&self, failure: &Failure) {
        self.account.ledger.failed(failure);
    }
}
