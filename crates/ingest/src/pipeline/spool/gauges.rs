//! What others want to know of the spool without asking the disk.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::watch;

use super::backlog::Backlog;

/// What others want to know of the spool without asking the disk.
#[derive(Debug)]
pub(crate) struct Gauges {
    /// The position of the last record.
    pub(super) last: watch::Sender<u64>,
    /// Up to where records do not count as waiting any more.
    pub(super) applied: watch::Sender<u64>,
    /// The size of all records that are not applied everywhere.
    pub(super) bytes: AtomicU64,
    /// Whose they are.
    backlog: Mutex<Backlog>,
    /// Whether the file can be written, as far as is known.
    pub(super) can_write: AtomicBool,
}

impl Gauges {
    pub(super) fn new(last: u64, backlog: Backlog) -> Self {
        Self {
            last: watch::Sender::new(last),
            applied: watch::Sender::new(0),
            bytes: AtomicU64::new(backlog.total()),
            backlog: Mutex::new(backlog),
            can_write: AtomicBool::new(true),
        }
    }

    pub(super) fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what waits.
    pub(super) fn update(&self, change: impl FnOnce(&mut Backlog)) {
        let mut backlog = self.backlog();
        change(&mut backlog);
        self.bytes.store(backlog.total(), Ordering::Relaxed);
    }
}
