//! What the pipeline does by itself, or for an operator.

use std::sync::{Arc, PoisonError};

use paneld_domain::{ErrorChain, ProjectKey, Timestamp};

use super::{Append, Ingest, Inner, Salts};
use crate::{
    record::{Change, Record},
    sessions::DeviceKey,
    spool::SpoolError,
};

/// For how long the ids of requests are known.
const SEEN_FOR: chrono::TimeDelta = chrono::TimeDelta::hours(24);

impl Ingest {
    /// Uses these salts from now on.
    pub fn use_salts(&self, salts: Salts) {
        let present = self.0.salts.write();
        *present.unwrap_or_else(PoisonError::into_inner) = Arc::new(salts);
    }

    /// Ends the sessions to which nothing came for half an hour. One that cannot be ended now is
    /// ended the next time.
    ///
    /// # Errors
    /// When a session's end could not be written.
    pub async fn end_idle_sessions(&self) -> Result<(), SpoolError> {
        let now = self.0.clock.now();
        let due = self.0.live.due(now).await;
        self.each(due, move |inner, device| async move {
            inner.end_if_idle(device, now).await
        })
        .await
    }

    /// Forgets the ids of requests after a day.
    ///
    /// # Errors
    /// When the spool is closed.
    pub fn forget_seen(&self) -> Result<(), SpoolError> {
        self.0.spool.forget_seen(self.0.clock.now() - SEEN_FOR)
    }

    /// Takes the file that knows where addresses are anew, if it changed.
    pub fn reload_places(&self) {
        match self.0.places.reload_if_changed() {
            Ok(true) => tracing::info!("read the changed file of places"),
            Ok(false) => {}
            Err(error) => {
                let error = ErrorChain(&error);
                tracing::warn!(%error, "the changed file of places cannot be used; the old one is");
            }
        }
    }

    /// Forgets all that a project has, behind everything that was accepted before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn purge(&self, project: ProjectKey) -> Result<(), SpoolError> {
        let devices = self.0.live.find(|key, _| key.project() == project).await;
        self.0.forget(project, devices, vec![Change::Purge]).await?;
        Ok(())
    }

    /// Forgets what is older than a project wants.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn retain(
        &self,
        project: ProjectKey,
        events_before: Option<Timestamp>,
        replays_before: Timestamp,
    ) -> Result<(), SpoolError> {
        let change = Change::Forget {
            events_before,
            replays_before,
        };
        let record = Record::new(project, self.0.clock.now(), vec![change]);
        self.0.spool.append(&Append::new(record)).await?;
        Ok(())
    }

    /// Whether something can be taken.
    pub fn is_writable(&self) -> bool {
        self.0.spool.is_writable()
    }

    /// How many bytes wait to be applied.
    pub fn backlog(&self) -> u64 {
        self.0.spool.bytes()
    }

    async fn each<F>(
        &self,
        devices: Vec<DeviceKey>,
        work: impl Fn(Arc<Inner>, DeviceKey) -> F,
    ) -> Result<(), SpoolError>
    where
        F: Future<Output = Result<(), SpoolError>> + Send + 'static,
    {
        // Together, so that one commit serves many.
        let mut tasks = tokio::task::JoinSet::new();
        for device in devices {
            tasks.spawn(work(Arc::clone(&self.0), device));
        }
        let mut result = Ok(());
        while let Some(ended) = tasks.join_next().await {
            result = result.and(ended.unwrap_or(Err(SpoolError::Closed)));
        }
        result
    }
}

impl Inner {
    async fn end_if_idle(&self, device: DeviceKey, now: Timestamp) -> Result<(), SpoolError> {
        let held = self.live.hold([&device]).await;
        let Some(live) = held.get(&device).filter(|live| live.is_due(now)).cloned() else {
            return Ok(());
        };
        let session = live.session.clone();
        let (rest, end) = live.rest(now);
        let mut changes = Vec::new();
        if let Some(end) = end {
            changes.push(Change::Event(Box::new(end)));
            changes.push(Change::Session(Box::new(session)));
        }
        let record = Record::new(device.project(), now, changes);
        let append = Append::with_live(record, vec![(device, rest)]);
        self.write(held, append).await?;
        Ok(())
    }

    /// Writes changes that forget something, and lets go of the sessions of these devices: to the
    /// end, even if the caller goes away, or a session that is gone on disk would go on in memory.
    pub(super) async fn forget(
        self: &Arc<Self>,
        project: ProjectKey,
        devices: Vec<DeviceKey>,
        changes: Vec<Change>,
    ) -> Result<u64, SpoolError> {
        let inner = Arc::clone(self);
        let forgotten = tokio::spawn(async move {
            let held = inner.live.hold(&devices).await;
            let record = Record::new(project, inner.clock.now(), changes.clone());
            let gone = devices.iter().map(|device| (device.clone(), None));
            let append = Append::with_live(record, gone.collect());
            let position = inner.write(held, append).await?;
            inner.removals.note(position, project, &changes);
            Ok(position)
        });
        forgotten.await.map_err(|_panicked| SpoolError::Closed)?
    }
}
