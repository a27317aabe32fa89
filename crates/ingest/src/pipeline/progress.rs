//! How far the sinks are with what is in the spool.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use paneld_events::Erased;
use tokio::sync::{Notify, watch};

use crate::pipeline::spool::Applied;

/// How long to wait before appliers are told once more to hurry.
const AGAIN: Duration = Duration::from_millis(10);
/// Of how many erasures the numbers are kept for who asked: some do not wait for them.
const KEPT: usize = 1_000;

/// What the appliers tell of themselves.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The position up to which the event store is.
    pub(crate) store: watch::Sender<u64>,
    /// The position up to which the catalog is.
    pub(crate) catalog: watch::Sender<u64>,
    /// The position up to which people are copied from the catalog to the event store.
    pub(crate) copies: watch::Sender<u64>,
    /// Tells appliers not to wait for more before they go on.
    pub(crate) hurry: Notify,
    erased: Mutex<BTreeMap<u64, Erased>>,
}

impl Progress {
    /// Waits until all sinks are there.
    pub(crate) async fn reach(&self, position: u64) {
        for sink in self.sinks() {
            self.reach_in(sink, position).await;
        }
    }

    /// Waits until the event store is there.
    pub(crate) async fn reach_events(&self, position: u64) {
        self.reach_in(&self.store, position).await;
    }

    /// Waits until the catalog is there.
    pub(crate) async fn reach_people(&self, position: u64) {
        self.reach_in(&self.catalog, position).await;
    }

    async fn reach_in(&self, sink: &watch::Sender<u64>, position: u64) {
        let mut progress = sink.subscribe();
        while *progress.borrow_and_update() < position {
            self.hurry.notify_waiters();
            // Again from time to time, for an applier that began to wait just now.
            let _ = tokio::time::timeout(AGAIN, progress.changed()).await;
        }
    }

    /// Up to where the sinks are.
    pub(crate) fn applied(&self) -> Applied {
        let [by_store, catalog, copies] = self.sinks().map(|sink| *sink.borrow());
        Applied {
            everywhere: by_store.min(catalog).min(copies),
            by_store,
        }
    }

    /// Up to where each sink is, by its name.
    pub(crate) fn positions(&self) -> [(&'static str, u64); 3] {
        let of = |sink: &watch::Sender<u64>| *sink.borrow();
        [
            ("events", of(&self.store)),
            ("catalog", of(&self.catalog)),
            ("copies", of(&self.copies)),
        ]
    }

    fn sinks(&self) -> [&watch::Sender<u64>; 3] {
        [&self.store, &self.catalog, &self.copies]
    }

    /// Notes what the erasures at these positions removed.
    pub(crate) fn note_erased(&self, erased: impl Iterator<Item = (u64, Erased)>) {
        let mut all = self.erased.lock().unwrap_or_else(PoisonError::into_inner);
        for (position, Erased { events, sessions }) in erased {
            let sum = all.entry(position).or_default();
            sum.events += events;
            sum.sessions += sessions;
        }
        while all.len() > KEPT {
            all.pop_first();
        }
    }

    /// What the erasure at this position removed, if it was noted.
    pub(crate) fn take_erased(&self, position: u64) -> Option<Erased> {
        let mut all = self.erased.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&position)
    }
}
