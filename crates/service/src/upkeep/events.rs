//! What must be done again and again for events: retention, salts, idle sessions, and purging what
//! is left of deleted projects.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use paneld_domain::{Clock, ProjectKey, Timestamp};
use paneld_ingest::{Salt, Salts};
use paneld_repository::Repository;
use tokio::{sync::Mutex, task::spawn_blocking};

use crate::{Pipeline, ServiceError};

/// For how many days recordings of sessions are kept.
const REPLAY_DAYS: u32 = 30;
/// How long to wait until what was accepted before is applied.
const PATIENCE: Duration = Duration::from_secs(10);

/// The upkeep of events.
#[derive(Debug)]
pub(super) struct EventUpkeep {
    pipeline: Pipeline,
    repository: Repository,
    clock: Clock,
    /// The purged projects of which this server is sure to keep no events: `None` as long as the
    /// event store was not looked at.
    purged: Mutex<Option<HashSet<ProjectKey>>>,
}

impl EventUpkeep {
    pub(super) fn new(pipeline: Pipeline, repository: Repository, clock: Clock) -> Self {
        Self {
            pipeline,
            repository,
            clock,
            purged: Mutex::default(),
        }
    }

    /// Forgets events and recordings whose time is over; and looks again for what is left of
    /// purged projects the next time.
    pub(super) async fn retain(&self) -> Result<(), ServiceError> {
        *self.purged.lock().await = None;
        let now = self.clock.now();
        let before = |days: u32| now - chrono::TimeDelta::days(days.into());
        let replays_before = before(REPLAY_DAYS);
        let ingest = &self.pipeline.ingest;
        let mut limited = HashMap::new();
        for (key, days) in self.repository.list_retentions().await? {
            let events_before = days.map(|days| before(days.get()));
            limited.extend(events_before.map(|before| (key, before)));
            ingest.retain(key, events_before, replays_before).await?;
        }
        Ok(ingest.forget_refused(limited, replays_before).await?)
    }

    pub(super) async fn renew_salts(&self) -> Result<(), ServiceError> {
        let salts = current_salts(&self.repository, self.clock.now()).await?;
        self.pipeline.ingest.use_salts(salts);
        Ok(())
    }

    pub(super) async fn reload_databases(&self) {
        let ingest = self.pipeline.ingest.clone();
        let reloaded = spawn_blocking(move || ingest.reload_databases()).await;
        if let Err(error) = reloaded {
            tracing::error!(%error, "the files of places and networks could not be looked at");
        }
    }

    pub(super) async fn end_idle_sessions(&self) -> Result<(), ServiceError> {
        let ingest = &self.pipeline.ingest;
        ingest.forget_seen()?;
        Ok(ingest.end_idle_sessions().await?)
    }

    /// Purges events of projects that the catalog knows to be purged, and of no others: one that
    /// is not in the catalog may be missing there because an older backup was restored.
    pub(super) async fn purge(&self) -> Result<(), ServiceError> {
        let mut purged = self.purged.lock().await;
        let are_gone = match purged.as_mut() {
            Some(are_gone) => are_gone,
            None => match self.purged_without_events().await? {
                Some(are_gone) => purged.insert(are_gone),
                // The next time.
                None => return Ok(()),
            },
        };
        for key in self.repository.list_purged_projects().await? {
            if !are_gone.contains(&key) {
                // Behind all that was accepted before; a second time does no harm.
                self.pipeline.ingest.purge(key).await?;
                are_gone.insert(key);
            }
        }
        Ok(())
    }

    /// The purged projects of which nothing is in the event store, nor on the way there. `None`
    /// when that cannot be seen now.
    async fn purged_without_events(&self) -> Result<Option<HashSet<ProjectKey>>, ServiceError> {
        let Pipeline { ingest, store } = &self.pipeline;
        if ingest.settle(PATIENCE).await.is_err() {
            return Ok(None);
        }
        let Ok(with_events) = store.list_projects().await else {
            return Ok(None);
        };
        let there = self.repository.list_retentions().await?;
        let there = there.into_iter().map(|(key, _)| key);
        let there = there.collect::<HashSet<_>>();
        let purged = self.repository.list_purged_projects().await?;
        let mut purged = purged.into_iter().collect::<HashSet<_>>();
        let is_unknown = |key: &ProjectKey| !there.contains(key) && !purged.contains(key);
        let unknown = with_events.iter().filter(|&key| is_unknown(key)).count();
        if unknown > 0 {
            tracing::warn!(
                projects = unknown,
                "there are events of projects that the catalog does not know, perhaps because it \
                 was restored from a backup: they are kept"
            );
        }
        purged.retain(|key| !with_events.contains(key));
        Ok(Some(purged))
    }
}

/// The salts of this day.
///
/// # Errors
/// When the catalog cannot be asked.
pub async fn current_salts(repository: &Repository, now: Timestamp) -> Result<Salts, ServiceError> {
    let salts = repository.salts(now, rand::random()).await?;
    Ok(Salts {
        current: Salt::new(salts.current),
        previous: Salt::new(salts.previous),
    })
}
