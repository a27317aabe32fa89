//! What the pipeline does by itself, or for an operator.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use paneld_domain::{CLOCK_LEEWAY, ErrorChain, ProjectKey, Timestamp};
use tokio::task::spawn_blocking;

use super::{Ingest, inner::Inner, people::last_seen};
use crate::{
    Salts,
    pipeline::{
        record::{Change, Record},
        sessions::DeviceKey,
        spool::{Account, Append, RecordFilter, SpoolError},
        to_the_end::to_the_end,
    },
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
        let (due, ahead) = self.0.live.due(now).await;
        let now_ms = now.timestamp_millis();
        let before = self.0.swept_at.swap(now_ms, Ordering::Relaxed);
        if ahead > 0 || before - now_ms > CLOCK_LEEWAY.num_milliseconds() {
            tracing::warn!(
                sessions = ahead,
                now = %now.to_rfc3339(),
                "the clock was ahead: sessions of the future are ended"
            );
            // Until the clock is where it was, those who come may have had a session then.
            self.0.live.note_crowded(before.max(now_ms));
        }
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

    /// Takes the files that know something of addresses anew, if they changed.
    pub fn reload_databases(&self) {
        let places = self.0.places.reload_if_changed();
        let networks = self.0.networks.reload_if_changed();
        for (what, reloaded) in [("places", places), ("networks", networks)] {
            match reloaded {
                Ok(true) => tracing::info!("read the changed file of {what}"),
                Ok(false) => {}
                Err(error) => {
                    let error = ErrorChain(&error);
                    tracing::warn!(%error, "the changed file of {what} cannot be used; the old one is");
                }
            }
        }
    }

    /// Forgets all that a project has, behind everything that was accepted before.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn purge(&self, project: ProjectKey) -> Result<(), SpoolError> {
        self.0.diagnostics.forget(project);
        let devices = self.0.live.find(|key, _| key.project() == project).await;
        self.0.forget(project, devices, vec![Change::Purge]).await?;
        let is_theirs = move |record: &Record| record.project() == project;
        self.0.drop_set_aside(is_theirs).await
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
        let append = Append::new(Account::Upkeep, record);
        self.0.spool.append(&append).await?;
        Ok(())
    }

    /// Forgets records that a sink refused, as far as what they have is older than their projects
    /// want: of each project from before which time, and recordings of all from before another.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn forget_refused(
        &self,
        events_before: HashMap<ProjectKey, Timestamp>,
        replays_before: Timestamp,
    ) -> Result<(), SpoolError> {
        let is_old = move |record: &Record| {
            let before = events_before.get(&record.project());
            before.is_some_and(|before| record.at < *before)
                || record.at < replays_before && record.is_recording()
        };
        self.0.drop_set_aside(is_old).await
    }

    /// Writes the file of the spool anew, so that nothing is left in it of what was removed, nor
    /// who sent requests that came up to this time. What is tracked waits meanwhile.
    ///
    /// # Errors
    /// When it could not be written anew; then the old one goes on.
    pub async fn compact(&self, seen_until: Timestamp) -> Result<(), SpoolError> {
        self.0.spool.compact(seen_until).await
    }

    /// The position of the last record that was taken: how much comes in is how fast it grows.
    pub fn last_position(&self) -> u64 {
        self.0.spool.last()
    }

    /// Waits until the event store has everything that was taken until now.
    pub async fn reach_events(&self) {
        self.0.progress.reach_events(self.0.spool.last()).await;
    }

    /// Whether something can be taken.
    pub fn is_writable(&self) -> bool {
        self.0.spool.is_writable()
    }

    /// Whether so much waits that it matters who else wants room in the spool, which
    /// [`Self::note_projects`] tells.
    pub fn is_half_full(&self) -> bool {
        self.0.spool.is_half_full()
    }

    /// Notes whether there is more than one project. A single one may fill the spool; it counts as
    /// one of several until it is told otherwise.
    pub fn note_projects(&self, are_several: bool) {
        self.0.spool.note_projects(are_several);
    }

    /// Sets the gauges of what waits, and of the sessions that are live; and says in the log when
    /// much waits.
    pub async fn measure(&self) {
        let spool = &self.0.spool;
        spool.tell_fill();
        let sessions = self.0.live.used();
        #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
        for (name, value) in [
            ("paneld_spool_bytes", spool.bytes() as f64),
            ("paneld_live_sessions", sessions.sessions as f64),
            ("paneld_live_session_bytes", sessions.bytes as f64),
        ] {
            metrics::gauge!(name).set(value);
        }
        for (sink, applied) in self.0.progress.positions() {
            let waiting = match applied {
                _ if spool.bytes() == 0 => 0,
                // It has not said yet how far it is.
                0 => continue,
                applied => spool.last().saturating_sub(applied),
            };
            #[expect(clippy::cast_precision_loss, reason = "nobody counts that far")]
            metrics::gauge!("paneld_spool_records", "sink" => sink).set(waiting as f64);
        }
        let is_up = if spool.can_write() { 1.0 } else { 0.0 };
        metrics::gauge!("paneld_spool_up").set(is_up);
        // A spool that cannot be read is told of by who has to read it.
        if let Ok(waited) = self.oldest_wait().await {
            metrics::gauge!("paneld_spool_oldest_record_age_seconds").set(waited.as_secs_f64());
        }
    }

    /// How long the oldest record has waited that not every sink has applied; no time when none
    /// waits.
    async fn oldest_wait(&self) -> Result<Duration, SpoolError> {
        let inner = Arc::clone(&self.0);
        let read = spawn_blocking(move || {
            let applied = inner.progress.applied().everywhere;
            inner.spool.read(RecordFilter::All, applied, 1)
        });
        let part = read.await.map_err(|_stopped| SpoolError::Closed)??;
        let oldest = part.records.first().map(|spooled| spooled.record.at);
        let waited = oldest.map(|at| self.0.clock.now() - at);
        Ok(waited
            .and_then(|waited| waited.to_std().ok())
            .unwrap_or_default())
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
        let (session, is_big) = (live.session.clone(), live.is_big());
        let seen = last_seen(&live);
        let (rest, end) = live.rest(now);
        let mut changes = Vec::new();
        if end.is_some() || is_big {
            changes.push(Change::Session(Box::new(session)));
        }
        if let Some(end) = end {
            changes.push(Change::Event(Box::new(end)));
            changes.extend(seen);
        }
        let record = Record::new(device.project(), now, changes);
        let account = Account::Project(device.project());
        let append = Append::with_live(account, record, vec![(device, rest)]);
        self.write(held, append).await?;
        Ok(())
    }

    /// Lets go of the records that a sink refused and that are meant.
    pub(super) async fn drop_set_aside(
        self: &Arc<Self>,
        is_meant: impl Fn(&Record) -> bool + Send + 'static,
    ) -> Result<(), SpoolError> {
        let inner = Arc::clone(self);
        let found = spawn_blocking(move || inner.spool.find_set_aside(is_meant));
        let found = found.await.unwrap_or(Err(SpoolError::Closed))?;
        if found.is_empty() {
            return Ok(());
        }
        self.spool.drop_set_aside(found).await
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
        let forgotten = to_the_end(async move {
            let held = inner.live.hold(&devices).await;
            let record = Record::new(project, inner.clock.now(), changes.clone());
            let gone = devices.iter().map(|device| (device.clone(), None));
            let append = Append::with_live(Account::Upkeep, record, gone.collect());
            let position = inner.write(held, append).await?;
            inner.removals.note(position, project, &changes);
            Ok(position)
        });
        forgotten.await
    }
}
