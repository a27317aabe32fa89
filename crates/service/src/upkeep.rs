//! What must be done again and again.

mod purges;

use std::{collections::HashMap, sync::Arc};

use paneld_auth::Authenticator;
use paneld_domain::{Clock, Timestamp};
use paneld_ingest::{Salt, Salts};
use paneld_repository::Repository;

use self::purges::PurgedEvents;
use crate::{Pipeline, ServiceError};

/// For how many days recordings of sessions are kept.
const REPLAY_DAYS: u32 = 30;

/// Purges deleted projects, forgets kept replies, and writes down when clients were last used.
#[derive(Debug, Clone)]
pub struct Upkeep {
    repository: Repository,
    authenticator: Arc<Authenticator>,
    /// `None` where no events are kept.
    pipeline: Option<Pipeline>,
    purged: PurgedEvents,
    clock: Clock,
}

impl Upkeep {
    /// The upkeep of this catalog, and of these events, if any are kept.
    pub fn new(
        repository: Repository,
        authenticator: Arc<Authenticator>,
        pipeline: Option<Pipeline>,
        clock: Clock,
    ) -> Self {
        Self {
            repository,
            authenticator,
            pipeline,
            purged: PurgedEvents::default(),
            clock,
        }
    }

    /// Forgets events and recordings whose time is over, of every project; what is left of purged
    /// projects is looked for the next time that [projects are purged](Self::purge_projects).
    ///
    /// # Errors
    /// When the catalog cannot be asked, or the spool cannot be written.
    pub async fn retain(&self) -> Result<(), ServiceError> {
        let Some(Pipeline { ingest, .. }) = &self.pipeline else {
            return Ok(());
        };
        self.purged.look_again().await;
        let now = self.clock.now();
        let before = |days: u32| now - chrono::TimeDelta::days(days.into());
        let replays_before = before(REPLAY_DAYS);
        let mut limited = HashMap::new();
        for (key, days) in self.repository.list_retentions().await? {
            let events_before = days.map(|days| before(days.get()));
            limited.extend(events_before.map(|before| (key, before)));
            ingest.retain(key, events_before, replays_before).await?;
        }
        Ok(ingest.forget_refused(limited, replays_before).await?)
    }

    /// Takes the salts of today.
    ///
    /// # Errors
    /// When the catalog cannot be asked; then those known last go on.
    pub async fn renew_salts(&self) -> Result<(), ServiceError> {
        if let Some(Pipeline { ingest, .. }) = &self.pipeline {
            let salts = current_salts(&self.repository, self.clock.now()).await?;
            ingest.use_salts(salts);
        }
        Ok(())
    }

    /// Reads the files of places and networks again, if they changed.
    pub async fn reload_databases(&self) {
        let Some(Pipeline { ingest, .. }) = self.pipeline.clone() else {
            return;
        };
        let reloaded = tokio::task::spawn_blocking(move || ingest.reload_databases()).await;
        if let Err(error) = reloaded {
            tracing::error!(%error, "the files of places and networks could not be looked at");
        }
    }

    /// Ends the sessions to which nothing came for half an hour.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub async fn end_idle_sessions(&self) -> Result<(), ServiceError> {
        if let Some(Pipeline { ingest, .. }) = &self.pipeline {
            ingest.forget_seen()?;
            ingest.end_idle_sessions().await?;
        }
        Ok(())
    }

    /// Forgets replies that were kept for a day.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn forget_replies(&self) -> Result<(), ServiceError> {
        Ok(self.repository.forget_replies(self.clock.now()).await?)
    }

    /// Writes down the last uses of clients since the last time.
    ///
    /// # Errors
    /// When the catalog cannot be written; the uses wait for the next time.
    pub async fn record_uses(&self) -> Result<(), ServiceError> {
        let uses = self.authenticator.take_uses();
        if uses.is_empty() {
            return Ok(());
        }
        let recorded = self
            .repository
            .record_uses(uses.clone().into_iter().collect())
            .await;
        if recorded.is_err() {
            self.authenticator.put_back_uses(uses);
        }
        Ok(recorded?)
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
