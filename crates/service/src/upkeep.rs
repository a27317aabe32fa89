//! What must be done again and again.

#[cfg_attr(not(feature = "events"), path = "upkeep/no_events.rs")]
mod events;

use std::sync::Arc;

use paneld_auth::Authenticator;
use paneld_domain::Clock;
use paneld_repository::{Act, DueProject, Repository};

use self::events::EventUpkeep;
use crate::{Pipeline, ServiceError};

#[cfg(feature = "events")]
pub use self::events::current_salts;

/// Purges deleted projects, forgets kept replies, and writes down when clients were last used; and
/// what has to be done for events.
#[derive(Debug, Clone)]
pub struct Upkeep {
    repository: Repository,
    authenticator: Arc<Authenticator>,
    /// `None` where no events are kept.
    events: Option<Arc<EventUpkeep>>,
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
        let of_events = |pipeline| EventUpkeep::new(pipeline, repository.clone(), clock.clone());
        Self {
            events: pipeline.map(of_events).map(Arc::new),
            repository,
            authenticator,
            clock,
        }
    }

    /// Removes all projects whose time to be restored is over; and events of this server that are
    /// left of any project that was purged, whoever purged it. One project that cannot be removed
    /// does not keep the others.
    ///
    /// # Errors
    /// The last one of those that came up; what was not purged will be tried the next time.
    pub async fn purge_projects(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut result = Ok(());
        for DueProject {
            key,
            id,
            organization_id,
        } in self.repository.list_projects_due(now).await?
        {
            let purged =
                self.repository
                    .purge_project(organization_id, key, now, Act::of_operator(now));
            match purged.await {
                Ok(true) => tracing::info!(project.id = %id, "purged a deleted project"),
                Ok(false) => {}
                Err(error) => result = Err(error.into()),
            }
        }
        while !self.repository.remove_purged_people().await? {}
        if let Some(events) = &self.events {
            events.purge().await?;
        }
        result
    }

    /// Forgets events and recordings whose time is over, of every project; what is left of purged
    /// projects is looked for the next time that [projects are purged](Self::purge_projects).
    ///
    /// # Errors
    /// When the catalog cannot be asked, or the spool cannot be written.
    pub async fn retain(&self) -> Result<(), ServiceError> {
        match &self.events {
            Some(events) => events.retain().await,
            None => Ok(()),
        }
    }

    /// Takes the salts of today.
    ///
    /// # Errors
    /// When the catalog cannot be asked; then those known last go on.
    pub async fn renew_salts(&self) -> Result<(), ServiceError> {
        match &self.events {
            Some(events) => events.renew_salts().await,
            None => Ok(()),
        }
    }

    /// Reads the files of places and networks again, if they changed.
    pub async fn reload_databases(&self) {
        if let Some(events) = &self.events {
            events.reload_databases().await;
        }
    }

    /// Ends the sessions to which nothing came for half an hour.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub async fn end_idle_sessions(&self) -> Result<(), ServiceError> {
        match &self.events {
            Some(events) => events.end_idle_sessions().await,
            None => Ok(()),
        }
    }

    /// Forgets replies that were kept for a day.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn forget_replies(&self) -> Result<(), ServiceError> {
        Ok(self.repository.forget_replies(self.clock.now()).await?)
    }

    /// Forgets sessions of the console, links to sign in with and share links whose time is over.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn forget_sessions(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        Ok(self.repository.forget_ended_sessions(now).await?)
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
