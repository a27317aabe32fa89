//! What must be done again and again.

use std::sync::Arc;

use paneld_auth::Authenticator;
use paneld_domain::Clock;
use paneld_repository::Repository;

use crate::ServiceError;

/// Purges deleted projects, and writes down when clients were last used.
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

    /// Removes all projects whose time to be restored is over.
    ///
    /// # Errors
    /// When the catalog cannot be written; what was not purged will be the next time.
    pub async fn purge_projects(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        for project in self.repository.list_projects_due(now).await? {
            if self.repository.purge_project(project.key, now).await? {
                tracing::info!(project.id = %project.id, "purged a deleted project");
            }
        }
        Ok(())
    }

    /// Writes down the last uses of clients since the last time.
    ///
    /// # Errors
    /// When the catalog cannot be written; those uses are forgotten then.
    pub async fn record_uses(&self) -> Result<(), ServiceError> {
        let uses = self.authenticator.take_uses();
        if !uses.is_empty() {
            self.repository.record_uses(uses).await?;
        }
        Ok(())
    }
}
