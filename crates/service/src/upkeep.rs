//! What must be done again and again.

use std::sync::Arc;

use paneld_auth::Authenticator;
use paneld_domain::Clock;
use paneld_repository::{Act, DueProject, Repository};

use crate::ServiceError;

/// Purges deleted projects, forgets kept replies, and writes down when clients were last used.
#[derive(Debug, Clone)]
pub struct Upkeep {
    repository: Repository,
    authenticator: Arc<Authenticator>,
    clock: Clock,
}

impl Upkeep {
    /// The upkeep of this catalog.
    pub fn new(repository: Repository, authenticator: Arc<Authenticator>, clock: Clock) -> Self {
        Self {
            repository,
            authenticator,
            clock,
        }
    }

    /// Removes all projects whose time to be restored is over. One that cannot be removed does
    /// not keep the others.
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
        result
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
