//! What all exporters of a pipeline share: the thread, what is known of each collector, and where they account to.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use url::{Origin, Url};

use super::{
    batch::Account,
    endpoint::Shown,
    error::SetupError,
    ledger::{Collector, Ledger, Signal},
    report::Report,
    transport::thread::{Hurry, Running},
};

/// Cloning is one increment.
#[derive(Clone)]
pub(super) struct Exports(Arc<Shared>);

struct Shared {
    report: Report,
    /// Once something needs it.
    running: OnceLock<Running>,
    collectors: Mutex<HashMap<Origin, Arc<Collector>>>,
    /// Of what has no account of ours: the SDK queues it.
    ledgers: Mutex<Vec<Arc<Ledger>>>,
    accounts: Mutex<Vec<Arc<Account>>>,
}

impl Exports {
    pub(super) fn new(report: Report) -> Self {
        Self(Arc::new(Shared {
            report,
            running: OnceLock::new(),
            collectors: Mutex::default(),
            ledgers: Mutex::default(),
            accounts: Mutex::default(),
        }))
    }

    /// The export thread. It ends with the last clone.
    pub(super) fn thread(&self) -> Result<Running, SetupError> {
        if let Some(running) = self.0.running.get() {
            return Ok(running.clone());
        }
        let running = Running::start().map_err(|error| {
            SetupError::new("the export thread cannot be started").with_source(error)
        })?;
        Ok(self.0.running.get_or_init(|| running).clone())
    }

    /// Somebody waits for so long. Where nothing is sent nothing is in haste.
    pub(super) fn hurry(&self, limit: Duration) -> Option<Hurry> {
        let until = Instant::now().checked_add(limit);
        Some(self.0.running.get()?.hurry(until))
    }

    /// An account of what goes to this URL.
    pub(super) fn ledger(&self, signal: Signal, url: &Url) -> Ledger {
        let mut collectors = lock(&self.0.collectors);
        let collector = Arc::clone(collectors.entry(url.origin()).or_default());
        let target = Shown(url).to_string();
        Ledger::new(signal, target, self.0.report.clone(), collector)
    }

    /// An account of what goes to something without a URL.
    pub(super) fn ledger_of(&self, signal: Signal, target: &str) -> Ledger {
        let report = self.0.report.clone();
        Ledger::new(signal, target.to_owned(), report, Arc::default())
    }

    #[allow(dead_code, reason = "only OTLP has signals that the SDK queues")]
    pub(super) fn keep_ledger(&self, ledger: &Arc<Ledger>) {
        lock(&self.0.ledgers).push(Arc::clone(ledger));
    }

    pub(super) fn keep_account(&self, account: &Arc<Account>) {
        lock(&self.0.accounts).push(Arc::clone(account));
    }

    pub(super) fn ledgers(&self) -> Vec<Arc<Ledger>> {
        lock(&self.0.ledgers).clone()
    }

    /// One for each exporter of spans.
    pub(super) fn accounts(&self) -> Vec<Arc<Account>> {
        lock(&self.0.accounts).clone()
    }
}

impl fmt::Debug for Exports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exports").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
